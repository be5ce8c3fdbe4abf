"""Which windows make which step, and how they come to the device."""

import multiprocessing
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch.utils.data import DataLoader, Sampler

from lipkit.data.draws import Shuffled, Weighted, WindowWeights
from lipkit.data.tensors import unpack
from lipkit.data.windows import Windows, lone_worker
from lipkit.errors import LipkitError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SHARED = 2**20
"""Bytes of shared memory that loader processes take at least."""

Batch = dict[str, torch.Tensor]
"""What :class:`lipkit.data.windows.Windows` gives, with a leading batch axis, on the device."""


def _require_shared_memory() -> None:
    """Refuse loader processes where they could hand nothing over."""
    try:
        multiprocessing.Lock()
        torch.empty(SHARED, dtype=torch.uint8).share_memory_()
    except (OSError, RuntimeError) as error:
        raise _without_loaders(error) from error


def _without_loaders(error: Exception) -> LipkitError:
    *_, last = str(error).strip().splitlines()
    return LipkitError(
        f"loader processes failed ({last}); if shared memory is small or cannot be written here, "
        "train with --set train.workers=0"
    )


class EpochBatches(Sampler):
    """The batches of one epoch in an order that depends on (seed, epoch) alone.

    Every batch is full (a set smaller than a batch is one batch), so that all steps weigh
    the same. ``skip`` leaves out the first batches: those before the checkpoint. Several
    processes each take their share of every batch: ``rank`` the rank-th of ``world`` parts.
    With ``weights`` a window comes as often as they say, and not once. Nothing is made at
    the start of an epoch that grows with the number of windows.
    """

    def __init__(
        self,
        windows: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        weights: WindowWeights | None = None,
    ) -> None:
        self.weights = weights
        self.windows, self.seed, self.rank = windows, seed, rank
        self.share = min(batch_size, windows) // world
        self.batch_size = self.share * world
        self.epoch, self.skip = 0, 0

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self.windows // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        if self.weights is None:
            order = Shuffled(self.windows, self.seed, self.epoch)
        else:
            order = Weighted(self.weights, self.seed, self.epoch)
        for batch in range(self.skip, len(self)):
            first = batch * self.batch_size + self.rank * self.share
            yield order.part(first, self.share)


class Feed:
    """Batches from any step on, the same for the same step whenever it is asked for.

    Parameters
    ----------
    windows
        Raw windows (``Windows(raw=True)``): they travel to the device as they are stored.
    batch_size
        Windows a step, of all processes together.
    workers
        Loader processes of each training process.
    """

    def __init__(
        self, windows: Windows, batch_size: int, workers: int, seed: int, fabric: "Fabric"
    ) -> None:
        self.windows, self.device = windows, fabric.device
        self.sampler = EpochBatches(
            len(windows),
            batch_size,
            seed,
            fabric.global_rank,
            fabric.world_size,
            getattr(windows, "weights", None),
        )
        self.batch_size = self.sampler.batch_size
        """Windows per step, of all processes together: of a small set fewer than asked for."""
        if workers:
            _require_shared_memory()
        self.loader = DataLoader(
            windows,
            batch_sampler=self.sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=lone_worker,
            pin_memory=self.device.type == "cuda",
            # Its own: a loader that starts anew, as when a run is resumed, would take a number
            # from the generator that dropout draws from.
            generator=torch.Generator(),
        )

    def batches(self, step: int, last: int) -> Iterator[Batch]:
        """The batches of the steps after ``step`` up to and with ``last``."""
        while step < last:
            self.sampler.epoch, self.sampler.skip = divmod(step, len(self.sampler))
            self.windows.set_epoch(self.sampler.epoch)
            for batch in self._loaded():
                yield self.to_device(batch)
                step += 1
                if step == last:
                    return

    def _loaded(self) -> Iterator[Batch]:
        """What the loader gives; what its processes meet is one line, as it is without them."""
        try:
            yield from self.loader
        except LipkitError as error:
            # A loader process sends its whole traceback as text, the fault itself in the end.
            *_, last = str(error).strip().splitlines()
            raise LipkitError(last.partition(f"{LipkitError.__name__}: ")[2] or last) from error
        except (OSError, RuntimeError) as error:
            if not self.loader.num_workers:
                raise
            raise _without_loaders(error) from error

    def to_device(self, batch: Batch) -> Batch:
        """Raw windows -> what networks take, on the device."""
        moved = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
        return unpack(moved, self.windows.statistics)

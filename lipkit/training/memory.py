"""What a training step will hold in memory, told before the first; and what is said if it fails.

On a CPU. A GPU's memory is its own, and there the first step shows whether it suffices.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch
from torch import Tensor, nn

from lipkit.errors import LipkitError
from lipkit.training.batches import Batch

if TYPE_CHECKING:
    from lipkit.training.step import Step

TRIED = 2
"""Windows of the trial step: as few as there may be for losses that compare windows."""
MOMENTS = 3
"""Beside every parameter: its gradient, and Adam's two means."""
PASSING = 1.15
"""What a step holds over what it keeps for its gradients: gradients on their way back."""


@dataclass(frozen=True)
class StepMemory:
    """Bytes of one process."""

    fixed: int
    """Whatever the batch: what is held before the first step, gradients and Adam's means."""
    per_window: int
    """What a step keeps for each window of the batch."""
    windows: int
    """Of a step in this process."""
    free: int
    """Not yet taken by anybody."""

    @property
    def total(self) -> int:
        """At the peak of a step."""
        return self.fixed + self.windows * self.per_window

    def lines(self) -> list[str]:
        """For people: what it takes and, where that is much, what halves it."""
        said = [
            f"memory: about {self.total / 1e9:.1f} GB at the peak of a step, of which "
            f"{self.windows} windows take {self.per_window / 1e6:.0f} MB each"
        ]
        scarce = self.total - self.fixed > 0.8 * self.free
        if scarce:
            said.append(f"memory: only {self.free / 1e9:.1f} GB are free; the run may be killed")
        if (scarce or self.total > MUCH) and self.windows > TRIED:
            half = max(TRIED, self.windows // 2)
            said.append(
                f"memory: --set train.batch_size={half} takes about "
                f"{(self.fixed + half * self.per_window) / 1e9:.1f} GB"
            )
        return said


MUCH = 4e9
"""Bytes above which a smaller batch is proposed."""


def step_memory(
    step: "Step", modules: dict[str, nn.Module], batch: Batch, windows: int
) -> StepMemory:
    """Look at a step of a few windows, which changes nothing, and scale it to ``windows``.

    Parameters
    ----------
    step, modules
        As they will train; ``modules`` are all that a step changes.
    batch
        A few windows, on the device.
    windows
        Of a step in this process.
    """
    own = {t.untyped_storage().data_ptr() for m in modules.values() for t in _tensors(m)}
    with _unchanged(modules):
        with _kept(own) as looking:
            scene = step.look(batch)
        terms = step.networks.terms
        judging = [_bytes_of(lambda t=t: t.learn(scene), own) for t in terms.values() if _judges(t)]
        generating = _bytes_of(lambda: [term(scene) for term in terms.values()], own)
        kept = looking[0] + max([generating, *judging])
    size = len(batch["index"])
    parameters = sum(p.numel() * p.element_size() for m in modules.values() for p in m.parameters())
    return StepMemory(
        fixed=psutil.Process().memory_info().rss + MOMENTS * parameters,
        per_window=round(PASSING * kept / size),
        windows=windows,
        free=_free(),
    )


def _judges(term: Any) -> bool:
    return bool(term.learner and term.learner.log)


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _bytes_of(work: Callable[[], Any], own: set[int]) -> int:
    with _kept(own) as count:
        made = work()
    del made
    return count[0]


@contextmanager
def _kept(own: set[int]) -> Iterator[list[int]]:
    """Count the bytes that are kept for gradients, each once, without those of parameters."""
    count, seen = [0], set(own)

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            count[0] += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield count


@contextmanager
def _unchanged(modules: dict[str, nn.Module]) -> Iterator[None]:
    """Put back what a forward pass changes: running statistics, and the random numbers' state."""
    before = {
        name: [buffer.clone() for buffer in module.buffers()] for name, module in modules.items()
    }
    with torch.random.fork_rng(devices=[]):
        yield
    for name, module in modules.items():
        for buffer, old in zip(module.buffers(), before[name], strict=True):
            buffer.copy_(old)


@contextmanager
def told_when_out(out: Path, batch_size: int, least: int = 1) -> Iterator[None]:
    """Turn an allocation that fails into one line.

    Raises
    ------
    LipkitError
        Naming the run's folder ``out`` and half of ``batch_size``, or, where that is less than
        the ``least`` windows that a step needs, the generator's width.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        kinds = (torch.OutOfMemoryError, MemoryError)
        said = ("not enough memory", "can't allocate memory", "CUDA out of memory")
        if not isinstance(error, kinds) and not any(text in str(error) for text in said):
            raise
        remedy = f"--set train.batch_size={batch_size // 2} takes about half"
        if batch_size // 2 < least:
            remedy = "take a smaller generator.width, or a machine with more"
        raise LipkitError(
            f"{out}: there is not enough memory for a step of {batch_size} windows; {remedy}"
        ) from error


def _free() -> int:
    """Bytes that nobody has taken; in a container, those of its share."""
    free = psutil.virtual_memory().available
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        taken = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):
        return free
    return min(free, limit - taken)

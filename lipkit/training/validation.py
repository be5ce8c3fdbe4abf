"""What the generator makes of windows that it does not learn from."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset

from lipkit.data.tensors import to_images
from lipkit.losses import PixelLoss
from lipkit.training.batches import Batch, Feed
from lipkit.training.run_folder import write_strip

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STRIP_WINDOWS = 4
VALIDATION_WINDOWS = 256
"""At most so many windows, evenly spread over the split, make the validation figures."""


class Viewer:
    """Generates as at test time: batch norm by its running statistics, no gradients.

    Parameters
    ----------
    feed
        Of the validation split, or of the training split where there is none.
    """

    def __init__(self, feed: Feed, fabric: "Fabric") -> None:
        self.feed, self.fabric = feed, fabric
        # The same few windows always, so that strips of all steps compare.
        total = len(feed.windows)
        count = min(STRIP_WINDOWS, total)
        self.shown = feed.windows.batch([i * total // count for i in range(count)])

    def write_strip(self, generator: nn.Module, path: Path) -> None:
        """Draw the fixed windows beside the real frames."""
        batch = self.feed.to_device(self.shown)
        write_strip(
            path,
            to_images(batch["identity"].unsqueeze(2))[:, 0],
            to_images(batch["video"]),
            to_images(self._generate(generator, batch)),
        )

    def figures(self, generator: nn.Module, batch_size: int) -> dict[str, float]:
        """``val_l1``, the mean absolute error in [-1, 1] units, and that of frozen lips."""
        windows, loss = self.feed.windows, PixelLoss()
        total = len(windows)
        chosen = [i for i in range(total) if i * VALIDATION_WINDOWS % total < VALIDATION_WINDOWS]
        sums, count = {"val_l1": 0.0, "val_l1_frozen": 0.0}, 0
        for batch in map(self.feed.to_device, DataLoader(Subset(windows, chosen), batch_size)):
            size, real = len(batch["video"]), batch["video"]
            frozen = batch["identity"].unsqueeze(2).expand_as(real)
            sums["val_l1"] += loss(self._generate(generator, batch), real).item() * size
            sums["val_l1_frozen"] += loss(frozen, real).item() * size
            count += size
        return {name: round(value / count, 5) for name, value in sums.items()}

    @torch.no_grad()
    def _generate(self, generator: nn.Module, batch: Batch) -> torch.Tensor:
        learning = generator.training
        generator.eval()
        with self.fabric.autocast():
            video = generator(batch["identity"], batch["logmel"])
        generator.train(learning)
        return video.float()

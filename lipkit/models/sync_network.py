"""Audio-visual embedding: do these lips say this sound, and by how many frames are they off?

Two networks in the way of SyncNet (Chung and Zisserman, "Out of time", 2016) map five frames of
lips and the twenty log-mel columns of the same 0.2 s to the same unit sphere, near each other
where they belong together. SyncNet takes whole faces of 224 x 224 pixels; this one takes the
kit's lips and is small enough to be shipped and to run on one CPU core.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipkit.config import COLUMNS_PER_FRAME, LIP_SIZE, MEL_BANDS

STACK = 5
"""Frames that one embedding sees, as in SyncNet; T frames have T - 4 embeddings."""
OFFSETS = range(-15, 16)
"""Frames; positive compares the sound with later lips (:mod:`lipkit.analysis.offsets`)."""
SILENCE, LOUD = -80.0, 20.0
"""dB that the sound's network tells apart: quieter than speech is silence."""

_LUMA = (0.299, 0.587, 0.114)


class SyncNetwork(nn.Module):
    """Embeddings of lips and of sound on one unit sphere.

    The lips are taken as grey pictures of half size, less their own mean over time, over the
    contrast of that mean. What remains is how the mouth moves around its mean: light and much
    of who speaks are gone, and a frozen picture is all zero. Nothing is padded in time, so no
    embedding can know that it stands near the beginning or the end.

    Parameters
    ----------
    dimensions:
        Length of an embedding.
    """

    def __init__(self, dimensions: int = 64) -> None:
        super().__init__()
        self.lips = nn.Sequential(
            _conv(STACK, 16, 5, stride=2, padding=2),
            _conv(16, 32, 3, stride=2, padding=1),
            _conv(32, 64, 3, stride=2, padding=1),
            nn.Flatten(),
            nn.Linear(64 * (LIP_SIZE // 16) ** 2, dimensions),
        )
        # Along time 20 columns become 9, 4, 3, 1: one embedding hears what five frames see.
        self.sound = nn.Sequential(
            _conv(1, 16, (4, 5), stride=(2, 2), padding=(0, 2)),
            _conv(16, 32, (3, 3), stride=(2, 2), padding=(0, 1)),
            _conv(32, 48, (2, 3), stride=(1, 2), padding=(0, 1)),
            _conv(48, 64, (3, 3), stride=(1, 2), padding=(0, 1)),
            nn.Conv2d(64, dimensions, (1, MEL_BANDS // 16)),
        )

    def embed_lips(self, grey: Tensor) -> Tensor:
        """Grey pictures f32 ``[B, T, 64, 64]``, 0 to 255 -> unit vectors ``[B, T-4, D]``."""
        if grey.dim() != 4 or grey.shape[2:] != (LIP_SIZE, LIP_SIZE) or grey.shape[1] < STACK:
            raise ValueError(f"lips {list(grey.shape)}; expected [B, T, 64, 64] with T >= {STACK}")
        return self.embed_halved(functional.avg_pool2d(grey, 2))

    def embed_halved(self, grey: Tensor) -> Tensor:
        """:meth:`embed_lips` of pictures that already have half their size, 32 x 32."""
        moving = moving_part(grey)
        batch, frames = moving.shape[:2]
        stacks = moving.unfold(1, STACK, 1).movedim(-1, 2)  # [B, T-4, 5, 32, 32]
        embedded = self.lips(stacks.reshape(-1, *stacks.shape[2:]))
        return functional.normalize(embedded.view(batch, frames - STACK + 1, -1), dim=2)

    def embed_sound(self, logmel: Tensor) -> Tensor:
        """Log-mel f32 ``[B, 4T, 128]`` in dB -> unit vectors ``[B, T-4, D]``."""
        columns = logmel.shape[1] if logmel.dim() == 3 else 0
        if columns % COLUMNS_PER_FRAME or columns < STACK * COLUMNS_PER_FRAME:
            raise ValueError(
                f"log-mel {list(logmel.shape)}; expected [B, 4T, 128] with T >= {STACK}"
            )
        loud = (logmel.clamp(SILENCE, LOUD) - SILENCE) / (LOUD - SILENCE) * 2 - 1
        embedded = self.sound(loud.unsqueeze(1))[..., 0]  # [B, D, T-4]
        return functional.normalize(embedded.movedim(1, 2), dim=2)


def to_grey(lips: Tensor) -> Tensor:
    """Pictures ``[..., H, W, 3]``, u8 or float -> luma f32 ``[..., H, W]`` of the same range."""
    return lips.float() @ torch.tensor(_LUMA, device=lips.device)


def moving_part(grey: Tensor) -> Tensor:
    """``[B, T, H, W]`` less its mean over time, over the spatial deviation of that mean."""
    mean = grey.mean(1, keepdim=True)
    # Half a grey level: a picture without any contrast gives zeros, not noise.
    contrast = mean.std((2, 3), keepdim=True).clamp_min(0.5)
    return (grey - mean) / contrast


def similarities(lips: Tensor, sound: Tensor, start: int = 0) -> Tensor:
    """Cosine of every lip embedding with the sound around it.

    Parameters
    ----------
    lips, sound:
        Unit vectors ``[B, N, D]`` and ``[B, M, D]``; lips 0 belong to sound ``start``.

    Returns
    -------
    Tensor
        ``[B, N, 31]`` by :data:`OFFSETS`: at offset d lips t with sound start + t - d; NaN
        where there is no such sound.
    """
    count, length = lips.shape[1], sound.shape[1]
    all_pairs = lips @ sound.transpose(1, 2)
    offsets = torch.tensor(OFFSETS, device=lips.device)
    place = torch.arange(count, device=lips.device)[:, None] + start - offsets
    there = (place >= 0) & (place < length)
    found = all_pairs.gather(2, place.clamp(0, length - 1).expand(len(lips), -1, -1))
    return found.masked_fill(~there, torch.nan)


def _conv(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int],
    padding: int | tuple[int, int],
) -> nn.Sequential:
    # No bias: the batch norm behind it would cancel it.
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
    nn.init.kaiming_normal_(conv.weight)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())

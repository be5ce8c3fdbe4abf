"""Between what is stored (u8 pictures, f16 dB) and what models take (f32 tensors).

Video in models is ``[B, 3, T, H, W]`` in [-1, 1], log-mel ``[B, 1, 4T, 128]`` with mean 0
and standard deviation 1 over the training clips.
"""

from collections.abc import Mapping

import numpy as np
import torch

from lipkit.config import COLUMNS_PER_FRAME
from lipkit.data.spectrogram import FLOOR_DB

Stored = np.ndarray | torch.Tensor


def to_video_tensor(lips: Stored) -> torch.Tensor:
    """Frames u8 ``[..., T, H, W, 3]`` as f32 ``[..., 3, T, H, W]`` in [-1, 1].

    >>> import numpy as np
    >>> video = to_video_tensor(np.zeros((5, 64, 64, 3), np.uint8))
    >>> tuple(video.shape), video.min().item()
    ((3, 5, 64, 64), -1.0)
    """
    return _to_unit(torch.as_tensor(lips).movedim(-1, -4))


def to_image_tensor(image: Stored) -> torch.Tensor:
    """Pictures u8 ``[..., H, W, 3]`` as f32 ``[..., 3, H, W]`` in [-1, 1].

    >>> import numpy as np
    >>> tensor = to_image_tensor(np.full((64, 64, 3), 255, np.uint8))
    >>> tuple(tensor.shape), tensor.max().item()
    ((3, 64, 64), 1.0)
    """
    return _to_unit(torch.as_tensor(image).movedim(-1, -3))


def to_images(video: torch.Tensor) -> np.ndarray:
    """The inverse: ``[..., 3, T, H, W]`` to u8 ``[..., T, H, W, 3]``, clipped and rounded.

    One picture ``[3, H, W]`` gives ``[H, W, 3]``.

    >>> import torch
    >>> frames = to_images(torch.zeros(3, 5, 64, 64))
    >>> frames.shape, frames.dtype, int(frames[0, 0, 0, 0])
    ((5, 64, 64, 3), dtype('uint8'), 128)
    """
    pictures = video.detach().movedim(-3 if video.ndim == 3 else -4, -1)
    grey = ((pictures.float() + 1) * 127.5).round().clamp(0, 255)
    return grey.to("cpu", torch.uint8).contiguous().numpy()


def normalise(logmel: Stored, statistics: Mapping[str, float]) -> torch.Tensor:
    """dB of any shape as f32 (x - mean) / standard deviation of the training clips.

    >>> import numpy as np
    >>> normalise(np.full((4, 128), -20.0), {"logmel_mean": -40.0, "logmel_std": 20.0})[0, 0].item()
    1.0
    """
    mean, std = statistics["logmel_mean"], statistics["logmel_std"]
    return torch.as_tensor(logmel).to(torch.float32).sub(mean).div(std)


def normalised_silence(statistics: Mapping[str, float]) -> float:
    """The value of digital silence in a normalised log-mel.

    >>> normalised_silence({"logmel_mean": -40.0, "logmel_std": 20.0})
    -3.0
    """
    return (FLOOR_DB - statistics["logmel_mean"]) / statistics["logmel_std"]


def scramble(logmel: np.ndarray) -> np.ndarray:
    """The authors' mixed-up axes: log-mel ``[4T, 128]`` in another order inside each frame.

    Their (128 bands, 4 columns) matrix of a frame was poured row by row into a (4, 128) slice:
    row r holds bands 32 r to 32 r + 31, four times each, one for each column (fact sheet 1.4).
    """
    frames = logmel.reshape(-1, COLUMNS_PER_FRAME, logmel.shape[-1])
    return frames.transpose(0, 2, 1).reshape(logmel.shape)


def unpack(batch: Mapping[str, torch.Tensor], statistics: Mapping[str, float]) -> dict:
    """Make of raw windows (``Windows(raw=True)``), one or a batch, what models take.

    Runs where the tensors are, so that a batch may travel to the GPU as it is stored, in
    a quarter of the bytes.
    """
    result = dict(batch)
    result["video"] = to_video_tensor(batch["video"])
    result["identity"] = to_image_tensor(batch["identity"])
    for name in ("logmel", "mismatched"):
        if name in batch:
            result[name] = normalise(batch[name], statistics).unsqueeze(-3)
    return result


def _to_unit(pictures: torch.Tensor) -> torch.Tensor:
    values = pictures.to(torch.float32, memory_format=torch.contiguous_format)
    return values.div_(127.5).sub_(1.0)

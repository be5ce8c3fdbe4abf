"""Our metrics as ``torchmetrics.Metric``: the same numbers, for a training loop of your own.

Needs ``pip install 'lipkit[torchmetrics]'``.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lipkit.config import MEL_BANDS
from lipkit.data.spectrogram import FLOOR_DB
from lipkit.data.tensors import to_images
from lipkit.errors import LipkitError, UsageError
from lipkit.metrics import METRICS
from lipkit.metrics.metric import Context
from lipkit.settings import did_you_mean

try:
    from torchmetrics import Metric
except ImportError:
    raise LipkitError(
        "torchmetrics is not installed; type: pip install 'lipkit[torchmetrics]'"
    ) from None


class LipMetric(Metric):
    """One of :data:`lipkit.metrics.METRICS`, summed up over batches and processes.

    Parameters
    ----------
    name
        Such as ``ssim``, ``psnr`` or ``cpbd``.

    ``compute`` gives the mean over all frames (metrics over clips: over clips), as the rows of
    ``lipkit evaluate`` do for one person. A value that is not finite, such as the PSNR of equal
    frames, is left out; without any other the mean is NaN.

    Raises
    ------
    UsageError
        For an unknown name, and for a metric that no batch has all of.

    >>> import torch
    >>> metric = LipMetric("ssim")
    >>> video = torch.rand(2, 3, 4, 64, 64) * 2 - 1  # [B, 3, T, 64, 64] in [-1, 1]
    >>> metric.update(video, video)
    >>> round(metric.compute().item(), 4)
    1.0
    """

    full_state_update = False
    is_differentiable = False

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(**options)
        if name not in METRICS:
            raise UsageError(f"{name}: is not a metric; {did_you_mean(name, METRICS)}")
        self.metric = METRICS[name]
        if any(need.endswith("_fixed") for need in self.metric.needs):
            raise UsageError(
                f"{name}: looks for its points in a fixed face, which lipkit evaluate has; take "
                f"{name.removesuffix('_paper')}"
            )
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    @property
    def higher_is_better(self) -> bool | None:
        """None where the truth's own value is best."""
        return {"higher": True, "lower": False}.get(self.metric.better)

    def update(
        self,
        prediction: Tensor,
        truth: Tensor,
        logmel: Tensor | None = None,
        points: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        """Measure a batch.

        Parameters
        ----------
        prediction, truth
            f32 ``[B, 3, T, 64, 64]`` in [-1, 1], as generators give and take them.
        logmel
            f32 ``[B, 4T, 128]``, dB: the sound; only ``sync`` metrics look at it.
        points
            Mouth points of the prediction and of the truth, f32 ``[B, T, 20, 2]`` each, for the
            metrics that need them (LMD, opening).

        Raises
        ------
        UsageError
            When shapes differ, or the metric needs points or a sound that is not given.
        """
        if prediction.shape != truth.shape or prediction.ndim != 5:
            raise UsageError(
                f"{self.metric.name}: prediction {tuple(prediction.shape)} and truth "
                f"{tuple(truth.shape)} must both be [B, 3, T, 64, 64]"
            )
        if logmel is None and self.metric.name.startswith("sync"):
            raise UsageError(f"{self.metric.name} needs the sound; give logmel=")
        silence = np.full((4 * truth.shape[2], MEL_BANDS), FLOOR_DB, np.float16)
        made, real = to_images(prediction.detach().cpu()), to_images(truth.detach().cpu())
        for i in range(len(made)):
            context = self._context(i, points, logmel)
            sound = silence if logmel is None else logmel[i].detach().cpu().numpy()
            values = np.atleast_1d(self.metric.measure(made[i], real[i], sound, context))
            finite = values[np.isfinite(values)]
            self.total += float(finite.sum())
            self.count += len(finite)

    def compute(self) -> Tensor:
        """The mean so far, f64; NaN before anything finite was measured."""
        return self.total / self.count

    def _context(
        self, i: int, points: tuple[Tensor, Tensor] | None, logmel: Tensor | None
    ) -> Context:
        known: dict[str, Any] = {}
        if points is not None:
            known["prediction_points"] = points[0][i].detach().cpu().numpy()
            known["truth_points"] = points[1][i].detach().cpu().numpy()
        if logmel is not None:
            known["clip_sound"] = logmel[i].detach().cpu().numpy()
        if missing := [name for name in self.metric.needs if name not in known]:
            given = "points=" if "points" in missing[0] else "logmel="
            raise UsageError(f"{self.metric.name} needs {missing[0]}; give {given}")
        return Context(**known)

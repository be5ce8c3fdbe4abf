"""Metrics of generated lips, each with its unit, its direction and its convention.

:data:`METRICS` holds all of them by name; :class:`lipkit.metrics.metric.Metric` says what
one is. A module of this package offers its own in a tuple ``METRICS``.
"""

from lipkit.metrics import cpbd, lmd, motion, opening, psnr, ssim
from lipkit.metrics.metric import Context, Metric
from lipkit.metrics.sync import score as sync_score

__all__ = ["METRICS", "Context", "Metric"]

_MODULES = (lmd, ssim, psnr, cpbd, motion, opening, sync_score)

METRICS: dict[str, Metric] = {
    metric.name: metric for module in _MODULES for metric in module.METRICS
}
"""All metrics by name, in the order of the tables."""

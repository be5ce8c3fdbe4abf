"""What decides a score: the code that computes it and the files that it reads.

A part of an evaluation is kept under these keys, so that none survives an edit of its metric,
another landmark model or other weights.
"""

import inspect
from collections.abc import Sequence
from pathlib import Path

from lipkit.metrics import METRICS
from lipkit.provenance import PACKAGE, code_of, digest, file_digest, needed

CATALOGUES = ("lipkit.metrics", "lipkit.weights", "lipkit.models.catalogue", "lipkit.presets")
"""Modules that name many parts, of which a score needs its own alone."""


def measuring_key() -> str:
    """Of the code by which every clip is measured, whatever the metric."""
    return code_of("lipkit.evaluation.clip_scores", "lipkit.data.windows", apart_from=CATALOGUES)


def metric_keys(names: Sequence[str], landmark_model: str) -> dict[str, str]:
    """Metric -> the digest of its code and of the files that it reads.

    Parameters
    ----------
    landmark_model
        dlib's model, where one of the metrics needs landmarks.
    """
    keys = {}
    for name in names:
        metric = METRICS[name]
        files = [*metric.reads, *([Path(landmark_model)] if metric.needs else [])]
        keys[name] = digest(_code(metric.measure), *map(file_digest, files))
    return keys


def network_key(network: object) -> str:
    """Of the code of a network, and of how it is given its sound."""
    return digest(_code(type(network)), code_key("lipkit.evaluation.predictions"))


def code_key(module: str) -> str:
    """Of the code of one of the package's modules, and of what it needs."""
    return code_of(module, apart_from=CATALOGUES)


def _code(made: type | object) -> str:
    """The code of the module in which something is defined, be it outside of the package."""
    module = made.__module__
    if module.partition(".")[0] == PACKAGE.name and _is_known(module):
        return code_of(module, apart_from=CATALOGUES)
    return file_digest(inspect.getsourcefile(made))


def _is_known(module: str) -> bool:
    try:
        return bool(needed(module))
    except ValueError:
        return False

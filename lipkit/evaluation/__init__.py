"""A run, or several, against a split of a prepared set: from windows to tables.

:mod:`~lipkit.evaluation.predictions` makes the lips, :mod:`~lipkit.evaluation.retrieval` copies
those of the nearest sound, :mod:`~lipkit.evaluation.clip_scores` measures a clip,
:mod:`~lipkit.evaluation.summary` averages, :mod:`~lipkit.evaluation.score_tables` writes,
:mod:`~lipkit.evaluation.evaluator` joins them.
"""

from lipkit.evaluation.evaluator import Evaluation, evaluate
from lipkit.evaluation.options import EvaluationOptions

__all__ = ["Evaluation", "EvaluationOptions", "evaluate"]

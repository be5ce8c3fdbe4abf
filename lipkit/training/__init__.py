"""Training: one loop over windows of a prepared set.

- :mod:`~lipkit.training.loop`: the loop, its budgets, checkpoints and samples.
- :mod:`~lipkit.training.step`: one step of every network.
- :mod:`~lipkit.training.networks`: networks and optimisers from settings.
- :mod:`~lipkit.training.pretraining`: the perceptual encoder's own training.
- :mod:`~lipkit.training.averaging`: the moving average of the generator.
- :mod:`~lipkit.training.batches`: which windows make which step.
- :mod:`~lipkit.training.devices`, :mod:`~lipkit.training.sharing`: one process or several.

A step is a pure function of the settings, the step's number and the state before it, so
that a run which was interrupted and resumed gives the same losses as an undisturbed one.
"""

from lipkit.training.batches import EpochBatches
from lipkit.training.loop import TrainResult, train

__all__ = ["EpochBatches", "TrainResult", "train"]

"""Training: one trainer, and a recipe for each thing that is trained.

- :mod:`~lipkit.training.generator_run`: a generator's run, from a prepared set to weights.
- :mod:`~lipkit.training.trainer`: the loop: budget, log, checkpoints, resuming, processes.
- :mod:`~lipkit.training.recipe`: what the trainer asks of a recipe.
- :mod:`~lipkit.training.generator_recipe`: every generator, of pictures or of mouth points
  (:mod:`~lipkit.training.spoken_points`).
- :mod:`~lipkit.training.pretraining_recipe`: what must be trained before the generator.
- :mod:`~lipkit.training.sync_recipe`: the network of the sync metric.
- :mod:`~lipkit.training.step`, :mod:`~lipkit.training.run_networks`: one step of all networks, and
  these from settings.
- :mod:`~lipkit.training.averaging`, :mod:`~lipkit.training.schedule`: the moving average of the
  generator, and how rates go along.
- :mod:`~lipkit.training.batches`: which windows make which step.
- :mod:`~lipkit.training.devices`, :mod:`~lipkit.training.sharing`: one process or several.

A step is a pure function of the settings, the step's number and the state before it, so
that a run which was interrupted and resumed gives the same losses as an undisturbed one.
"""

from lipkit.training.batches import EpochBatches
from lipkit.training.generator_run import TrainResult, train

__all__ = ["EpochBatches", "TrainResult", "train"]

"""How the learning rates go over the steps of a run."""

from lipkit.config import TrainConfig


def rate_factor(step: int, config: TrainConfig) -> float:
    """What the learning rates are multiplied by in the step after ``step`` steps.

    A straight way up over ``warmup_steps``, then 1, then a straight way down that would reach 0
    after ``steps`` steps, over the last ``cool`` of them. A function of the step alone, so that
    a resumed run goes on as it would have.
    """
    factor = 1.0
    if config.warmup_steps > 0:
        factor = min(1.0, (step + 1) / config.warmup_steps)
    if config.cool > 0:
        factor *= min(1.0, (config.steps - step) / (config.cool * config.steps))
    return factor

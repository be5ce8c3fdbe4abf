"""How far a run is, and how the learning rates go along."""

from lipkit.config import TrainConfig


def share_done(step: int, config: TrainConfig, minutes: float = 0.0) -> float:
    """Share of the run that is over after ``step`` steps and ``minutes`` of this call, 0 to 1.

    By the budget that ends first, as far as can be told: a run of an hour cools in that hour
    even if ``train.steps`` asks for a day. Without ``train.minutes`` it is a function of the
    step alone, so that a resumed run goes on as it would have.
    """
    share = step / config.steps
    if config.minutes:
        share = max(share, minutes / config.minutes)
    return min(1.0, share)


def rate_factor(step: int, config: TrainConfig, minutes: float = 0.0) -> float:
    """What the learning rates are multiplied by in the step after ``step`` steps.

    A straight way up over ``warmup_steps``, then 1, then over the last ``cool`` of the run
    (:func:`share_done`) a straight way down to 0.
    """
    factor = 1.0
    if config.warmup_steps > 0:
        factor = min(1.0, (step + 1) / config.warmup_steps)
    if config.cool > 0:
        factor *= min(1.0, (1 - share_done(step, config, minutes)) / config.cool)
    return factor

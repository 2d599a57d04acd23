"""What changes over a run, as plain functions of the step."""

import math

from training.config import LossConfig, OptimConfig


def learning_rate(step: int, config: OptimConfig) -> float:
    """Linear warm-up, then a cosine from `learning_rate` to `final_learning_rate`."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    part = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    swing = 0.5 * (1 + math.cos(math.pi * min(1.0, part)))
    return config.final_learning_rate + (config.learning_rate - config.final_learning_rate) * swing


def beta(step: int, config: LossConfig) -> float:
    """Linear from 0 to `beta` over `beta_warmup_steps`."""
    return config.beta * min(1.0, step / max(1, config.beta_warmup_steps))


def own_share(step: int, loss: LossConfig, optim: OptimConfig) -> float:
    """0 until `own_from` of the run, then linear to `own_share` over the next fifth of it."""
    part = step / max(1, optim.steps) - loss.own_from
    return loss.own_share * min(1.0, max(0.0, part / 0.2))


def ema_decay(step: int, config: OptimConfig) -> float:
    """Rise to `ema` so that the first steps are forgotten soon."""
    return min(config.ema, (1 + step) / (10 + step))

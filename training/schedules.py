"""What changes over a run, as plain functions of the step."""

import math

from training.config import LossConfig, OptimConfig


def learning_rate(step: int, config: OptimConfig) -> float:
    """Return the learning rate of a step: a linear warm-up, then down from `learning_rate`.

    A cosine reaches `final_learning_rate` at the last step, `steps` - 1. An exponential comes nearer to it by
    the factor `decay_rate` a step, without end.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    since, last = step - config.warmup_steps, config.steps - 1 - config.warmup_steps
    if config.schedule == "exponential":
        left = config.decay_rate**since
    else:
        left = 0.5 * (1 + math.cos(math.pi * min(1.0, since / max(1, last))))
    return config.final_learning_rate + (config.learning_rate - config.final_learning_rate) * left


def beta(step: int, config: LossConfig, first: float = 0.0) -> float:
    """Return the weight of the KL term: linear from `first` over `beta_warmup_steps`, or by `beta_rate`."""
    if config.beta_rate > 0:
        risen = 1 - config.beta_rate**step
    else:
        risen = min(1.0, step / max(1, config.beta_warmup_steps))
    return first + (config.beta - first) * risen


def own_share(step: int, loss: LossConfig, optim: OptimConfig) -> float:
    """Return the share of fed-back steps that are the model's own.

    Linear: 0 until `own_from` of the run, then up over the next fifth of it. Inverse sigmoid and
    exponential: the schedules of Bengio et al. (2015, arXiv 1506.03099), turned round to count the model's
    own share.
    """
    if loss.teacher_forcing_ratio is not None:
        return 1 - loss.teacher_forcing_ratio
    if loss.own_schedule == "constant":
        return loss.own_share
    if loss.own_schedule == "exponential":
        return loss.own_share * (1 - loss.own_rate**step)
    if loss.own_schedule == "inverse_sigmoid":
        # 1 - k / (k + e^(t/k)), written so that a late step does not overflow
        return loss.own_share / (1 + loss.own_rate * math.exp(-step / loss.own_rate))
    part = step / max(1, optim.steps) - loss.own_from
    return loss.own_share * min(1.0, max(0.0, part / 0.2))


def ema_decay(step: int, config: OptimConfig) -> float:
    """Return the decay of the averaged weights: it rises to `ema`, so that the first steps are forgotten."""
    return min(config.ema, (1 + step) / (10 + step))

"""What changes over a run, at steps whose values are known by hand."""

import pytest

from training.config import OptimConfig
from training.schedules import learning_rate

CONFIG = OptimConfig(learning_rate=1e-3, final_learning_rate=1e-4, warmup_steps=10, steps=110)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 1e-4), (4, 5e-4), (9, 1e-3), (10, 1e-3), (60, 5.5e-4), (110, 1e-4), (500, 1e-4)],
)
def test_the_rate_warms_up_and_falls_along_a_cosine_to_its_last_value(step: int, rate: float) -> None:
    assert learning_rate(step, CONFIG) == pytest.approx(rate)

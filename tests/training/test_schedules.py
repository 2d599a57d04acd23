import pytest

from training.config import LossConfig, OptimConfig
from training.schedules import beta, ema_decay, learning_rate, own_share


def test_the_cosine_begins_after_the_warm_up_and_ends_at_the_final_rate() -> None:
    config = OptimConfig(steps=11, warmup_steps=2, learning_rate=1.0, final_learning_rate=0.2)
    rates = [learning_rate(step, config) for step in range(11)]
    assert rates[:3] == pytest.approx([0.5, 1.0, 1.0])
    assert rates[6] == pytest.approx(0.6)  # half way from step 2 to step 10
    assert rates[10] == pytest.approx(0.2)
    assert learning_rate(50, config) == pytest.approx(0.2)


def test_beta_goes_on_from_where_it_was() -> None:
    config = LossConfig(beta=0.4, beta_warmup_steps=100)
    assert [beta(step, config, 0.4) for step in (0, 50, 100)] == [0.4, 0.4, 0.4]
    assert [beta(step, config, 0.1) for step in (0, 50, 100)] == pytest.approx([0.1, 0.25, 0.4])
    down = LossConfig(beta=0.0, beta_warmup_steps=10)
    assert [beta(step, down, 0.2) for step in (0, 5, 10)] == pytest.approx([0.2, 0.1, 0.0])


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 1e-3), (10_000, 3.74e-4), (50_000, 1.67e-5), (100_000, 1.0e-5)]
)
def test_the_exponential_is_musicvaes(step: int, rate: float) -> None:
    config = OptimConfig(
        schedule="exponential",
        decay_rate=0.9999,
        learning_rate=1e-3,
        final_learning_rate=1e-5,
        warmup_steps=0,
    )
    assert learning_rate(step, config) == pytest.approx(rate, rel=5e-3)


def test_beta_rises_linearly_and_holds() -> None:
    config = LossConfig(beta=0.4, beta_warmup_steps=100)
    assert [beta(step, config) for step in (0, 50, 100, 1000)] == pytest.approx([0.0, 0.2, 0.4, 0.4])


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (10_000, 0.095), (50_000, 0.393), (200_000, 0.865)])
def test_beta_by_a_rate_is_musicvaes(step: int, share: float) -> None:
    assert beta(step, LossConfig(beta=0.5, beta_rate=0.99999)) == pytest.approx(0.5 * share, abs=5e-4)


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, 0.001), (5_000, 0.129), (6_908, 0.5), (8_000, 0.749), (10_000, 0.957), (10**7, 1.0)],
)
def test_the_inverse_sigmoid_is_musicvaes(step: int, share: float) -> None:
    config = LossConfig(own_share=1.0, own_schedule="inverse_sigmoid", own_rate=1000)
    assert own_share(step, config, OptimConfig()) == pytest.approx(share, abs=1e-3)


def test_the_other_schedules_of_the_own_share() -> None:
    optim = OptimConfig(steps=100)
    linear = LossConfig(own_share=0.5, own_from=0.3)
    assert [own_share(step, linear, optim) for step in (0, 30, 40, 50, 99)] == pytest.approx(
        [0, 0, 0.25, 0.5, 0.5]
    )
    assert own_share(0, LossConfig(own_share=0.5, own_schedule="constant"), optim) == 0.5
    decaying = LossConfig(own_share=1.0, own_schedule="exponential", own_rate=0.5)
    assert [own_share(step, decaying, optim) for step in (0, 1, 2)] == [0.0, 0.5, 0.75]
    assert own_share(7, LossConfig(teacher_forcing_ratio=0.7), optim) == pytest.approx(0.3)


def test_two_names_for_one_thing_are_refused() -> None:
    with pytest.raises(ValueError, match="give one"):
        LossConfig(teacher_forcing_ratio=0.5, own_share=0.5)
    with pytest.raises(ValueError, match="up to 1"):
        LossConfig(own_schedule="exponential", own_rate=1000)


def test_the_average_forgets_the_first_steps() -> None:
    config = OptimConfig(ema=0.999)
    assert [ema_decay(step, config) for step in (0, 8, 10**6)] == pytest.approx([0.1, 0.5, 0.999])

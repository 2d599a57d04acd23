import numpy as np
import pytest

from engine.music.representation import representation
from training.evaluation.attributes import (
    LARGEST_STEP,
    Definition,
    calibrated,
    definitions,
    deviations_of,
    directions,
    drum_hits,
    measure_all,
    measure_effects,
)
from training.evaluation.pictures import effects_picture


def token(pitch):
    return pitch - 21 + 2


def melody(*events, steps=16):
    """Events are (step, pitch) or (step, None) for a note-off."""
    tokens = np.zeros((1, steps, 1), np.int64)
    for step, pitch in events:
        tokens[0, step, 0] = 1 if pitch is None else token(pitch)
    return tokens


def value(name, tensors, kind="melody"):
    named = definitions(representation(kind, 1))
    values = measure_all(named, tensors)[0]
    return values[[definition.name for definition in named].index(name)]


def test_melody_attributes_by_hand():
    # C4 on 0, D4 on the odd 16th 3 (step 2 empty), F#4 on 4, G4 on 5 (step 4 struck), off at 8
    tune = melody((0, 60), (3, 62), (4, 66), (5, 67), (8, None))
    assert value("density", tune) == pytest.approx(4 / 16)
    assert value("register", tune) == pytest.approx((60 + 62 + 66 + 67) / 4)
    assert value("syncopation", tune) == pytest.approx(1 / 4)
    assert value("interval", tune) == pytest.approx((2 + 4 + 1) / 3)
    assert value("in_scale", tune) == pytest.approx(1)  # all in G major


def test_piano_attributes_by_hand():
    # C4 rings for three steps, E4 is struck twice: three strokes in 16 steps, two of them on E4.
    roll = np.zeros((1, 16, 88), np.float32)
    roll[0, 0:3, 60 - 21] = roll[0, 2, 64 - 21] = roll[0, 4:6, 64 - 21] = 1
    assert value("density", roll, "pianoroll") == pytest.approx(3 / 16)
    assert value("register", roll, "pianoroll") == pytest.approx((60 + 64 + 64) / 3)
    assert np.isnan(value("register", np.zeros((1, 16, 88), np.float32), "pianoroll"))


def test_in_scale_takes_the_best_key():
    assert value("in_scale", melody((0, 60), (1, 61), (2, 62), (3, 63))) == pytest.approx(3 / 4)


def test_silence_has_no_register_but_a_density():
    silence = melody((4, None))
    assert value("density", silence) == 0
    assert np.isnan(value("register", silence))
    assert np.isnan(value("interval", silence))
    assert np.isnan(value("syncopation", silence))


def test_one_note_has_no_interval():
    assert np.isnan(value("interval", melody((0, 60))))


def test_drum_tokens_unpack_to_their_classes():
    np.testing.assert_array_equal(np.flatnonzero(drum_hits(np.array([[0b100000101]]))[0, 0]), [0, 2, 8])


def test_drum_attributes_by_hand():
    beats = np.zeros((1, 16, 1), np.int64)
    beats[0, 0, 0], beats[0, 3, 0], beats[0, 4, 0] = 0b101, 0b100, 0b010
    assert value("density", beats, "drums") == pytest.approx(4 / 16)
    assert value("syncopation", beats, "drums") == pytest.approx(1 / 3)
    assert value("variety", beats, "drums") == 3


def test_groove_has_loudness_and_lateness():
    frames = np.zeros((1, 16, 27))
    for step, drum, velocity, offset in ((0, 0, 1.0, 0.25), (4, 2, 0.5, -0.5)):
        frames[0, step, [drum, 9 + drum, 18 + drum]] = 1, velocity, offset
    assert value("loudness", frames, "groove") == pytest.approx(0.75)
    assert value("lateness", frames, "groove") == pytest.approx(-0.125)


def test_trio_measures_each_voice_on_its_own_stream():
    tensors = np.zeros((1, 16, 3), np.int64)
    tensors[0, [0, 8], 0], tensors[0, 0, 1], tensors[0, :4, 2] = token(72), token(36), 1
    assert value("density", tensors, "trio") == pytest.approx(2 / 16)
    assert value("register", tensors, "trio") == 72
    assert value("bass_density", tensors, "trio") == pytest.approx(1 / 16)
    assert value("drum_density", tensors, "trio") == pytest.approx(4 / 16)


def linear_data(seed=1, count=3000, size=40):
    """Two attributes that are linear in correlated latents."""
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(count, size)) @ (np.eye(size) + 0.05 * rng.normal(size=(size, size)))
    readout = rng.normal(size=(size, 2))
    readout[:, 1] += readout[:, 0]  # the attributes occur together
    return latents, latents @ readout, readout


def test_a_direction_moves_its_own_attribute_by_a_deviation_and_not_the_other():
    latents, values, readout = linear_data()
    moved = directions(latents, values) @ readout / values.std(axis=0)
    np.testing.assert_allclose(moved, np.eye(2), atol=0.05)


def test_a_direction_is_cut_where_it_would_leave_the_data():
    rng = np.random.default_rng(2)
    latents = rng.normal(size=(2000, 6))
    found = directions(latents, 0.01 * latents[:, :1] + rng.normal(size=(2000, 1)))
    longest = LARGEST_STEP * np.linalg.norm(latents, axis=1).mean()
    assert np.linalg.norm(found) == pytest.approx(longest)


def test_undefined_values_are_passed_over():
    latents, values, readout = linear_data()
    values[::7, 0] = np.nan
    moved = directions(latents, values) @ readout / np.nanstd(values, axis=0)
    np.testing.assert_allclose(np.diag(moved), 1, atol=0.2)


def test_a_constant_attribute_gets_a_harmless_direction():
    latents, values, _ = linear_data()
    values[:, 1] = 3.0
    found = directions(latents, values)
    assert np.isfinite(found).all()


SUM = Definition("sum", "units", lambda x: x.sum(axis=1))


def test_a_direction_is_stretched_over_the_dead_zone_of_a_decoder():
    """The decoder answers nothing up to 2 and then one for one: a step of 2 + deviation is needed."""
    rng = np.random.default_rng(0)
    latents = np.concatenate([np.zeros((64, 1)), 10 * rng.normal(size=(64, 15))], axis=1)

    def decode(z):
        return np.sign(z[:, :1]) * np.maximum(np.abs(z[:, :1]) - 2, 0)

    found = calibrated((SUM,), np.eye(1, 16), np.array([0.6]), latents, decode)
    assert found[0, 0] == pytest.approx(2.6)
    assert not found[0, 1:].any()


def test_a_strong_direction_is_shortened_and_a_weak_one_kept_within_the_data():
    latents = np.random.default_rng(1).normal(size=(64, 16))
    strong = calibrated((SUM,), np.eye(1, 16), np.array([0.1]), latents, lambda z: z)
    assert strong[0, 0] == pytest.approx(0.1, rel=1e-5)
    weak = calibrated((SUM,), np.eye(1, 16), np.array([50.0]), latents, lambda z: z)
    longest = LARGEST_STEP * np.linalg.norm(latents, axis=1).mean()
    assert longest / 2 < weak[0, 0] <= longest


def test_an_attribute_that_is_never_defined_keeps_a_finite_direction():
    latents = np.ones((4, 16))
    nothing = Definition("none", "units", lambda x: np.full(len(x), np.nan))
    found = calibrated((nothing,), np.eye(1, 16), np.array([1.0]), latents, lambda z: z)
    assert np.isfinite(found).all()


def test_effects_are_half_the_difference_of_both_ways():
    named = (
        Definition("sum", "units", lambda x: x.sum(axis=1)),
        Definition("zero", "units", lambda x: 0 * x[:, 0]),
    )
    latents = np.full((4, 3), 2.0)
    effects = measure_effects(named, np.eye(2, 3), latents, lambda z: 10 * z)
    np.testing.assert_allclose(effects.change, [[10, 0], [10, 0]])
    np.testing.assert_allclose(effects.percent[:, 0], 100 * 10 / 60)
    assert np.isnan(effects.percent[:, 1]).all()


@pytest.mark.filterwarnings("error")
def test_what_is_defined_nowhere_has_no_deviation_and_no_number_in_the_picture():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    assert np.array_equal(deviations_of(values), [1.0, np.nan], equal_nan=True)
    assert np.isfinite(directions(np.eye(3), values)).all()
    drawn = effects_picture(["density", "register"], np.full((2, 2), np.nan))
    drawn.canvas.draw()
    assert [text.get_text() for text in drawn.axes[0].texts] == [""] * 4

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RenderError
from engine.inference.constraints import Constraints
from engine.inference.perturbation import (
    ANCHOR_NATS,
    FORBIDDEN,
    anchor,
    anchor_strength,
    constrain,
    noise,
    pitched,
    snap,
)
from engine.music.melody import FIRST_NOTE, LOWEST_PITCH
from engine.music.representation import representation

MELODY = representation("melody", 1)
DRUMS = representation("drums", 1)
GROOVE = representation("groove", 1)
TRIO = representation("trio", 1)
KEYS88 = representation("pianoroll", 1)


def token(pitch):
    return pitch - LOWEST_PITCH + FIRST_NOTE


def melody(*events):
    """[16, 1] tokens with the given (step, token) events."""
    tokens = np.zeros((16, 1), np.int64)
    for step, value in events:
        tokens[step] = value
    return tokens


def allowed(bias, step):
    return np.flatnonzero(bias[step] > FORBIDDEN / 2).tolist()


@pytest.mark.parametrize("what", [MELODY, DRUMS, TRIO, GROOVE, KEYS88])
def test_noise_belongs_to_its_seed(what):
    assert noise(what, 1).shape == (16, what.width)
    assert noise(what, 1).dtype == np.float32
    np.testing.assert_array_equal(noise(what, 1), noise(representation(what.name, 1), 1))
    assert np.abs(noise(what, 1) - noise(what, 2)).mean() > 0.5


def test_noise_is_pinned_so_that_a_seed_means_the_same_take_in_the_next_version():
    expected = [1.342539, -0.783859, -0.51012, -0.605878]
    np.testing.assert_allclose(noise(MELODY, 7)[0, :4], expected, atol=1e-6)


def test_gumbel_noise_for_tokens_and_logistic_noise_for_bits():
    gumbel = noise(representation("melody", 16), 3)
    assert gumbel.mean() == pytest.approx(0.5772, abs=0.02)  # Euler's constant
    assert gumbel.std() == pytest.approx(np.pi / np.sqrt(6), abs=0.02)
    logistic = noise(representation("pianoroll", 16), 3)
    assert logistic.mean() == pytest.approx(0, abs=0.04)
    assert logistic.std() == pytest.approx(np.pi / np.sqrt(3), abs=0.04)


def test_noise_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        noise(MELODY, 1)[0, 0] = 1


def test_adding_gumbel_noise_and_taking_the_largest_samples_the_softmax():
    logits = np.zeros(90, np.float32)
    logits[5] = np.log(89)  # half of the probability
    draws = (noise(representation("melody", 64), 11) + logits).argmax(axis=1)
    assert (draws == 5).mean() == pytest.approx(0.5, abs=0.05)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_anchor_lets_go_steadily(near, far):
    near, far = sorted((near, far))
    assert anchor_strength(near) >= anchor_strength(far) >= 0


def test_the_anchor_holds_at_the_source_and_is_gone_at_the_end():
    assert anchor_strength(0) >= 1e4
    assert anchor_strength(1) == 0
    steps = [anchor_strength(x / 100) for x in range(5, 101)]
    assert max(a - b for a, b in pairwise(steps)) < anchor_strength(0.05) / 3


@pytest.mark.parametrize(("distance", "share"), [(0.5, 0.5), (0.8, 0.05), (0.25, 2.25), (0.9, 1 / 90)])
def test_the_anchor_falls_with_the_square_of_what_is_left(distance, share):
    """(1 - d)^2 / d of its unit: half of it at 0.5, a twentieth at 0.8."""
    assert anchor_strength(distance) == pytest.approx(share * ANCHOR_NATS)


def test_anchor_raises_the_sources_tokens_only():
    bias = anchor(MELODY, melody((0, token(60)), (4, 1)), 5.0)
    assert bias[0].nonzero()[0].tolist() == [token(60)]
    assert bias[4].nonzero()[0].tolist() == [1]
    assert bias[1].nonzero()[0].tolist() == [0]
    assert bias.max() == 5.0


def test_anchor_of_three_streams_touches_one_column_in_each():
    tokens = np.zeros((16, 3), np.int64)
    tokens[2] = [5, 7, 300]
    assert anchor(TRIO, tokens, 1.0)[2].nonzero()[0].tolist() == [5, 90 + 7, 180 + 300]


def test_anchor_of_bits_pulls_both_ways():
    tensor = np.zeros((16, 27), np.float32)
    tensor[3, 2] = 1
    bias = anchor(GROOVE, tensor, 2.0)
    assert bias.shape == (16, 9)
    assert bias[3].tolist() == [-2, -2, 2, -2, -2, -2, -2, -2, -2]


def test_no_constraints_no_bias():
    for what in (MELODY, DRUMS, TRIO, GROOVE, KEYS88):
        assert not constrain(what, Constraints(), None).any()


def test_the_bias_of_constraints_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        constrain(MELODY, Constraints(key="C"), None)[0, 0] = 1


def test_key_and_range_leave_hold_off_and_the_scales_notes():
    bias = constrain(MELODY, Constraints(key="C", lowest_pitch=60, highest_pitch=65), None)
    assert allowed(bias, 0) == [0, 1, token(60), token(62), token(64), token(65)]


def test_key_reaches_melody_and_bass_but_not_drums():
    bias = constrain(TRIO, Constraints(key="C", scale="major pentatonic"), None)
    assert bias[0, token(61)] == bias[0, 90 + token(61)] == FORBIDDEN
    assert not bias[0, 180:].any()


def test_keep_rhythm_fixes_every_event_of_a_melody():
    source = melody((0, token(60)), (4, 1), (8, token(67)))
    bias = constrain(MELODY, Constraints(keep_rhythm=True), source)
    assert allowed(bias, 0) == list(range(2, 90))
    assert allowed(bias, 1) == [0]
    assert allowed(bias, 4) == [1]
    assert allowed(bias, 8) == list(range(2, 90))


def test_keep_pitches_leaves_those_of_the_source():
    bias = constrain(MELODY, Constraints(keep_pitches=True), melody((0, token(60)), (8, token(67))))
    assert allowed(bias, 3) == [0, 1, token(60), token(67)]


def test_keep_pitches_within_a_scale_keeps_what_they_become_in_it():
    bias = constrain(MELODY, Constraints(keep_pitches=True, key="C"), melody((0, token(61))))
    assert allowed(bias, 3) == [0, 1, token(60)]


def test_keep_rhythm_and_pitches_of_drums():
    source = melody((0, 0b101), (4, 0b010))
    rhythm = constrain(DRUMS, Constraints(keep_rhythm=True), source)
    assert allowed(rhythm, 0) == list(range(1, 512))
    assert allowed(rhythm, 1) == [0]
    kit = constrain(DRUMS, Constraints(keep_pitches=True), source)
    assert allowed(kit, 0) == list(range(8))  # the three classes used


def test_keep_rhythm_and_pitches_of_bits():
    tensor = np.zeros((16, 88), np.float32)
    tensor[0, [3, 7]] = 1
    bias = constrain(KEYS88, Constraints(keep_rhythm=True, keep_pitches=True), tensor)
    assert allowed(bias, 0) == [3, 7]
    assert allowed(bias, 1) == []


def test_density_leans_on_onsets_alone():
    bias = constrain(MELODY, Constraints(density=0.5), None)
    assert not bias[:, :2].any()
    assert (bias[:, 2:] == bias[0, 2]).all()
    assert bias[0, 2] > 0
    drums = constrain(DRUMS, Constraints(density=-1), None)
    assert drums[0, 0] == 0
    assert drums[0, 0b11] == 2 * drums[0, 0b1] < 0


def test_constraints_that_leave_nothing_are_refused():
    empty = Constraints(key="C", lowest_pitch=61, highest_pitch=61, keep_rhythm=True)
    with pytest.raises(RenderError, match="widen"):
        constrain(MELODY, empty, melody((0, token(60))))
    with pytest.raises(RenderError, match="need a phrase"):
        constrain(MELODY, Constraints(keep_rhythm=True), None)


def test_snap_moves_notes_to_the_scale_and_nothing_else():
    source = melody((0, token(61)), (2, 1), (4, token(66)), (8, token(64)))
    assert snap(MELODY, Constraints(key="C"), source)[:, 0].tolist()[:9] == [
        token(60), 0, 1, 0, token(65), 0, 0, 0, token(64),
    ]  # fmt: skip
    assert snap(MELODY, Constraints(), source) is source


@given(st.lists(st.integers(0, 89), min_size=16, max_size=16), st.integers(40, 60), st.integers(0, 12))
def test_what_is_snapped_is_allowed(tokens, low, span):
    limits = Constraints(lowest_pitch=low, highest_pitch=low + span)
    source = np.array(tokens)[:, None]
    snapped = snap(MELODY, limits, source)
    assert (np.take_along_axis(constrain(MELODY, limits, source), snapped, 1) == 0).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("melody", True), ("trio", True), ("pianoroll", True), ("drums", False), ("groove", False)],
)
def test_key_and_scale_mean_something_where_there_are_pitches(name, expected):
    assert pitched(representation(name, 2)) is expected

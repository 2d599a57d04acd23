"""Keys that are struck and keys that ring: what is kept of a roll, and what limits leave of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.inference.constraints import Constraints
from engine.inference.keyboard import (
    MOST_NATS,
    Kept,
    Touch,
    hands_of,
    leaning,
    limits,
    of_hands,
    struck,
    with_rhythm_of,
)
from engine.inference.perturbation import HOLD, snap
from engine.music.pianoroll import KEYS, LOWEST_KEY, RIGHT_HAND
from engine.music.representation import representation

C3, E3, C4, E4, G4 = (pitch - LOWEST_KEY for pitch in (48, 52, 60, 64, 67))
ALL = np.ones(KEYS, bool)
Note = tuple[int, int, int]
"""Key, first step, end."""


def roll(*notes: Note, steps: int = 8) -> np.ndarray:
    made = np.zeros((steps, KEYS), np.float32)
    for key, first, end in notes:
        made[first:end, key] = 1
    return made


def cells(*spans: tuple[int, int, slice], steps: int = 8) -> np.ndarray:
    made = np.zeros((steps, KEYS), bool)
    for first, end, keys in spans:
        made[first:end, keys] = True
    return made


def played(touch: Touch, steps: int = 8) -> np.ndarray:
    """Decide keys by a bias alone; what it says nothing of is neither struck nor held."""
    frames = np.zeros((steps, KEYS), np.float32)
    for step in range(steps):
        rings = frames[step - 1] if step else np.zeros(KEYS)
        frames[step] = np.where(rings > 0, touch.ring[step] > 0, touch.strike[step] > 0)
    return frames


def of_keys(bias: np.ndarray, key: int) -> list[float]:
    return bias[:, key].tolist()


def test_a_hand_has_the_keys_on_its_side_of_middle_c():
    assert RIGHT_HAND == C4
    marks = of_hands(np.array([True, False]), np.array([False, True]))
    assert marks[:, C4 - 1].tolist() == [True, False]
    assert marks[:, C4].tolist() == [False, True]
    assert hands_of(roll((C3, 1, 2), (E4, 3, 4)) > 0)[:, [0, KEYS - 1]].T.tolist() == [
        [False, True] + [False] * 6,
        [False, False, False, True] + [False] * 4,
    ]


def test_a_stroke_is_where_a_key_begins_to_sound():
    assert np.argwhere(struck(roll((C4, 0, 3), (E4, 2, 4), (E4, 5, 6)))).tolist() == [
        [0, C4],
        [2, E4],
        [5, E4],
    ]


def test_a_note_that_begins_in_what_is_kept_is_struck_rings_and_ends_there():
    touch = Kept(roll((C4, 2, 4)), cells((0, 8, slice(None)))).touch(5.0)
    assert of_keys(touch.strike, C4)[2] == 5
    assert of_keys(touch.strike, C4)[3:] == [-5] * 5
    assert of_keys(touch.ring, C4) == [0, -10, 5, 5, -5, 0, 0, 0]
    assert of_keys(touch.strike, E4) == [-5] * 8


def test_a_note_that_rings_into_what_is_kept_may_end_when_it_likes_and_none_is_struck_for_it():
    touch = Kept(roll((C4, 1, 7)), cells((4, 8, slice(None)))).touch(5.0)
    assert of_keys(touch.strike, C4) == [0, 0, 0, 0, -5, -5, -5, -5]
    assert of_keys(touch.ring, C4) == [0] * 8


def test_a_key_is_released_before_it_is_struck_again_though_the_step_before_is_free():
    touch = Kept(roll((C4, 4, 6)), cells((4, 8, slice(None)))).touch(5.0)
    assert of_keys(touch.ring, C4)[2:5] == [0, -10, 5]
    assert of_keys(touch.strike, C4)[2:5] == [0, -10, 5]


def test_a_hand_that_is_kept_says_nothing_of_the_other():
    kept = Kept(roll((C3, 0, 4), (E4, 0, 4)), of_hands(np.ones(8, bool), np.zeros(8, bool)))
    touch = kept.touch(5.0)
    assert touch.strike[0, C3] == 5
    assert not touch.strike[:, C4:].any()
    assert not touch.ring[:, C4:].any()


def test_more_density_keeps_what_was_played_and_holds_off_other_strokes_less_and_less():
    kept = Kept(roll((C4, 2, 4)), cells((0, 8, slice(None))))
    for density, foreign in ((0.5, -1.25), (1.0, 0.0), (2.0, 2.5)):  # 2.5 nats at 0, none at 1
        touch = kept.touch(900.0, density)
        assert of_keys(touch.strike, C4) == pytest.approx([foreign, -1800, 900, -900, *[foreign] * 4])
        assert of_keys(touch.strike, E4) == pytest.approx([foreign] * 8)
        assert of_keys(touch.ring, C4) == [0, -1800, 900, 900, -900, 0, 0, 0]


def test_less_density_leaves_strokes_to_the_decoder_and_lets_no_other_be_struck():
    kept = Kept(roll((C4, 2, 4)), cells((0, 8, slice(None))))
    for density, own in ((-0.5, 1.75), (-1.0, 0.0), (-2.0, -3.5)):  # 3.5 nats at 0, none at -1
        touch = kept.touch(900.0, density)
        assert touch.strike[2, C4] == pytest.approx(own)
        assert of_keys(touch.strike, E4) == [-900] * 8
        assert touch.ring[3, C4] == 900  # a note that is struck is as long as it was


def test_density_leans_where_nothing_is_kept_and_nowhere_else():
    kept = Kept(roll((C4, 2, 4)), of_hands(np.ones(8, bool), np.zeros(8, bool)))
    lean = leaning([kept], 8, -0.5)
    assert not lean.strike[:, :RIGHT_HAND].any()
    assert (lean.strike[:, RIGHT_HAND:] == -0.5).all()
    assert not lean.ring.any()
    assert (leaning([], 8, 2.0).strike == 2).all()


ROLLS = arrays(np.bool_, (8, KEYS), elements=st.booleans(), fill=st.just(False))


@given(ROLLS)
def test_all_that_is_kept_is_what_was_played(keys):
    source = keys.astype(np.float32)
    touch = Kept(source, cells((0, 8, slice(None)))).touch(HOLD)
    assert (played(touch) == source).all()
    assert (played(touch.within_bounds()) == source).all()


@given(ROLLS, ROLLS)
def test_however_few_keys_were_struck_what_is_kept_is_put_back(keys, written):
    source = keys.astype(np.float32)
    kept = Kept(source, cells((0, 8, slice(None))))
    touch = kept.touch(HOLD).within_bounds()
    put = kept.put_back(np.minimum(source, written), touch)
    assert (put == source).all()
    weak = kept.touch(1.0).within_bounds()
    assert (kept.put_back(written.astype(np.float32), weak) == written).all()


def test_what_may_not_be_struck_is_not_put_back():
    kept = Kept(roll((C4, 2, 5), (E4, 2, 5)), cells((0, 8, slice(None))))
    forbidden = np.zeros((8, KEYS), np.float32)
    forbidden[:, E4] = -1e9
    touch = kept.touch(HOLD).plus(Touch.strikes(forbidden)).within_bounds()
    assert (kept.put_back(roll(), touch) == roll((C4, 2, 5))).all()
    assert touch.strike[2, E4] == -MOST_NATS
    assert touch.ring[3, E4] == MOST_NATS


def test_keys_that_are_not_allowed_neither_begin_nor_ring():
    allowed = ALL.copy()
    allowed[E4] = False
    touch = limits(Constraints(), allowed, None, 8)
    assert (touch.strike[:, E4] == -1e9).all()
    assert (touch.ring[:, E4] == -1e9).all()
    assert not touch.strike[:, C4].any()


def test_busyness_leans_on_strokes_and_lets_ring_what_sounds():
    touch = limits(Constraints(density=0.5), ALL, None, 8)
    assert (touch.strike == 2).all()
    assert not touch.ring.any()


def test_a_kept_rhythm_lets_each_hand_begin_only_where_it_did():
    touch = limits(Constraints(keep_rhythm=True), ALL, roll((C3, 0, 4), (E4, 2, 3), (G4, 6, 8)), 8)
    assert (touch.strike[:, E3] == 0).tolist() == [True] + [False] * 7
    assert (touch.strike[:, C4] == 0).tolist() == [step in (2, 6) for step in range(8)]
    assert not touch.ring.any()


def test_kept_notes_are_those_of_the_source():
    touch = limits(Constraints(keep_pitches=True), ALL, roll((C3, 0, 4), (E4, 2, 3)), 8)
    assert np.flatnonzero(touch.strike[0] == 0).tolist() == [C3, E4]
    assert np.flatnonzero(touch.ring[0] == 0).tolist() == [C3, E4]


def test_a_stroke_that_was_left_out_of_a_kept_rhythm_is_the_sources_own():
    source = roll((C3, 0, 4), (C3, 5, 8), (E4, 2, 4), (G4, 2, 3))
    written = roll((E3, 0, 8), (C3, 3, 8), (C4, 2, 3))
    mended = with_rhythm_of(source, written)
    assert (mended == roll((E3, 0, 8), (C3, 3, 4), (C3, 5, 8), (C4, 2, 3))).all()
    assert (with_rhythm_of(source, source) == source).all()


@given(ROLLS, ROLLS)
def test_every_step_of_a_kept_rhythm_has_a_stroke_of_each_hand_that_had_one(keys, written):
    source = keys.astype(np.float32)
    mended = with_rhythm_of(source, written.astype(np.float32))
    missing = hands_of(struck(source)) & ~hands_of(struck(mended)) & struck(source)
    silent = np.zeros((1, KEYS), bool)
    beside = np.vstack([silent, struck(mended)[:-1]]) | np.vstack([struck(mended)[1:], silent])
    assert not (missing & ~beside).any()
    assert (struck(mended) | ~struck(written.astype(np.float32))).all()


@pytest.mark.parametrize(("key", "scale", "moved"), [("C", "major", C4), ("D", "major", C4 + 1)])
def test_what_sounds_outside_a_chosen_key_is_moved_to_its_nearest_note(key, scale, moved):
    tensors = representation("pianoroll", 1)
    source = roll((C4 + 1 if key == "C" else C4, 0, 3), (G4, 1, 2), steps=16)
    snapped = snap(tensors, Constraints(key=key, scale=scale), source)
    expected = moved if key == "C" else C4 - 1
    assert (snapped == roll((expected, 0, 3), (G4, 1, 2), steps=16)).all()

"""Key and chords as a bias: scales that follow chords, what is forbidden where, own notes always allowed."""

import numpy as np
import pytest
import tinybundle
from hypothesis import given
from hypothesis import strategies as st

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.harmony import (
    allowed_by_step,
    chord_bias,
    chord_scale,
    in_key_bias,
    key_and_chord_bias,
    key_of_chords,
    notes_on_chord,
    own_pitch_classes,
    share_on_chord,
)
from engine.inference.model import Model
from engine.inference.perturbation import FORBIDDEN
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.music.chords import by_pulse, parse_chord, parse_chords
from engine.music.grid import SIXTEENTHS
from engine.music.key import Key
from engine.music.notes import Note, Phrase
from engine.music.representation import representation


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model.load(str(tinybundle.write(tmp_path_factory.mktemp("bundle"))), precision="float")


C, A_MINOR = Key(0), Key(9, "minor")
MELODY = representation("melody", 2)
AM_F_C_G = by_pulse(parse_chords("Am F C G"), 4)


def names(scale: frozenset[int] | None) -> set[int]:
    assert scale is not None
    return set(scale)


@pytest.mark.parametrize(
    ("key", "chord", "scale"),
    [
        (C, "Dm7", {0, 2, 4, 5, 7, 9, 11}),
        (C, "D7", {0, 2, 4, 6, 7, 9, 11}),
        (A_MINOR, "E7", {9, 11, 0, 2, 4, 5, 8}),
        (C, "Bb", {0, 2, 4, 5, 7, 9, 10}),
        (C, "C7#9", {0, 2, 3, 4, 5, 7, 9, 10, 11}),
        (None, "G7", {7, 9, 11, 0, 2, 4, 5}),
    ],
)
def test_the_scale_follows_the_chord(key: Key | None, chord: str, scale: set[int]) -> None:
    assert names(chord_scale(key, parse_chord(chord))) == scale


def test_without_a_chord_it_is_the_keys_and_without_both_any() -> None:
    assert chord_scale(C, None) == C.pitch_classes
    assert chord_scale(None, None) is None
    assert allowed_by_step(SIXTEENTHS, 32, None, (), frozenset({1})) is None


@given(st.integers(0, 11), st.sampled_from(["", "m", "7", "maj7", "m7b5", "dim7"]), st.integers(0, 11))
def test_a_chords_own_tones_are_always_in_its_scale(root: int, quality: str, tonic: int) -> None:
    chord = parse_chord(f"C{quality}")
    assert chord is not None
    chord = chord.transposed(root)
    assert chord.pitch_classes <= names(chord_scale(Key(tonic), chord))


def test_the_key_of_a_line_of_chords() -> None:
    assert key_of_chords(AM_F_C_G) in (C, A_MINOR)
    assert key_of_chords(()) is None


def test_allowed_notes_change_with_the_chords_by_the_beat() -> None:
    allowed = allowed_by_step(SIXTEENTHS, 32, A_MINOR, by_pulse(parse_chords("Am E7"), 2), frozenset())
    assert allowed is not None
    assert [allowed[step, 8] for step in (0, 15, 16, 31)] == [False, False, True, True]
    assert [allowed[step, 7] for step in (0, 15, 16, 31)] == [True, True, False, False]


@given(st.lists(st.integers(0, 127), max_size=12))
def test_own_notes_are_always_allowed(pitches: list[int]) -> None:
    own = own_pitch_classes(Note(0, pitch, 1) for pitch in pitches)
    allowed = allowed_by_step(SIXTEENTHS, 16, C, (), own)
    assert allowed is not None
    assert all(allowed[:, pitch % 12].all() for pitch in pitches)
    assert own_pitch_classes([Note(0, 61, 1, channel=9)]) == frozenset()


def columns(bias: np.ndarray, step: int) -> set[int]:
    """Pitch classes that nothing forbids at a step."""
    return {(column - 2 + 21) % 12 for column in range(2, 90) if bias[step, column] > FORBIDDEN / 2}


@pytest.mark.parametrize("name", ["melody", "pianoroll", "trio"])
def test_in_key_forbids_the_other_pitches_and_no_rest_or_drum(name: str) -> None:
    what = representation(name, 1)
    bias = in_key_bias(what, np.tile([C.allows(tone) for tone in range(12)], (what.steps, 1)))
    per_voice = sum(not C.allows(pitch) for pitch in range(21, 109))
    assert np.count_nonzero(bias[0]) == per_voice * {"melody": 1, "pianoroll": 1, "trio": 2}[name]
    if name == "melody":
        assert columns(bias, 0) == set(C.pitch_classes)
        assert not bias[:, :2].any()


@pytest.mark.parametrize("name", ["drums", "groove"])
def test_drums_know_no_key(name: str) -> None:
    what = representation(name, 1)
    assert not in_key_bias(what, np.zeros((what.steps, 12), bool)).any()


def test_chords_are_favoured_on_the_beat_less_between_and_held_at_one() -> None:
    chords = by_pulse(parse_chords("C N.C."), 2)
    soft, hard = chord_bias(MELODY, chords, 0.5), chord_bias(MELODY, chords, 1.0)
    c4, d4 = 60 - 21 + 2, 62 - 21 + 2
    assert (soft[0, c4], soft[0, d4], soft[1, d4]) == (0, -4.0, -1.0)
    assert (hard[0, d4], hard[1, d4]) == (FORBIDDEN, -2.0)
    assert not soft[16:].any(), "a bar without a chord is free"
    assert not chord_bias(MELODY, chords, 0.0).any()


def test_key_and_chords_are_one_bias_that_is_remembered_and_cannot_be_changed() -> None:
    chords, own = by_pulse(parse_chords("E7 Am"), 2), frozenset({6})
    both = key_and_chord_bias(MELODY, A_MINOR, chords, 0.5, own)
    g4, g_sharp4, f_sharp4 = 67 - 21 + 2, 68 - 21 + 2, 66 - 21 + 2
    assert both[0, g_sharp4] == 0, "G sharp is of E7"
    assert both[0, g4] <= FORBIDDEN, "and takes the place of G"
    assert both[0, f_sharp4] == -4.0, "one's own note is in key, and no tone of the chord"
    without = key_and_chord_bias(MELODY, A_MINOR, chords, 0.0, own)
    assert (without[0, g4], without[0, f_sharp4]) == (0, 0), "chords that are not followed move no scale"
    assert key_and_chord_bias(MELODY, A_MINOR, chords, 0.5, own) is both
    with pytest.raises(ValueError, match="read-only"):
        both[0, 0] = 1


def test_share_on_chord_counts_what_begins_on_a_beat() -> None:
    notes = [Note(0, 60, 1), Note(1.02, 62, 1), Note(1.5, 61, 0.5), Note(2, 36, 1, channel=9)]
    assert share_on_chord(notes, by_pulse(parse_chords("C"), 1)) == 0.5
    assert notes_on_chord(notes, by_pulse(parse_chords("C"), 1)) == (1, 2)
    assert share_on_chord([], AM_F_C_G) == 1


phrases = st.lists(
    st.builds(Note, st.floats(0, 7.5), st.integers(30, 100), st.floats(0.1, 2)), min_size=1, max_size=12
).map(lambda notes: Phrase.of(notes, 2))


@given(phrases, st.floats(0, 1), st.integers(0, 99))
def test_what_is_rendered_in_key_is_in_the_sources_key_or_its_own_notes(
    model, played: Phrase, variation: float, seed: int
) -> None:
    slot = encode_slot(model, played, Key(2, "minor"))
    allowed = Key(2, "minor").pitch_classes | own_pitch_classes(played.notes)
    answer = render(model, {"heard": slot}, Controls(variation=variation, seed=seed, temperature=1.0))
    assert own_pitch_classes(answer.notes) <= allowed


def test_followed_chords_stand_on_the_beats(model) -> None:
    slot = encode_slot(model, Phrase.of([Note(0, 60, 1), Note(1, 62, 1)], 2))
    followed = Constraints(follow_chords=1.0)
    for seed in range(8):
        controls = Controls(variation=1.0, seed=seed, temperature=1.0, chords="F | Bbm", constraints=followed)
        answer = render(model, {"heard": slot}, controls)
        free = [note for note in answer.notes if note.pitch not in (60, 62)]
        assert share_on_chord(free, by_pulse(parse_chords("F | Bbm"), 2)) == 1
    assert len(free) > 0

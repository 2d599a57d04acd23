"""Chords of what is heard: by beat, in every key, with a bass, over silence and drums."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.chord_recognition import recognise_chords, sounding
from engine.music.chords import by_pulse, changes, parse_chord, parse_chords
from engine.music.key import Key
from engine.music.metre import Metre
from engine.music.notes import Note


def block(names: str, beats_per_bar: int = 4, bass: int = 40) -> list[Note]:
    """Block chords of a line of chords, the root below."""
    notes, harmony = [], by_pulse(bars := parse_chords(names), len(bars), Metre(beats_per_bar))
    for beat, chord in enumerate(harmony):
        if chord is None:
            continue
        notes += [Note(beat, 60 + tone, 1) for tone in sorted(chord.pitch_classes)]
        notes.append(Note(beat, bass + (chord.root - bass) % 12, 1))
    return notes


def names(notes: list[Note], beats: int, beats_per_bar: float = 4) -> list[tuple[int, str | None]]:
    found = recognise_chords(notes, beats, beats_per_bar)
    return [(beat, chord and chord.name) for beat, chord in changes(found)]


@pytest.mark.parametrize("line", ["Am F C G", "Dm7 G7 Cmaj7 Am", "Bb | Gm Eb | F7 | Bb", "Bm7b5 E7 Am Dm"])
def test_block_chords_are_found_with_their_kind_and_place(line: str) -> None:
    bars = parse_chords(line)
    wanted = by_pulse(bars, len(bars))
    assert recognise_chords(block(line), len(wanted)) == wanted


def test_three_beats_a_bar() -> None:
    assert names(block("Am F C", 3), 9, 3) == [(0, "Am"), (3, "F"), (6, "C")]


@given(st.integers(0, 11), st.sampled_from(["C Am F G7", "Cm Ab Bb Gm"]))
def test_chords_move_with_the_music(semitones: int, line: str) -> None:
    moved = [Note(n.start_beats, n.pitch + semitones, n.duration_beats) for n in block(line)]
    bars = parse_chords(line)
    wanted = by_pulse([tuple(c and c.transposed(semitones) for c in bar) for bar in bars], len(bars))
    assert recognise_chords(moved, len(wanted)) == wanted


def test_broken_chords_and_passing_notes() -> None:
    arpeggio = [Note(i / 2, p, 0.5) for i, p in enumerate([48, 55, 60, 64, 67, 65, 64, 60])]
    assert names(arpeggio, 4) == [(0, "C")]


def test_silence_goes_on_with_the_chord_before_and_none_stands_before_the_first() -> None:
    late = [Note(n.start_beats + 2, n.pitch, 1) for n in block("F") if n.start_beats < 2]
    assert names(late, 8) == [(0, None), (2, "F")]


@pytest.mark.parametrize(
    "notes",
    [
        [],
        [Note(0, 60, 4), Note(0, 67, 4)],
        [Note(beat, pitch, 1, channel=9) for beat in range(4) for pitch in (36, 38, 42)],
    ],
    ids=["nothing", "a fifth", "drums"],
)
def test_too_little_has_no_chord(notes: list[Note]) -> None:
    assert recognise_chords(notes, 4) == (None,) * 4


def test_what_sounds_in_a_beat_and_its_bass() -> None:
    weights, lowest = sounding([Note(0.5, 60, 1), Note(0, 64, 0.5), Note(-1, 40, 1.25)], 3)
    assert weights[0].nonzero()[0].tolist() == [0, 4]
    assert (weights[0, 0], weights[0, 4], weights[1, 0]) == (0.5, 0.75, 0.5)
    assert lowest.tolist() == [4, 0, -1]


@given(st.lists(st.builds(Note, st.floats(0, 15.9), st.integers(0, 127), st.floats(0.01, 8)), max_size=60))
def test_every_beat_has_an_answer_whatever_is_heard(notes: list[Note]) -> None:
    found = recognise_chords(notes, 16)
    assert len(found) == 16
    assert all(chord is None or parse_chord(chord.name) == chord for chord in found)
    named = [chord is not None for chord in found]
    assert named == sorted(named), "after the first chord every beat has one"


def test_a_tune_gets_no_chord_with_a_tone_that_is_neither_heard_nor_in_its_key() -> None:
    tune = [Note(beat, pitch, 1) for beat, pitch in enumerate((69, 74, 69, 74, 76, 71, 74, 69))]
    in_a_major = [name for _, name in changes(recognise_chords(tune, 8, 4, Key(9)))]
    assert {chord.pitch_classes <= Key(9).pitch_classes for chord in in_a_major if chord} == {True}
    played = [Note(0, pitch, 4) for pitch in (65, 69, 72)]  # no tones of the key, but they sound
    assert [chord and chord.name for chord in recognise_chords(played, 4, 4, Key(9))] == ["F"] * 4

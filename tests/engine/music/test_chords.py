"""Chords: names of every kind, lines of chords by bar and beat, and their chroma."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.chords import (
    QUALITIES,
    Chord,
    by_pulse,
    by_quarter,
    changes,
    parse_chord,
    parse_chords,
)
from engine.music.chroma import chroma
from engine.music.metre import Metre

chords = st.builds(
    lambda root, quality, bass: Chord(root, quality, None if bass == root else bass),
    st.integers(0, 11),
    st.sampled_from(sorted(QUALITIES)),
    st.none() | st.integers(0, 11),
)


def semitones(text: str) -> list[int]:
    chord = parse_chord(text)
    assert chord is not None
    return sorted((tone - chord.root) % 12 for tone in chord.pitch_classes)


@pytest.mark.parametrize(("suffix", "intervals"), QUALITIES.items())
def test_every_kind_of_the_table_is_read_as_it_stands_there(suffix: str, intervals: tuple[int, ...]) -> None:
    chord = parse_chord(f"E{suffix}")
    assert chord == Chord(4, suffix)
    assert chord.name == f"E{suffix}"
    assert semitones(f"E{suffix}") == list(intervals)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("A-7", "Am7"),
        ("Amin7", "Am7"),
        ("Ami7", "Am7"),
        ("CM7", "Cmaj7"),
        ("CΔ", "Cmaj7"),
        ("Cma7", "Cmaj7"),
        ("C+", "Caug"),
        ("C7+5", "Caug7"),
        ("C7#5", "Caug7"),
        ("F♯ø", "F#m7b5"),
        ("B°7", "Bdim7"),
        ("Bo", "Bdim"),
        ("Csus", "Csus4"),
        ("C7sus", "C7sus4"),
        ("Cm(maj7)", "Cmmaj7"),
        ("CmM7", "Cmmaj7"),
        ("C6/9", "C69"),
        ("C6/9/E", "C69/E"),
        ("C2", "Cadd9"),
        ("C7-9", "C7b9"),
        ("G#/B#", "Ab/C"),
        ("G/G", "G"),
        ("Cb", "B"),
        ("Dbm", "C#m"),
        ("B:min7/b7", "Bm7/A"),
        ("C:maj/3", "C/E"),
        ("D:sus4(b7)", "D7sus4"),
        ("E:hdim7", "Em7b5"),
        ("C(b5)", "C(b5)"),
    ],
)
def test_other_ways_to_write_a_chord(written: str, name: str) -> None:
    chord = parse_chord(written)
    assert chord is not None
    assert chord.name == name


def test_alterations_stack() -> None:
    assert semitones("C7b9b13") == [0, 1, 4, 7, 8, 10]
    assert semitones("C13#11") == [0, 2, 4, 6, 7, 9, 10]
    assert semitones("Cadd11") == [0, 4, 5, 7]
    assert semitones("Cm7add11") == [0, 3, 5, 7, 10]
    assert semitones("Cadd6") == [0, 4, 7, 9]
    assert semitones("C7b6") == [0, 4, 7, 8, 10]
    assert semitones("Cno3") == [0, 7]


@pytest.mark.parametrize("text", ["", "H", "am", "Cx", "C/", "C/x", "C/15", "C7b", "CCC", "Cm7q", "C F"])
def test_what_is_no_chord_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ValueError, match="is unknown; write a root and a kind"):
        parse_chord(text)


@given(chords)
def test_a_name_is_read_back(chord: Chord) -> None:
    assert parse_chord(chord.name) == chord


@given(st.text("ABCDEFGabdgijmnosu#♭°øΔ+-/^()0123456789", max_size=8))
def test_whatever_is_typed_is_a_chord_with_a_name_or_refused(text: str) -> None:
    try:
        chord = parse_chord(text)
    except ValueError:
        return
    again = chord and parse_chord(chord.name)
    assert (again and again.pitch_classes) == (chord and chord.pitch_classes)


@given(chords, st.integers(-24, 24))
def test_transposing(chord: Chord, steps: int) -> None:
    moved = chord.transposed(steps)
    assert moved.pitch_classes == {(tone + steps) % 12 for tone in chord.pitch_classes}
    assert moved.transposed(-steps) == chord


AM, F, C, G7 = Chord(9, "m"), Chord(5), Chord(0), Chord(7, "7")


def test_a_chord_a_bar() -> None:
    assert parse_chords("Am F C G7") == ((AM,), (F,), (C,), (G7,))


def test_bar_lines_repeats_and_no_chord() -> None:
    assert parse_chords("| Am F | % | C N.C. |  | G7 % C |") == (
        (AM, F),
        (AM, F),
        (C, None),
        (C, None),
        (G7, G7, C),
    )


@pytest.mark.parametrize("text", ["", "  ", "|", "% C", "Am | H"])
def test_a_line_without_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="chord"):
        parse_chords(text)


def test_chords_by_pulse_go_round() -> None:
    assert by_pulse(parse_chords("Am F | C"), 3) == (AM, AM, F, F, C, C, C, C, AM, AM, F, F)
    assert by_pulse(parse_chords("Am F | C"), 2, Metre(3)) == (AM, AM, F, C, C, C)
    assert by_pulse(parse_chords("Am F | C"), 2, Metre(6, 8)) == (AM, F, C, C)
    assert by_pulse(parse_chords("Am C"), 2, Metre(7, 8)) == (AM,) * 7 + (C,) * 7


@given(
    st.lists(chords, min_size=1, max_size=4),
    st.integers(1, 8),
    st.sampled_from([Metre(2), Metre(6, 8), Metre(4), Metre(7, 8)]),
)
def test_one_chord_a_bar_lasts_its_bar(row: list[Chord], bars: int, metre: Metre) -> None:
    harmony = by_pulse([(chord,) for chord in row], bars, metre)
    assert len(harmony) == bars * metre.pulses
    assert all(chord == row[place // metre.pulses % len(row)] for place, chord in enumerate(harmony))


def test_a_quarter_has_the_chord_that_sounds_where_it_begins() -> None:
    assert by_quarter((AM, F, C, G7), Metre(6, 8)) == (AM, AM, F, C, C, G7)
    assert by_quarter((AM, F, C), Metre(3)) == (AM, F, C)
    assert by_quarter((), Metre(6, 8)) == ()


def test_chroma_of_a_beat_and_of_none() -> None:
    result = chroma((C, None, G7))
    assert result.dtype == np.float32
    assert [np.flatnonzero(row).tolist() for row in result] == [[0, 4, 7], [], [2, 5, 7, 11]]
    assert chroma(()).shape == (0, 12)


def test_changes() -> None:
    assert changes((AM, AM, F, F, None)) == ((0, AM), (2, F), (4, None))
    assert changes(()) == ()

"""Which track, which bars, and why."""

import numpy as np
import pytest

from engine.choosing import choose_bars, choose_drums, choose_melody, find_track, single_line
from engine.errors import MidiFileError
from engine.song import Song, Tempo, Track, metre_spans

LINE = [(beat, 72, 0.5) for beat in range(16)]
CHORDS = [(beat, pitch, 1.0) for beat in range(16) for pitch in (84, 88, 91)]


def track(notes: list[tuple[float, int, float]], name: str = "", chunk: int = 0, channel: int = 0) -> Track:
    start, pitch, duration = (np.array(column) for column in zip(*notes, strict=True))
    return Track(
        name, chunk, channel, 0, start.astype(float), duration.astype(float), pitch, np.full(len(pitch), 90)
    )


def song(*tracks: Track, changes: tuple[tuple[float, int, int], ...] = (), length: float = 16.0) -> Song:
    return Song("x.mid", 1, 480, (Tempo(0.0, 120.0),), metre_spans(list(changes), length), tracks, length)


def test_a_name_decides_whatever_is_higher() -> None:
    tracks = track(CHORDS, "Flute"), track(LINE, "Lead Vocals", 1)
    assert choose_melody(song(*tracks)) == (tracks[1], "by its name")
    brass = track(LINE, "Alto Trombone"), track(LINE, "Violin I", 1)
    assert choose_melody(song(*brass)).track is brass[1]


def test_without_a_name_the_highest_single_line() -> None:
    bass, line, chords = track([(0, 40, 1)] * 9), track(LINE, chunk=1), track(CHORDS, chunk=2)
    assert choose_melody(song(bass, line, chords)) == (line, "the highest single line")
    assert single_line(line) == 1.0
    assert single_line(chords) < 0.5


def test_a_few_high_notes_are_no_melody() -> None:
    bell, line = track([(0, 100, 1.0)]), track(LINE, chunk=1)
    assert choose_melody(song(bell, line)).track is line


def test_drums_are_on_their_channel() -> None:
    few, many = track(LINE[:3], channel=9), track(LINE, chunk=1, channel=9)
    assert choose_drums(song(track(LINE), few, many)) == (many, "the drum track with most notes")
    with pytest.raises(MidiFileError, match=r"x\.mid: only drums, no melody"):
        choose_melody(song(few))
    with pytest.raises(
        MidiFileError, match=r"drum channel 10; name the track to take, perhaps track 1 'Drums"
    ):
        choose_drums(song(track(LINE, "Drums")))
    with pytest.raises(MidiFileError, match="no notes"):
        choose_melody(song())


def test_tracks_are_found_by_number_or_name() -> None:
    made = song(track(LINE, "Piano"), track(LINE, "Piano", 1), track(LINE, "Oboe", 4))
    assert find_track(made, "5").track is made.tracks[2]
    assert find_track(made, "obo").track is made.tracks[2]
    with pytest.raises(
        MidiFileError, match=r"'piano' means track 1 .* track 2 .*; name one of them by its number"
    ):
        find_track(made, "piano")
    with pytest.raises(MidiFileError, match=r"no track 'harp'; there are: track 1 'Piano'"):
        find_track(made, "harp")


def bars_of(notes: list[tuple[float, int, float]], bars: int, *changes: tuple[float, int, int]) -> tuple:
    line = track(notes)
    return choose_bars(song(line, changes=changes, length=48.0), line, bars)


def test_the_first_bars_with_notes_in_each() -> None:
    # bars 3, 5 and 6 (counted from 0) have notes; the one of bar 5 is played early
    notes = [(12, 60, 1.0), (19.9, 60, 1.0), (24, 60, 1.0)]
    assert bars_of(notes, 2) == (5, 2, "the first with notes in every bar")
    assert bars_of(notes, 1) == (3, 1, "the first with notes in every bar")


def test_else_the_fullest_inside_the_stretch() -> None:
    notes = [(0, 60, 1.0), (12, 60, 1.0), (13, 60, 1.0), (44, 60, 1.0)]
    assert bars_of(notes, 2) == (3, 2, "those with most notes")
    assert bars_of([(44, 60, 1.0)], 2) == (10, 2, "those with most notes")


def test_bars_of_other_metres_are_passed_over() -> None:
    notes = [(beat, 60, 1.0) for beat in range(48)]
    assert bars_of(notes, 2, (0, 3, 4), (6, 4, 4)) == (2, 2, "the first with notes in every bar")
    assert bars_of(notes, 4, (0, 3, 4), (6, 4, 4), (14, 3, 4)) == (2, 2, "the longest stretch in 4/4")
    with pytest.raises(
        MidiFileError, match=r"no bar in 4/4 \(it is in 3/4\); choose a file with bars in 4/4"
    ):
        bars_of(notes, 2, (0, 3, 4))

"""Chords, bass and drums as tokens, and how a decoded accompaniment is played."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.music.accompaniment import (
    CHORDS_CHANNEL,
    RANGES,
    AccompanimentRepresentation,
    melody_of,
    played_back,
    tones_below,
    voiced,
)
from engine.music.chords import Chord, parse_chord
from engine.music.notes import BASS_CHANNEL, DRUM_CHANNEL, Note, Phrase
from engine.music.representation import representation

TENSORS = AccompanimentRepresentation(2)


def chord(name: str) -> Chord:
    found = parse_chord(name)
    assert found is not None
    return found


def test_each_voice_has_a_stream_and_the_melody_none() -> None:
    phrase = Phrase.of(
        [
            Note(0.0, 64, 1.0, channel=CHORDS_CHANNEL),
            Note(0.0, 60, 1.0, channel=CHORDS_CHANNEL),
            Note(0.5, 36, 0.5, channel=BASS_CHANNEL),
            Note(1.0, 36, 0.25, channel=DRUM_CHANNEL),
            Note(1.0, 72, 1.0, channel=0),
        ],
        2,
    )
    tokens = TENSORS.encode(phrase)
    assert tokens.shape == (32, 3)
    assert tokens[:5].tolist() == [[45, 0, 0], [0, 0, 0], [0, 17, 0], [0, 0, 0], [1, 1, 1]]
    assert [TENSORS.lane(note) for note in phrase.notes] == [0, 0, 1, 2, None]


@given(
    st.lists(st.integers(0, 89), min_size=32, max_size=32),
    st.lists(st.integers(0, 511), min_size=32, max_size=32),
)
def test_what_is_decoded_encodes_to_the_same_notes(line: list[int], hits: list[int]) -> None:
    tokens = np.stack([line, line[::-1], hits], axis=1)
    phrase = TENSORS.decode(tokens)
    again = TENSORS.decode(TENSORS.encode(phrase))
    assert again == phrase
    assert representation("accompaniment", 2).hash == TENSORS.hash


def test_a_chord_is_its_highest_note_and_tones_of_the_chord_close_under_it() -> None:
    assert tones_below(67, chord("C")) == [64, 60]
    assert tones_below(72, chord("G7")) == [67, 65, 62]
    assert tones_below(76, chord("Am7")) == [72, 69, 67]
    assert tones_below(64, chord("C/G")) == [60, 55]


@given(st.integers(55, 90), st.sampled_from(["C", "F#m7b5", "Bbmaj7", "Esus4", "G7/B", "Caug", "Ddim"]))
def test_notes_under_a_chord_are_its_tones_within_an_octave(top: int, name: str) -> None:
    below = tones_below(top, chord(name))
    assert below == sorted(set(below), reverse=True)
    assert len(below) <= 3
    assert all(top - 11 <= pitch < top - 1 and chord(name).has(pitch) for pitch in below)


def test_chords_are_put_under_that_voice_alone_and_by_the_chord_of_their_beat() -> None:
    notes = [Note(0.0, 67, 1.0, channel=CHORDS_CHANNEL), Note(1.0, 36, 1.0, channel=BASS_CHANNEL)]
    late = Note(1.5, 69, 0.5, channel=CHORDS_CHANNEL)
    harmony = (chord("C"), None)
    found = voiced([*notes, late], harmony)
    assert [note.pitch for note in found] == [67, 64, 60, 36, 69]


def test_what_is_accompanied_is_off_the_voices_channels_unless_there_is_nothing_else() -> None:
    tune = Note(0.0, 72, 1.0, channel=0)
    bass, drum = replace(tune, channel=BASS_CHANNEL, pitch=40), replace(tune, channel=DRUM_CHANNEL, pitch=36)
    assert melody_of(Phrase.of([tune, bass, drum], 1)).notes == (tune,)
    assert melody_of(Phrase.of([bass, drum], 1)).notes == (bass,)


@given(st.integers(-6, 5), st.integers(28, 55), st.integers(55, 79))
def test_moved_into_its_key_each_voice_stays_in_its_range(semitones: int, low: int, high: int) -> None:
    drum = Note(0.0, 36, 0.25, channel=DRUM_CHANNEL)
    bass, top = Note(0.0, low, 1.0, channel=BASS_CHANNEL), Note(0.0, high, 1.0, channel=CHORDS_CHANNEL)
    played = played_back(Phrase.of([drum, bass, top], 1), semitones, (), Phrase((), 1))
    by_channel = {note.channel: note.pitch for note in played.notes}
    assert by_channel[DRUM_CHANNEL] == 36
    for note in (bass, top):
        assert by_channel[note.channel] >= RANGES[note.channel]
        assert (by_channel[note.channel] - note.pitch - semitones) % 12 == 0


@pytest.mark.parametrize("voice", ["chords", "bass", "drums"])
def test_a_voice_that_is_off_is_silent_and_the_others_are_not(voice: str) -> None:
    channels = {"chords": CHORDS_CHANNEL, "bass": BASS_CHANNEL, "drums": DRUM_CHANNEL}
    notes = [Note(0.0, 55, 1.0, channel=channel) for channel in channels.values()]
    played = played_back(Phrase.of(notes, 1), 0, (), Phrase((), 1), frozenset({voice}))
    assert {note.channel for note in played.notes} == set(channels.values()) - {channels[voice]}


def test_it_is_as_loud_as_what_is_heard_and_softer_between_the_beats() -> None:
    hits = [Note(start, 42, 0.25, channel=DRUM_CHANNEL) for start in (0.0, 0.25, 0.5)]
    heard = Phrase.of([Note(0.0, 60, 1.0, 100)], 1)
    assert [note.velocity for note in played_back(Phrase.of(hits, 1), 0, (), heard).notes] == [100, 72, 86]

"""The nine classes, both kits, and the 512 tokens."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.drums import (
    DrumsRepresentation,
    as_drums,
    drum_classes,
    drum_hits,
    hits_of_tokens,
    tokens_of_hits,
)
from engine.music.notes import Note, Phrase


def test_unmapped_pitches_are_counted_and_left_out() -> None:
    pitches = [36, 0, 127, 38]
    assert int((drum_classes(pitches, "gm") < 0).sum()) == 2
    assert drum_hits([0, 0, 1, 1], pitches, 2, "gm").astype(int).tolist() == [[1] + [0] * 8, [0, 1] + [0] * 7]


def test_a_beat_as_tokens() -> None:
    # kick and closed hat, hat (pedal) alone, snare (rim) and hat, a crash at the end
    beat = [(0, 36), (0, 42), (0.5, 44), (1, 37), (1, 42), (3.75, 57)]
    phrase = Phrase.of([Note(at, pitch, 0.1, channel=9) for at, pitch in beat], 1)
    tokens = DrumsRepresentation(1).encode(phrase)
    expected = np.zeros(16, dtype=np.int64)
    expected[[0, 2, 4, 15]] = [1 + 4, 4, 2 + 4, 128]
    assert tokens.dtype == np.int64
    assert tokens.tolist() == expected[:, None].tolist()
    decoded = DrumsRepresentation(1).decode(tokens)
    assert [(note.start_beats, note.pitch) for note in decoded.notes] == [
        (0, 36), (0, 42), (0.5, 42), (1, 38), (1, 42), (3.75, 49)
    ]  # fmt: skip
    assert {(note.duration_beats, note.channel) for note in decoded.notes} == {(0.25, 9)}


def test_early_and_stray_hits() -> None:
    phrase = Phrase.of([Note(-0.1, 36, 0.1), Note(-0.2, 38, 0.5), Note(3.9, 42, 0.1)], 1)
    assert np.flatnonzero(DrumsRepresentation(1).encode(phrase)).tolist() == [0, 15]


def test_a_hit_in_the_last_32nd_is_the_phrases_own() -> None:
    roll = Phrase.of([Note(3.5, 38, 0.1), Note(3.875, 38, 0.1)], 1)
    assert np.flatnonzero(DrumsRepresentation(1).encode(roll)).tolist() == [14, 15]


def test_drums_are_on_one_channel_and_pitched_notes_are_no_drums() -> None:
    kick, tune = Note(0, 36, 0.5, channel=9), Note(1, 38, 0.5, channel=0)
    assert as_drums(Phrase.of([kick, tune], 1), "gm").notes == (kick,)
    # without anything on the drum channel the classes decide; General MIDI has none for 100
    pads = Phrase.of([Note(0, 36, 0.5, channel=3), Note(1, 38, 0.5), Note(2, 100, 0.5)], 1)
    assert [(note.pitch, note.channel) for note in as_drums(pads, "gm").notes] == [(36, 9), (38, 9)]


@given(st.lists(st.integers(0, 511), min_size=16, max_size=16))
def test_tokens_hits_and_phrases_go_round(tokens) -> None:
    assert tokens_of_hits(hits_of_tokens(np.array(tokens))).tolist() == tokens
    for kit in ("gm", "roland"):
        rep = DrumsRepresentation(1, kit=kit)
        array = np.array(tokens)[:, None]
        assert rep.encode(rep.decode(array)).tolist() == array.tolist()


def test_the_kit_does_not_change_the_hash_and_an_unknown_one_is_refused() -> None:
    assert DrumsRepresentation(2, kit="gm").hash == DrumsRepresentation(2, kit="roland").hash
    with pytest.raises(ValueError, match="'td-50': unknown; choose one of gm, gs, xg, roland"):
        DrumsRepresentation(1, kit="td-50").encode(Phrase.of([Note(0, 36, 1)], 1))
    with pytest.raises(ValueError, match="leave the range 0 to 511"):
        DrumsRepresentation(1).decode(np.full((16, 1), 512))

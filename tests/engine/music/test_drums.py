"""The nine classes, both kits, and the 512 tokens."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.drums import (
    DRUM_CLASSES,
    DrumsRepresentation,
    class_table,
    drum_classes,
    drum_hits,
    exemplars,
    hits_of_tokens,
    tokens_of_hits,
)
from engine.music.notes import Note, Phrase


@pytest.mark.parametrize("kit", ["gm", "roland"])
def test_no_pitch_is_in_two_classes_and_exemplars_are_in_their_own(kit) -> None:
    pitches = [pitch for drum in DRUM_CLASSES for pitch in getattr(drum, kit)]
    assert len(pitches) == len(set(pitches))
    assert drum_classes(exemplars(kit), kit).tolist() == list(range(9))


def test_the_kits_disagree_where_the_toms_do() -> None:
    # Roland reads 45, 48 and 58 as mid, high and low tom; General MIDI as low, mid tom and crash
    assert drum_classes([45, 48, 58], "roland").tolist() == [5, 6, 4]
    assert drum_classes([45, 48, 58], "gm").tolist() == [4, 5, 7]
    assert exemplars("roland") == (36, 38, 42, 46, 43, 47, 50, 49, 51)
    assert exemplars("gm") == (36, 38, 42, 46, 45, 48, 50, 49, 51)


def test_the_training_kit_knows_the_pitches_of_its_data() -> None:
    played = [22, 26, 36, 37, 38, 40, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 55, 57, 58, 59]
    assert np.flatnonzero(class_table("roland") >= 0).tolist() == played


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
    assert np.flatnonzero(DrumsRepresentation(1).encode(phrase)).tolist() == [0]


@given(st.lists(st.integers(0, 511), min_size=16, max_size=16))
def test_tokens_hits_and_phrases_go_round(tokens) -> None:
    assert tokens_of_hits(hits_of_tokens(np.array(tokens))).tolist() == tokens
    for kit in ("gm", "roland"):
        rep = DrumsRepresentation(1, kit=kit)
        array = np.array(tokens)[:, None]
        assert rep.encode(rep.decode(array)).tolist() == array.tolist()


def test_the_kit_does_not_change_the_hash_and_an_unknown_one_is_refused() -> None:
    assert DrumsRepresentation(2, kit="gm").hash == DrumsRepresentation(2, kit="roland").hash
    with pytest.raises(ValueError, match="'td-50': unknown; choose one of gm, roland"):
        exemplars("td-50")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="leave the range 0 to 511"):
        DrumsRepresentation(1).decode(np.full((16, 1), 512))

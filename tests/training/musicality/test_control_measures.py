"""Sliders, seeds and chords of songs, measured on phrases small enough to count by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.music.chords import Chord
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.representation import representation
from training.evaluation.musicality.control_measures import step_ms
from training.evaluation.musicality.key_sets import SETS
from training.evaluation.musicality.real_chords import known_chords
from training.evaluation.musicality.seed_differences import differences
from training.evaluation.musicality.slider_effects import effects_of

MELODY, GROOVE = representation("melody", 2), representation("groove", 2)
C_MAJOR = SETS[0]


def melody(*pitches: int) -> Phrase:
    return Phrase.of([Note(float(beat), pitch, 1) for beat, pitch in enumerate(pitches)], 2)


def drums(*hits: tuple[float, int, int]) -> Phrase:
    notes = [Note(beats, pitch, 0.25, velocity, DRUM_CHANNEL) for beats, pitch, velocity in hits]
    return Phrase.of(notes, 2)


def test_what_a_slider_moves_is_counted_in_deviations_of_the_sources() -> None:
    sources = [melody(60, 62, 64, 65), melody(72, 74, 76, 77)]  # mean pitches 62.75 and 74.75: deviation 6
    moved = [melody(63, 65, 67, 68), melody(72, 74, 76, 77)]  # one of two a minor third higher
    found = effects_of(sources, moved, [C_MAJOR, C_MAJOR], MELODY)
    assert found["moved"]["register"] == pytest.approx(1.5 / 6)
    assert np.isnan(found["moved"]["interval"])  # the same in both sources: no deviation to count in
    assert found["notes_kept"] == 4 / 8
    assert found["onsets_kept"] == 1
    assert found["key_kept"] == 6 / 8  # 63 and 68 are not in C major


def test_notes_that_went_are_not_kept_and_new_ones_do_not_count() -> None:
    source, answer = melody(60, 62, 64, 65), melody(60, 62)
    assert effects_of([source], [answer], [C_MAJOR], MELODY)["notes_kept"] == 0.5
    assert effects_of([answer], [source], [C_MAJOR], MELODY)["notes_kept"] == 1


def test_drums_have_no_key_and_an_attribute_that_never_varies_no_deviation() -> None:
    beat = drums((0, 36, 100), (1, 38, 100))
    found = effects_of([beat, beat], [beat, drums((0, 36, 100))], [C_MAJOR] * 2, representation("drums", 2))
    assert "key_kept" not in found
    assert found["notes_kept"] == 3 / 4
    assert all(np.isnan(value) for value in found["moved"].values())


def test_two_seeds_differ_by_the_notes_that_only_one_has() -> None:
    first, second = melody(60, 62, 64, 65), melody(60, 62, 67)
    assert differences([first], [second], MELODY) == {"differing": pytest.approx(1 - 4 / 7)}
    assert differences([first], [first], MELODY) == {"differing": 0}


def test_grooves_differ_in_milliseconds_and_velocities_of_the_hits_both_have() -> None:
    # A 16th of 125 ms is a quarter of a beat: .05 beats are 25 ms. The snare's hit is the first one's alone.
    first = drums((0, 36, 100), (1, 36, 80), (2, 38, 90))
    second = drums((0, 36, 90), (1.05, 36, 80))
    found = differences([first], [second], GROOVE, np.array([125.0]))
    assert found["differing"] == pytest.approx(1 - 4 / 5)
    assert found["shared_hits"] == 2
    assert found["ms"] == pytest.approx(12.5, abs=1e-3)
    assert found["velocities"] == pytest.approx(5, abs=1e-3)


def test_grooves_without_a_hit_in_common_have_no_timing_to_compare() -> None:
    found = differences([drums((0, 36, 100))], [drums((1, 38, 100))], GROOVE, np.array([125.0]))
    assert found["differing"] == 1
    assert np.isnan(found["ms"])


def test_the_length_of_a_16th_follows_the_tempo_of_the_window_s_file(tmp_path) -> None:
    (tmp_path / "files.csv").write_text("file,bpm\n0,120\n3,60\n", encoding="utf-8")
    corpus = SimpleNamespace(
        kind=SimpleNamespace(name="groove"),
        path=tmp_path,
        segments=np.array([(0,), (3,)], dtype=[("file", "i8")]),
        table=np.array([(1,), (0,), (1,)], dtype=[("segment", "i8")]),
    )
    assert step_ms(corpus, np.array([0, 1])).tolist() == [250, 125]


def test_chords_of_a_window_are_those_of_its_beats() -> None:
    window = np.zeros((1, 16, 4), np.int64)
    window[0, 0:4, 1] = 1 << 0 | 1 << 4 | 1 << 7
    window[0, 4:8, 1] = 1 << 9 | 1 << 0 | 1 << 4 | 1 << 7  # A C E G: C6 or Am7
    window[0, 8:12, 1] = 0b11  # no chord has this name
    [found] = known_chords(window)
    assert found[0] == Chord(0, "")
    assert found[1] is not None
    assert found[1].pitch_classes == {9, 0, 4, 7}
    assert found[2:] == (None, None)

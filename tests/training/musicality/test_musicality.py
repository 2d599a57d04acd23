"""Measures of music on lines small enough to count by hand."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.notes import Note, Phrase
from training.evaluation.musicality.baselines import crossfaded, nudged
from training.evaluation.musicality.continued import continuation_measures
from training.evaluation.musicality.critic import Critic, tokens_of
from training.evaluation.musicality.form import extra_leap, motifs, repeated_bars, returning_motifs
from training.evaluation.musicality.held_out import HeldOut
from training.evaluation.musicality.key_sets import SETS, best_set, in_sets, own_key, pitch_class_counts
from training.evaluation.musicality.lines import Line, voices
from training.evaluation.musicality.measure import Yardstick, measure_row, note_f1
from training.evaluation.musicality.traits import drum_traits, melody_traits, traits
from training.evaluation.musicality.two_sample import telling_apart

C_MAJOR = SETS[0]


def line(pitches: Sequence[int], steps: int = 2) -> Line:
    return Line.of(Note(index * steps / 4, pitch, steps / 4) for index, pitch in enumerate(pitches))


def phrase(pitches: Sequence[int], bars: int = 2) -> Phrase:
    return Phrase.of((Note(index / 2, pitch, 0.5) for index, pitch in enumerate(pitches)), bars)


lines = st.lists(st.integers(40, 80), min_size=1, max_size=16).map(line)


def test_a_line_is_rounded_to_steps_and_a_note_lasts_one_at_least() -> None:
    found = Line.of([Note(1.02, 60, 0.01), Note(0.26, 64, 0.5)])
    assert [values.tolist() for values in found] == [[1, 4], [3, 5], [64, 60]]
    assert [values.tolist() for values in found.between(4, 8)] == [[0], [1], [60]]


def test_voices_leave_drums_out() -> None:
    both = Phrase.of([Note(0, 60, 1), Note(0, 36, 1, channel=9), Note(0, 40, 1, channel=1)], 1)
    assert sorted(voices(both)) == [0, 1]


def test_key_of_a_line_and_of_its_source() -> None:
    scale = line([60, 62, 64, 65, 67, 69, 71, 66])
    assert own_key([scale]) == 7 / 8
    assert in_sets([line([60, 61, 62, 63])], [C_MAJOR]) == 0.5
    assert best_set(pitch_class_counts(line([57, 59, 60, 62, 64, 65, 68]))).tolist() == [
        tone in {9, 11, 0, 2, 4, 5, 8} for tone in range(12)
    ]


def test_no_notes_are_in_no_key() -> None:
    assert own_key([line([])]) == 0


@given(lines, st.integers(-5, 5))
def test_the_share_in_key_is_the_same_in_every_key(melody: Line, semitones: int) -> None:
    moved = Line(melody.onset, melody.end, melody.pitch + semitones)
    assert own_key([moved]) == pytest.approx(own_key([melody]))


def test_tokens_of_the_critic_are_intervals_and_times_of_the_top_voice() -> None:
    chord = Line.of([Note(0, 60, 1), Note(0, 48, 1), Note(1, 64, 1), Note(1.5, 62, 1)])
    assert tokens_of(chord).tolist() == [(4 + 24) * 32 + 3, (-2 + 24) * 32 + 1]
    assert tokens_of(line([])).tolist() == []


def test_the_critic_prefers_what_it_knows() -> None:
    scale = [line([60 + step for step in (0, 2, 4, 5, 7, 5, 4, 2)], 2) for _ in range(20)]
    critic = Critic.fit(scale)
    known, odd = critic.mean_nats(scale[:1]), critic.mean_nats([line([60, 71, 49, 70, 61, 75, 44, 60])])
    assert known < 0.5
    assert odd > 5
    assert critic.mean_nats([line([72, 74, 76, 77, 79, 77, 76, 74])]) == pytest.approx(known)
    assert np.isnan(critic.mean_nats([line([60])]))


def test_a_line_beside_a_longer_one_costs_the_same() -> None:
    critic = Critic.fit([line([60, 62, 64, 62, 60])])
    short, long = line([60, 62, 64]), line([50, 57, 51, 58, 52, 60])
    assert critic.nats([short, long])[:2].tolist() == pytest.approx(critic.nats([short]).tolist())


def test_trees_tell_different_sets_apart_and_equal_ones_not() -> None:
    rng = np.random.default_rng(0)
    real, same, other = rng.normal(0, 1, (300, 4)), rng.normal(0, 1, (300, 4)), rng.normal(2, 1, (300, 4))
    assert abs(telling_apart(real, same) - 0.5) < 0.08
    assert telling_apart(real, other) > 0.95
    assert np.isnan(telling_apart(real[:4], other))


@given(lines, st.integers(-12, 12))
def test_traits_know_no_key(melody: Line, semitones: int) -> None:
    moved = Line(melody.onset, melody.end, melody.pitch + semitones)
    assert melody_traits(moved, 2) == pytest.approx(melody_traits(melody, 2))


@pytest.mark.parametrize("name", ["melody", "drums", "groove", "pianoroll", "trio"])
def test_every_kind_has_traits_of_one_length_also_of_silence(name: str) -> None:
    channel = 9 if name in ("drums", "groove") else 0
    some = Phrase.of([Note(beat, 36 + beat, 1, channel=channel) for beat in range(8)], 2)
    silent, played = traits(Phrase((), 2), name), traits(some, name)
    assert silent.shape == played.shape
    assert np.isfinite(silent).all()
    assert np.isfinite(played).all()
    assert not np.array_equal(silent, played)


def test_drum_traits_count_hits_a_bar_and_likeness_of_bars() -> None:
    beat = [Note(bar * 4 + place, 36, 0.25, channel=9) for bar in range(2) for place in (0, 2)]
    found = drum_traits(beat, 2)
    assert found[0] == 2
    assert found[-2:].tolist() == [1, 1]


A_BAR = [60, 62, 64, 65, 67, 65, 64, 62]


def test_bars_repeat_exactly_transposed_or_within_a_step_in_the_same_rhythm() -> None:
    again = line([*A_BAR, *A_BAR])
    transposed = line([*A_BAR, *(pitch + 5 for pitch in A_BAR)])
    nearly = line([*A_BAR, 62, *A_BAR[1:]])
    other = line([*A_BAR, 72, *A_BAR[1:]])
    assert [repeated_bars([melody], 2) for melody in (again, transposed, nearly, other)] == [0.5, 0.5, 0.5, 0]
    slower = Line.of([*(Note(i / 2, p, 0.5) for i, p in enumerate(A_BAR)), Note(4, 60, 1), Note(5, 62, 1)])
    assert repeated_bars([slower], 2) == 0


def test_leaps_at_seams_are_those_across_every_nth_bar_line() -> None:
    melody = line([60, 61, 60, 61, 60, 61, 60, 61, 71, 72, 71, 72, 71, 72, 71, 72])
    assert extra_leap([melody], 1) == 10 - 1
    assert np.isnan(extra_leap([melody], 2))


def test_motifs_return_at_any_pitch() -> None:
    prompt = line([60, 62, 64, 65])
    assert motifs(prompt) == {(2, 2, 2, 2, 1, 2)}
    answers = [line([67, 69, 71, 72]), line([60, 62, 64, 66])]
    assert [returning_motifs([prompt], [answer]) for answer in answers] == [1.0, 0.0]
    assert np.isnan(returning_motifs([line([60])], answers[:1]))


@given(st.lists(st.integers(40, 90), min_size=1, max_size=16), st.floats(0, 1), st.integers(0, 99))
def test_nudged_notes_stay_in_time_and_those_that_moved_are_in_the_scale(
    pitches: list[int], share: float, seed: int
) -> None:
    source = phrase(pitches)
    moved = nudged(source, C_MAJOR, share, np.random.default_rng(seed))
    assert [note.start_beats for note in moved.notes] == [note.start_beats for note in source.notes]
    changed = [
        after.pitch for before, after in zip(source.notes, moved.notes, strict=True) if before != after
    ]
    assert all(C_MAJOR[pitch % 12] for pitch in changed)
    assert nudged(source, C_MAJOR, 0, np.random.default_rng(seed)) == source


@given(st.lists(st.integers(40, 90), max_size=12), st.lists(st.integers(40, 90), max_size=12))
def test_a_crossfade_is_one_voice_of_notes_of_both(first: list[int], second: list[int]) -> None:
    rng = np.random.default_rng(0)
    faded = crossfaded(phrase(first), phrase(second), 0.5, rng).notes
    assert {(n.start_beats, n.pitch) for n in faded} <= {
        (n.start_beats, n.pitch) for n in (*phrase(first).notes, *phrase(second).notes)
    }
    assert all(a.end_beats <= b.start_beats for a, b in pairwise(faded))
    assert crossfaded(phrase(first), phrase(second), 0, rng) == phrase(first)


def test_note_f1_counts_onset_pitch_and_channel() -> None:
    assert note_f1([phrase([60, 62])], [phrase([60, 64])]) == 0.5
    assert note_f1([phrase([60, 62])], [phrase([60])]) == pytest.approx(2 / 3)


def test_a_row_of_many_keys_says_how_many_sound_together() -> None:
    chord = [Note(start_beats=0.0, pitch=pitch, duration_beats=3.0) for pitch in (60, 64, 67)]
    phrases = [Phrase(notes=tuple(chord), bars=1), Phrase(notes=(), bars=1)]
    nothing = HeldOut(np.zeros((0, 16, 88)), [], [], np.zeros(0, np.int64))
    found = measure_row(phrases, Yardstick(1, 0, polyphonic=True), nothing, [])
    assert found["sounding_keys"] == 3 * 3 / 8  # three keys for three of all eight beats
    assert "sounding_keys" not in measure_row(phrases, Yardstick(1, 0), nothing, [])


def test_continuations_are_read_beside_real_ones_and_another_piece() -> None:
    prompts = [phrase([60, 62, 64, 65]), phrase([70, 67, 65, 63])]
    real = [phrase([67, 69, 71, 72]), phrase([60, 60, 60, 60])]
    written = [phrase([60, 61]), phrase([70, 67, 65, 63])]
    found = continuation_measures(prompts, real, written)
    assert found["what really followed"] == {"motifs": 0.5, "notes": 1.0, "as dense": 1.0}
    assert found["written"] == {"motifs": 0.5, "notes": 0.75, "as dense": 0.5}
    assert found["another piece"]["motifs"] == 0

"""What the corpus report counts in each split, against counts by hand."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from training.corpus.report.splits_compared import (
    COUNTED,
    Comparison,
    Distribution,
    comparison_figures,
    drums,
    intervals_semitones,
    lengths_steps,
    notes_a_bar,
    sounding,
    velocities,
)

STEP = 0.25
LINE = Phrase.of([Note(0, 60, 1), Note(1, 64, 0.5), Note(2, 48, 5)], bars=2)
CHORD = Phrase.of([Note(0, 60, 1), Note(0, 64, 0.5)], bars=1)
BEAT = Phrase.of(
    [Note(0, 36, 0.25, 100, DRUM_CHANNEL), Note(4.5, 38, 0.25, 40, DRUM_CHANNEL), Note(5, 38, 0.25, 60, 9)],
    bars=2,
)


def test_lengths_are_steps_and_the_last_stands_for_all_beyond() -> None:
    assert list(lengths_steps([LINE], STEP)) == [4, 2, 16]
    assert list(lengths_steps([BEAT], STEP)) == []


def test_intervals_are_those_of_a_line_and_of_the_highest_notes_of_chords() -> None:
    assert list(intervals_semitones([LINE, CHORD], STEP)) == [4, -12]
    hands = [Note(0, 64, 1), Note(0, 60, 2), Note(1, 62, 1), Note(2, 55, 1), Note(2, 67, 1)]
    assert list(intervals_semitones([Phrase.of(hands, bars=1)], STEP)) == [-2, 5]


def test_sounding_notes_are_counted_at_every_step() -> None:
    assert list(sounding([CHORD], STEP)) == [2, 2, 1, 1] + [0] * 12
    assert list(sounding([BEAT], STEP)) == []


def test_drums_notes_a_bar_and_velocities_by_hand() -> None:
    assert list(drums([BEAT, LINE], STEP)) == [0, 1, 1]
    assert list(notes_a_bar([BEAT], STEP)) == [1, 2]
    assert velocities([BEAT]) == {0: [100], 1: [40, 60]}


def test_splits_overlap_by_the_smaller_shares() -> None:
    counts = {"train": Counter({1: 3, 2: 1}), "valid": Counter[int](), "test": Counter({2: 2, 3: 2})}
    each = Distribution("Lengths", "steps", counts)
    assert each.shares("test") == [0, 0.5, 0.5]
    assert each.overlap("train", "test") == 0.25
    assert each.overlap("train", "valid") is None
    assert (each.mean("train"), each.mean("valid")) == (1.25, None)


@given(st.lists(st.integers(-5, 5), min_size=1), st.lists(st.integers(-5, 5), min_size=1))
def test_the_overlap_is_a_share_the_same_both_ways_and_1_for_equal_splits(one, other) -> None:
    counts = {"train": Counter(one), "valid": Counter(one), "test": Counter(other)}
    each = Distribution("x", "x", counts)
    overlap = each.overlap("train", "test")
    assert overlap == pytest.approx(each.overlap("test", "train"))
    assert -1e-9 <= overlap <= 1 + 1e-9
    assert each.overlap("train", "valid") == pytest.approx(1)


def test_a_plot_names_the_drums_and_shows_the_splits_there_are() -> None:
    title, unit, count, label = COUNTED["drums_by_split"]
    counts = {"train": Counter(count([BEAT], STEP)), "valid": Counter[int](), "test": Counter[int]()}
    compared = Comparison({"drums_by_split": Distribution(title, unit, counts, label)}, {"train": {1: [40]}})
    made = comparison_figures(compared)
    assert [text.get_text() for text in made["drums_by_split"].axes[0].get_xticklabels()] == ["kick", "snare"]
    assert [text.get_text() for text in made["velocities_by_drum"].axes[0].get_xticklabels()] == ["snare"]
    assert [text.get_text() for text in made["drums_by_split"].axes[0].get_legend().get_texts()] == ["train"]

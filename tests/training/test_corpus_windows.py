import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.music.melody import cut_window, melody_tokens
from training.corpus.corpus_kinds import KINDS
from training.corpus.extract.streams import ACTIVE_BAR, OFF_GRID, ONSET, held_tokens, sounding_tokens
from training.corpus.windows import (
    REASONS,
    SEGMENT_DTYPE,
    Streams,
    candidate_windows,
    describe,
    duplicate_counts,
    gather,
    heads,
    judge,
    max_silent_bars,
    min_onsets,
    positions,
    unique_windows,
)

MELODY = KINDS["melody"]


def streams_of(tokens: np.ndarray, marks: np.ndarray | None = None) -> Streams:
    segments = np.array([(0, 0, 0, len(tokens), 0)], SEGMENT_DTYPE)
    held = held_tokens(sounding_tokens(tokens))[:, None]
    return Streams(
        tokens[:, None], marks if marks is not None else np.zeros(len(tokens), np.uint8), held, segments
    )


def test_windows_hop_one_bar_inside_their_segment() -> None:
    segments = np.array([(0, 0, 0, 48, 0), (0, 1, 48, 16, 0), (1, 0, 64, 32, 0)], SEGMENT_DTYPE)
    table = candidate_windows(segments, 2)
    assert list(zip(table["segment"].tolist(), table["first"].tolist(), strict=True)) == [
        (0, 0),
        (0, 16),
        (2, 0),
    ]
    assert positions(segments, table).tolist() == [0, 16, 64]


@pytest.mark.parametrize(
    ("onsets", "off_grid", "active", "reason"),
    [
        ([0, 8, 16, 24], [], [0, 16], "kept"),
        ([0], [], [0, 16], "too few onsets"),
        ([0, 8], [], [], "too many silent bars"),
        ([0, 8, 16], [8], [0, 16], "off the grid or polyphonic"),
        (list(range(0, 20, 2)), [2], [0], "kept"),
    ],
)
def test_each_reason_to_drop_a_window(
    onsets: list[int], off_grid: list[int], active: list[int], reason: str
) -> None:
    marks = np.zeros(32, np.uint8)
    for places, mark in ((onsets, ONSET), (off_grid, OFF_GRID), (active, ACTIVE_BAR)):
        marks[places] |= mark
    streams = streams_of(np.zeros(32, np.uint8), marks)
    verdict = judge(streams, candidate_windows(streams.segments, 2), 2, MELODY)
    assert [REASONS[number] for number in verdict] == [reason]


def test_longer_windows_may_rest_longer() -> None:
    assert [max_silent_bars(bars) for bars in (1, 2, 4, 8, 16)] == [1, 1, 1, 2, 4]
    assert [min_onsets(bars) for bars in (1, 2, 16)] == [2, 2, 16]


notes = st.lists(st.tuples(st.integers(0, 79), st.integers(1, 30), st.integers(21, 108)), max_size=20)


@given(notes)
def test_windows_begin_as_the_engine_cuts_them(played: list[tuple[int, int, int]]) -> None:
    onsets = [onset for onset, _, _ in played]
    ends = [onset + length for onset, length, _ in played]
    tokens = melody_tokens(onsets, ends, [pitch for _, _, pitch in played], 80)
    streams = streams_of(tokens)
    first = positions(streams.segments, candidate_windows(streams.segments, 2))
    block = gather(streams.steps, first, 32, heads(streams, first, 1))
    for window, step in zip(block, first.tolist(), strict=True):
        assert window[:, 0].tolist() == cut_window(tokens, step, 32).tolist()


def test_bounds_and_first_tokens_count_a_held_note() -> None:
    tokens = np.zeros(48, np.uint8)
    tokens[[0, 20, 24]] = [50, 40, 1]
    streams = streams_of(tokens)
    table = candidate_windows(streams.segments, 2)
    prints = describe(streams, table, 2, MELODY)
    assert table["head"][:, 0].tolist() == [50, 50]
    assert table["low"].tolist() == [59, 59]
    assert table["high"].tolist() == [69, 69]
    assert prints.exact[0] != prints.exact[1]
    assert prints.loose is None


def test_the_first_of_equal_windows_stays_and_training_comes_first() -> None:
    splits = np.array([2, 1, 0, 0, 1, 2, 2], np.uint8)
    prints = np.array([7, 7, 7, 7, 8, 8, 9], np.uint64)
    keep = unique_windows(splits, prints)
    assert keep.tolist() == [False, False, True, False, True, False, True]
    assert duplicate_counts(splits, prints, keep) == {
        "train: repeated": 1,
        "valid: repeated": 0,
        "valid: also in train": 1,
        "test: repeated": 1,
        "test: also in train": 1,
    }

"""Bar lines of any metre, and phrases cut between them."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from songs import song as made_song
from songs import track

from engine.midifile.song import Song


def song(length: float, *changes: tuple[float, int, int]) -> Song:
    return made_song(changes=changes, length=length)


def lines(made: Song) -> list[tuple[float, float, str]]:
    bars = [made.bar(index) for index in range(made.bars)]
    return [(bar.start_ticks / 480, bar.length_ticks / 480, str(bar.metre)) for bar in bars]


def test_without_metre_events_it_is_4_4_and_the_last_bar_is_whole() -> None:
    assert lines(song(5.0)) == [(0, 4, "4/4"), (4, 4, "4/4")]
    assert song(0.0).bars == 0


def test_a_pickup_bar_is_a_short_bar_and_moves_the_bar_lines() -> None:
    pickup = song(9.0, (0.0, 1, 4), (1.0, 4, 4))
    assert lines(pickup) == [(0, 1, "1/4"), (1, 4, "4/4"), (5, 4, "4/4")]
    assert [(run.first_bar, run.bars, run.start_ticks) for run in pickup.runs()] == [(0, 1, 0), (1, 2, 480)]


def test_a_metre_in_mid_bar_starts_a_bar_there() -> None:
    changes = song(12.0, (0.0, 4, 4), (6.0, 6, 8), (9.0, 3, 4))
    assert lines(changes) == [(0, 4, "4/4"), (4, 2, "4/4"), (6, 3, "6/8"), (9, 3, "3/4")]


def test_the_last_of_several_metres_at_one_point_counts() -> None:
    assert lines(song(2.0, (0.0, 3, 4), (0.0, 2, 2))) == [(0, 4, "2/2")]


def test_a_length_of_millions_of_bars_costs_nothing() -> None:
    long = song(2.0**40, (0.0, 1, 128))
    assert long.bars == 2**45
    assert long.bar(2**44).start_ticks == 480 * 2**39


def test_bars_that_are_felt_alike_make_one_run_whatever_they_are_called() -> None:
    runs = song(16.0, (0.0, 4, 4), (4.0, 2, 2), (8.0, 3, 4), (11.0, 6, 8)).runs()
    assert [(run.first_bar, run.bars, str(run.metre)) for run in runs] == [
        (0, 2, "4/4"),
        (2, 1, "3/4"),
        (3, 2, "6/8"),
    ]


def test_a_bar_of_a_coarse_file_may_end_between_ticks() -> None:
    coarse = made_song(changes=[(0, 7, 8)], length=7.0, ppq=1)
    assert [bar.start_ticks for bar in map(coarse.bar, range(2))] == [0, 3.5]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 12), st.sampled_from([2, 4, 8, 16])), max_size=6),
    st.integers(1, 500),
    st.sampled_from([1, 4, 24, 100, 480, 960, 1001]),
)
def test_bars_follow_each_other_without_gaps(changes, ticks, ppq) -> None:
    made = made_song(
        changes=[(at / ppq, top, bottom) for at, top, bottom in changes], length=ticks / ppq, ppq=ppq
    )
    bars = [made.bar(index) for index in range(made.bars)]
    for bar, following in itertools.pairwise(bars):
        assert bar.start_ticks + bar.length_ticks == following.start_ticks
        assert bar.length_ticks <= bar.metre.bar_ticks
    assert bars[-1].start_ticks + bars[-1].length_ticks >= ticks
    for bar in bars:
        assert made.bar_at(bar.start_ticks) == bar
        assert made.bar_at(bar.start_ticks + bar.length_ticks / 2) == bar


def test_the_tempo_is_the_one_in_force() -> None:
    tempos = ((0.0, 500_000), (4.0, 666_667))
    assert made_song(track([(0.0, 60, 1.0)]), tempos=tempos).bpm == 120
    assert round(made_song(track([(4.0, 60, 1.0)]), tempos=tempos).bpm, 3) == 90.0
    assert made_song(tempos=tempos).tempo_at(4 * 480 - 1).microseconds == 500_000


def test_labels_tell_tracks_of_one_name_apart() -> None:
    first, second = track([(0, 60, 1)], "Piano"), track([(0, 60, 1)], "Piano", 1, 9)
    assert (first.label, second.label) == ("track 1 'Piano' (channel 1)", "track 2 'Piano' (channel 10)")
    assert (first.is_drum, second.is_drum) == (False, True)

"""What the window shows, as pure functions."""

import pytest
from fake_instrument import READY, clock, with_live

from app.demo import demo_phrase
from app.notice_text import notice_line
from app.window.view import (
    bar_and_beat,
    client_name,
    lamp_of,
    milliseconds,
    place_in,
    plays_internally,
    port_forms,
    port_name,
    rolling_position,
)
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Note, Phrase
from engine.music.representation import representation
from engine.performer.messages import LinkState
from engine.session.live import Notice


@pytest.mark.parametrize(
    ("position", "metre", "shown"),
    [
        (0.0, FOUR_FOUR, "1.1"),
        (3.99, FOUR_FOUR, "1.4"),
        (4.0, FOUR_FOUR, "2.1"),
        (45.3, FOUR_FOUR, "12.2"),
        (7.0, Metre(7, 8), "3.1"),
        (1.5, Metre(6, 8), "1.2"),  # two dotted beats
        (4.5, Metre(6, 8), "2.2"),
        (5.9, Metre(3, 4), "2.3"),
        (-0.2, FOUR_FOUR, "1.1"),
        (-7.9, FOUR_FOUR, "-8"),  # a count-in of two bars has begun
        (-1.0, FOUR_FOUR, "-1"),
    ],
)
def test_bar_and_beat_count_from_one(position, metre, shown):
    assert bar_and_beat(position, metre) == shown


def test_a_step_that_floats_just_below_the_line_is_on_it():
    assert bar_and_beat(8.0 - 1e-9, FOUR_FOUR) == "3.1"


@pytest.mark.parametrize(
    ("source", "status", "word"),
    [
        ("external", "rolling", "locked"),
        ("external", "armed", "waiting"),
        ("external", "lost", "lost"),
        ("internal", "rolling", "playing"),
    ],
)
def test_the_lamp_says_how_the_clock_stands(source, status, word):
    assert lamp_of(clock(source=source, status=status)).word == word


def test_the_lamp_says_who_shares_the_internal_clock():
    shared = LinkState(enabled=True, peers=2)
    assert lamp_of(clock(source="internal"), link=shared).detail == "Link, 2 others"
    assert lamp_of(clock(source="internal"), link=LinkState(enabled=True)).detail == "Link, 0 others"
    assert lamp_of(clock(source="external"), link=shared).detail == "external clock"
    assert lamp_of(clock(source="internal")).detail == "internal clock"


def test_without_ports_the_lamp_says_so_whatever_the_clock_does():
    lamp = lamp_of(clock(source="internal"), ports_open=False)
    assert (lamp.word, lamp.mood) == ("no ports", "bad")


@pytest.mark.parametrize(
    ("state", "internal"),
    [
        (None, True),
        (clock(), False),
        (clock(status="lost"), True),
        (clock(source="internal", status="stopped"), True),
    ],
)
def test_the_internal_clock_counts_unless_a_daw_runs(state, internal):
    assert plays_internally(state) is internal


def test_before_the_first_word_of_the_clock_it_is_starting():
    assert lamp_of(None).word == "starting"


def test_the_playhead_wraps_with_the_phrase_and_hides_when_nothing_rolls():
    phrase = Phrase.of([Note(0.0, 60, 1.0)], bars=2)
    assert place_in(phrase, 21.0, 4.0) == pytest.approx(1.0)
    assert place_in(phrase, 3.0, 4.0) == pytest.approx(7.0)
    assert place_in(phrase, None, 0.0) is None
    assert place_in(None, 3.0, 0.0) is None


def test_the_position_runs_between_two_words_of_the_clock():
    state = with_live(READY, clock=clock(position_beats=8.0, bpm=120.0, t_ns=1_000_000_000))
    assert rolling_position(state, 1_250_000_000) == pytest.approx(8.5)
    assert rolling_position(with_live(READY, clock=clock(status="stopped")), 0) is None


def test_durations_and_names():
    assert milliseconds(None) == "–"
    assert milliseconds(0.123) == "0.12 ms"
    assert milliseconds(23.4) == "23 ms"
    assert port_name("Antiphon:Antiphon In") == "Antiphon In"
    assert port_name("Antiphon In") == "Antiphon In"
    assert port_name("Antiphon-01:Antiphon In") == "Antiphon-01: Antiphon In"
    assert client_name("Antiphon-01:Antiphon In") == "Antiphon-01"
    assert client_name("Antiphon In") == client_name("") == "Antiphon"


def test_the_demo_is_a_melody_the_model_can_hear():
    phrase = demo_phrase()
    assert phrase.bars == 2
    ends = [note.end_beats for note in phrase.notes]
    assert all(end <= later.start_beats for end, later in zip(ends, phrase.notes[1:], strict=False))
    melody = representation("melody", 2)
    onsets = sum(1 for token in melody.encode(phrase)[:, 0] if token >= 2)
    assert onsets == len(phrase.notes) == 16


@pytest.mark.parametrize(
    ("text", "remedy", "line"),
    [
        ("JACK has gone", "start it again", "JACK has gone. Start it again."),
        ("Slot A is empty.", "", "Slot A is empty."),
        ("two\nlines", " ", "Two lines."),
        ("in.mid: cannot be read", "", "in.mid: cannot be read."),
    ],
)
def test_a_notice_is_one_line_of_whole_sentences(text, remedy, line):
    assert notice_line(Notice(text, remedy)) == line


def test_beside_a_narrow_lamp_stands_the_client_of_a_second_instance():
    assert port_forms("In", "Antiphon-01: Antiphon In") == (
        "In  Antiphon-01: Antiphon In",
        "In  Antiphon-01",
        "In",
    )
    assert port_forms("Out", "Antiphon Out") == ("Out  Antiphon Out", "Out")

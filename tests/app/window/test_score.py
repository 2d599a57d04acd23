"""What the rolls and the strip show."""

import pytest
from fake_instrument import READY, captured, clock, playing, with_controls, with_document, with_live

from app.demo import demo_phrase
from app.window.score import (
    StripBar,
    chords_of,
    free_bar,
    next_text,
    roll_music,
    source_ids,
    strip_bar,
    turn_text,
)
from engine.music.chords import parse_chord
from engine.music.metre import FOUR_FOUR, Metre
from engine.performer.messages import BarCaptured, NoteData
from engine.session.captured_bars import CapturedBars
from engine.session.document import HeardPhrase, Surroundings
from engine.session.free_capture import FreeCapture
from engine.session.live import Replaying, Turn
from engine.session.settings import Settings

S = 1_000_000_000


def test_the_roll_shows_heard_playing_and_coming():
    state = playing()
    music = roll_music(state, 1.0)
    assert music.heard == demo_phrase()
    assert music.playing == state.live.playing.phrase
    assert music.coming == state.live.coming
    assert (music.bars, music.length_beats, music.hint) == (2, 8.0, "")


@pytest.mark.parametrize(
    ("takes_over", "position", "text"),
    [
        ("step", 1.0, "NEXT at once"),
        ("bar", 0.5, "NEXT in 4 beats"),
        ("bar", 7.2, "NEXT in 1 beat"),
        ("beat", 7.2, "NEXT in 1 beat"),
        ("bar", None, "NEXT when it plays"),
    ],
)
def test_the_next_answer_says_when_it_takes_over(takes_over, position, text):
    state = with_document(playing(), settings=Settings(takes_over=takes_over))
    assert next_text(with_live(state, clock=clock()), position) == text


def test_the_first_answer_waits_for_the_bar_line():
    state = with_live(playing(), playing=None, clock=clock())
    assert next_text(state, 5.0) == "NEXT in 3 beats"


@pytest.mark.parametrize(
    ("turns", "turn", "text"),
    [
        ("pause", Turn("player", 0.0, 8.0, 3), "NEXT in 3 beats"),
        ("trade", Turn("player", 0.0, 16.0, 3), "NEXT in 11 beats"),
        ("cue", Turn("player", 0.0, None, 3), "NEXT in its turn"),
        ("cue", Turn("answer", 0.0), "NEXT at once"),
        ("follow", Turn("player", 0.0, 8.0), "NEXT at once"),
    ],
)
def test_in_the_players_turn_the_next_answer_waits_for_the_line_where_it_ends(turns, turn, text):
    state = with_document(playing(), settings=Settings(turns=turns, takes_over="step"))
    assert next_text(with_live(state, clock=clock(), turn=turn), 5.0) == text


@pytest.mark.parametrize(
    ("meanwhile", "turn", "rests"),
    [
        ("rest", Turn("player", 0.0, 8.0), True),
        ("rest", Turn("answer", 0.0, 8.0), False),
        ("play", Turn("player", 0.0, 8.0), False),
    ],
)
def test_what_plays_rests_in_the_players_turn_where_that_is_chosen(meanwhile, turn, rests):
    state = with_document(playing(), settings=Settings(turns="trade", meanwhile=meanwhile))
    assert roll_music(with_live(state, turn=turn), 5.0).rests is rests


def test_an_empty_roll_says_what_to_do():
    assert "Play 2 bars" in roll_music(READY, None).hint
    assert roll_music(with_controls(READY, mode="morph"), None).hint.startswith("Slots A and B are empty")
    source = HeardPhrase(demo_phrase(), 0)
    assert roll_music(with_document(READY, source=source), None).hint.startswith("Press Space")
    cue = with_document(READY, source=source, settings=Settings(turns="cue"))
    assert roll_music(cue, None).hint.startswith("Press Space, or start the DAW; it is your turn: play, then")
    rolling = with_live(cue, clock=clock(position_beats=1.0))
    assert roll_music(rolling, 1.0).hint.startswith("Your turn: play, then hand over with Take turn")


def test_the_bracket_is_around_the_newest_bars_of_the_source():
    assert source_ids(READY) == (0, 0)
    state = with_live(with_document(READY, source=captured(8).pick(5, 2)), captured=captured(8))
    assert source_ids(state) == (5, 2)
    begun = captured(8).with_bar(captured(8).bars[4].bar)
    assert source_ids(with_live(state, captured=begun)) == (5, 2)
    looped = begun.with_bar(captured(8).bars[5].bar)
    assert source_ids(with_live(state, captured=looped)) == (9, 2)
    other = HeardPhrase(demo_phrase().transposed(1), 4)
    assert source_ids(with_live(with_document(READY, source=other), captured=looped)) == (0, 0)


def test_of_bars_of_one_number_the_bracket_is_around_those_with_the_music_of_the_source():
    first, second = (
        BarCaptured(0, (NoteData(0.0, pitch, 1.0, 80, 0),), (), 120.0, FOUR_FOUR, 0) for pitch in (60, 67)
    )
    heard = CapturedBars().with_bar(first).with_bar(second, free=True)
    for id in (1, 2):
        shown = with_live(with_document(READY, source=heard.pick(id, 1)), captured=heard)
        assert source_ids(shown) == (id, 1)


def test_what_is_played_while_nothing_rolls_is_drawn_from_the_first_note_of_its_passage():
    assert free_bar(READY, 5 * S) == (StripBar(0, 1, (), 4.0), None)
    free = FreeCapture()
    for t_s, data in ((10, (0x90, 60, 90)), (10.5, (0x80, 60, 0)), (11, (0x90, 62, 90))):
        free = free.with_message(round(t_s * S), bytes(data))
    bar, done = free_bar(with_live(READY, free=free), round(11.25 * S))
    assert [(n.pitch, n.start_beats, n.duration_beats) for n in bar.notes] == [(60, 0.0, 1.0), (62, 2.0, 0.5)]
    assert (bar.number, done) == (1, 0.625)
    later, done = free_bar(with_live(READY, free=free), round(12.5 * S))
    assert [(n.pitch, n.start_beats, n.duration_beats) for n in later.notes] == [(62, 0.0, 1.0)]
    assert (later.number, done) == (2, 0.25)


def test_a_captured_bar_keeps_its_id_and_counts_from_one():
    bar = strip_bar(captured(3).bars[1])
    assert (bar.id, bar.number, bar.length_beats, len(bar.notes)) == (2, 2, 4.0, 8)


@pytest.mark.parametrize(
    ("turn", "position", "text"),
    [
        (Turn("player", 0.0, 16.0), 1.0, "YOUR TURN · 4 bars"),
        (Turn("answer", 16.0, 32.0), 29.0, "ANSWER'S TURN · 1 bar"),
        (Turn("player"), 1.0, "YOUR TURN"),
        (Turn("answer", 16.0, 32.0), None, "ANSWER'S TURN"),
    ],
)
def test_whose_turn_it_is_and_for_how_long(turn, position, text):
    trading = with_live(with_document(READY, settings=Settings(turns="trade")), clock=clock(), turn=turn)
    assert turn_text(trading, position) == text
    assert turn_text(with_document(trading, settings=Settings()), position) == ""


@pytest.mark.parametrize(
    ("position", "text"),
    [(None, "REPLAY · 3 bars"), (23.0, "REPLAY · 3 bars"), (29.0, "REPLAY · bar 2 of 3")],
)
def test_a_replay_says_which_of_its_bars_is_played(position, text):
    replaying = with_live(READY, clock=clock(), replay=Replaying(24.0, 3, 36.0))
    assert turn_text(replaying, position) == text


def test_chords_are_named_where_they_begin():
    harmony = tuple(parse_chord(name) for name in ("Am", "Am", "F", "N.C.", "F", "G7/B"))
    assert chords_of(harmony, FOUR_FOUR) == ((0.0, "Am"), (2.0, "F"), (4.0, "F"), (5.0, "G7/B"))
    assert chords_of(harmony[:3], Metre(6, 8)) == ((0.0, "Am"), (3.0, "F"))
    assert chords_of((), FOUR_FOUR) == ()


def test_typed_chords_take_the_place_of_heard_ones():
    heard = HeardPhrase(demo_phrase(), 0, Surroundings(harmony=(parse_chord("C"),) * 8))
    state = with_document(READY, source=heard)
    assert roll_music(state, None).chords == ((0.0, "C"),)
    typed = with_controls(state, chords="Dm7 G7")
    assert roll_music(typed, None).chords == ((0.0, "Dm7"), (4.0, "G7"))

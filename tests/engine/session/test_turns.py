"""Turns as a pure function of what is heard and where the song is: 120 BPM, four beats a bar."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import RenderError
from engine.inference.controls import Controls
from engine.music.metre import FOUR_FOUR
from engine.music.notes import Phrase
from engine.performer.messages import BarCaptured, ClockState, Heard, NoteData, PatternStarted, SetPattern
from engine.session import intents as i
from engine.session import turns
from engine.session.document import Document
from engine.session.live import Turn
from engine.session.settings import Settings
from engine.session.snapshot import ModelFacts
from engine.session.state import Render, Send, State
from engine.session.update import update

BAR = 4.0


class Played:
    """A session that hears notes at song positions and computes each answer at once: what was asked."""

    def __init__(self, bars: int = 16, **chosen: object) -> None:
        document = Document(controls=Controls(variation=0.0), settings=Settings(**chosen))
        self.state = State(document=document, model=ModelFacts(name="m", bars=bars))
        self.patterns: list[SetPattern] = []
        self.asked = []
        self._captured, self._bar = [], 0
        self.at(0.0)

    def feed(self, what) -> None:
        self.state, effects = update(self.state, what, 0)
        for effect in effects:
            if isinstance(effect, Render):
                self.asked.append(effect.request)
                phrase = next(iter(effect.request.phrases.values()), Phrase.of((), 1))
                self.feed(i.Answered(effect.request, phrase, 1.0))
            elif isinstance(effect, Send) and isinstance(effect.command, SetPattern):
                self.patterns.append(effect.command)

    def at(self, beats: float, status: str = "rolling") -> None:
        """Let the song be at a position; bars that are over have been captured."""
        while beats >= (self._bar + 1) * BAR + 0.05 and status == "rolling":
            self._capture()
        self.feed(ClockState(status, "internal", 120.0, beats, FOUR_FOUR, 0, 0.0, True, 0, 0))
        for pattern in self.patterns[-1:]:
            start = pattern.at_beats
            if start is not None and start <= beats and self.state.live.playing is None:
                self.feed(PatternStarted(pattern.pattern_id, start, 0, pattern.anchor_beats or 0.0))

    def note(self, start: float, pitch: int, length: float = 0.5) -> None:
        self.on(start, pitch)
        self.off(start + length, pitch)

    def on(self, beats: float, pitch: int) -> None:
        self.at(beats)
        self._captured.append([beats, pitch, None])
        self.feed(Heard(0, beats, bytes((0x90, pitch, 80))))

    def off(self, beats: float, pitch: int) -> None:
        self.at(beats)
        next(note for note in self._captured if note[1] == pitch and note[2] is None)[2] = beats
        self.feed(Heard(0, beats, bytes((0x80, pitch, 0))))

    def _capture(self) -> None:
        line = self._bar * BAR
        inside = [note for note in self._captured if line - 0.125 < note[0] < line + BAR - 0.125]
        data = tuple(
            NoteData(on - line, pitch, min(off or 99.0, line + BAR) - on, 80, 0) for on, pitch, off in inside
        )
        self.feed(BarCaptured(self._bar, data, (), 120.0, FOUR_FOUR, 0))
        self._bar += 1

    @property
    def turn(self):
        return self.state.live.turn

    @property
    def last(self):
        """Notes of the last phrase that was to be answered."""
        (phrase,) = self.asked[-1].phrases.values()
        return [(round(note.start_beats, 3), note.pitch) for note in phrase.notes]


def test_following_sends_no_spans():
    played = Played(bars=2, turns="follow")
    played.note(0.0, 60)
    played.note(5.0, 62)
    played.at(8.1)
    assert [pattern.at_beats for pattern in played.patterns] == [None]


def test_trading_answers_after_so_many_bars_and_for_as_many():
    played = Played(turns="trade", turn_bars=2)
    played.note(0.0, 60)
    played.note(7.5, 67, 0.25)
    assert played.last == [(0.0, 60), (7.5, 67)]
    assert (played.patterns[-1].at_beats, played.patterns[-1].until_beats) == (8.0, 16.0)
    played.at(8.0)
    assert (played.turn.whose, played.turn.since_beats, played.turn.until_beats) == ("answer", 8.0, 16.0)
    played.at(16.0)
    assert (played.turn.whose, played.turn.since_beats, played.turn.until_beats) == ("player", 16.0, 24.0)


def test_a_turn_begins_with_the_bar_of_its_first_note():
    played = Played(turns="trade", turn_bars=2)
    played.at(11.0)
    assert played.turn.since_beats is None
    played.note(11.9, 60)  # just before bar 3: an early first note of it
    assert (played.turn.since_beats, played.turn.until_beats) == (12.0, 20.0)


def test_the_last_note_before_the_line_is_answered_and_one_after_it_is_not():
    played = Played(turns="trade", turn_bars=1)
    played.note(0.0, 60)
    played.on(3.8, 64)
    assert played.last == [(0.0, 60), (3.8, 64)]
    asked = len(played.asked)
    played.on(3.95, 65)  # less than half a step before the line: it belongs to the next bar
    assert played.last[-1] == (3.8, 64)
    played.at(4.0)
    played.note(4.5, 66)
    assert len(played.asked) - asked <= 1
    assert played.turn.whose == "answer"


def test_a_player_who_plays_nothing_keeps_the_turn():
    played = Played(turns="trade", turn_bars=1)
    played.note(0.0, 60)
    played.at(8.0)
    played.at(12.1)
    assert (played.turn.whose, played.turn.until_beats) == ("player", 16.0)


def test_a_pause_hands_over_at_the_next_line_and_playing_on_takes_it_back():
    played = Played(turns="pause", pause_beats=2.0)
    played.note(0.0, 60, 1.0)
    assert played.patterns[-1].at_beats == 4.0
    assert played.patterns[-1].until_beats == 8.0
    played.on(2.5, 62)
    assert played.patterns[-1].notes == ()  # what waited is taken back
    assert played.turn.until_beats is None
    played.off(3.0, 62)
    assert played.turn.until_beats == 8.0
    assert played.last == [(0.0, 60), (2.5, 62)]
    played.at(5.0)
    played.at(8.0)
    assert (played.turn.whose, played.turn.until_beats) == ("answer", 12.0)


def test_a_pause_counts_from_the_release_of_the_pedal():
    played = Played(turns="pause", pause_beats=1.0)
    played.feed(Heard(0, 0.0, bytes((0xB0, 64, 127))))
    played.note(0.0, 60, 0.5)
    assert played.turn.until_beats is None
    played.feed(Heard(0, 3.5, bytes((0xB0, 64, 0))))
    assert played.turn.until_beats == 8.0


def test_a_cue_hands_over_at_the_next_line_and_back():
    played = Played(turns="cue")
    played.note(0.0, 60)
    played.note(5.0, 64)
    assert played.patterns == []
    played.at(6.0)
    played.feed(i.Do("take_turn"))
    assert (played.patterns[-1].at_beats, played.patterns[-1].until_beats) == (8.0, None)
    assert played.last == [(0.0, 60), (5.0, 64)]
    played.at(9.0)
    assert played.turn.whose == "answer"
    played.feed(i.Do("take_turn"))
    assert (played.patterns[-1].at_beats, played.patterns[-1].until_beats) == (8.0, 12.0)
    played.at(12.0)
    assert played.turn.whose == "player"


def test_a_cue_just_before_a_line_hands_over_at_the_next():
    played = Played(turns="cue")
    played.note(0.0, 60)
    played.at(3.9)
    played.feed(i.Do("take_turn"))
    assert played.patterns[-1].at_beats == 8.0


def test_a_cue_needs_a_song_that_rolls():
    played = Played(turns="cue")
    played.at(0.0, status="stopped")
    with pytest.raises(RenderError, match="nothing rolls"):
        turns.cued(played.state)


def test_stopping_ends_the_turn():
    played = Played(turns="trade", turn_bars=1)
    played.note(0.0, 60)
    played.at(3.0, status="stopped")
    assert played.turn.since_beats is None


@pytest.mark.parametrize(("beats", "status"), [(6.0, "stopped"), (1.0, "rolling")])
def test_an_answer_whose_turn_is_given_up_does_not_sound_again_where_it_stood(beats, status):
    played = Played(turns="trade", turn_bars=1)
    played.note(0.0, 60)
    played.at(4.0)
    played.at(5.0)
    assert (played.turn.whose, played.patterns[-1].at_beats) == ("answer", 4.0)
    assert not played.state.sent
    played.at(beats, status)
    assert played.turn == Turn()
    assert (played.patterns[-1].notes, played.patterns[-1].at_beats) == ((), None)


def test_the_answer_plays_on_where_it_is_wished():
    played = Played(turns="trade", turn_bars=1, meanwhile="play")
    played.note(0.0, 60)
    assert (played.patterns[-1].at_beats, played.patterns[-1].until_beats) == (4.0, None)


def test_an_answer_to_a_turn_that_is_over_is_not_sent():
    played = Played(turns="pause", pause_beats=2.0)
    played.note(0.0, 60, 1.0)
    old = played.asked[-1]
    played.on(2.5, 62)
    sent = len(played.patterns)
    played.feed(i.Answered(old, next(iter(old.phrases.values())), 1.0))
    assert len(played.patterns) == sent


def test_a_turn_longer_than_the_model_is_answered_as_a_whole():
    played = Played(bars=2, turns="trade", turn_bars=4)
    for bar in range(4):
        played.note(bar * BAR, 60 + bar)
    assert played.last == [(0.0, 60), (4.0, 61), (8.0, 62), (12.0, 63)]


starts = st.lists(st.integers(0, 31), min_size=1, max_size=12, unique=True).map(sorted)


@settings(max_examples=60, deadline=None)
@given(sixteenths=starts, bars=st.sampled_from([1, 2, 4]))
def test_whatever_is_played_before_the_line_is_part_of_what_is_answered(sixteenths, bars):
    played = Played(turns="trade", turn_bars=bars)
    for number, step in enumerate(sixteenths):
        played.note(step / 4, 40 + number, 0.2)
        line = played.turn.until_beats
        if played.turn.whose == "answer":
            return
        assert played.asked[-1].at_beats == line
        first = played.turn.since_beats
        expected = [(round(each / 4 - first, 3), 40 + n) for n, each in enumerate(sixteenths[: number + 1])]
        assert played.last == [note for note in expected if note[0] >= 0]


def test_a_song_that_jumps_back_begins_the_turns_anew():
    played = Played(turns="trade", turn_bars=1)
    played.at(8.0)
    played.note(9.0, 60)
    assert played.turn.since_beats == 8.0
    played.at(2.0)
    assert (played.turn.whose, played.turn.since_beats) == ("player", None)


@pytest.mark.parametrize(("meanwhile", "rests"), [("rest", [("bar", ())]), ("play", [])])
def test_what_went_on_rests_once_turns_are_taken(meanwhile, rests):
    played = Played(bars=2, meanwhile=meanwhile)
    played.note(0.0, 60)
    played.note(5.0, 62)
    played.at(8.1)
    played.feed(PatternStarted(played.patterns[-1].pattern_id, 8.0, 0, 0.0))
    before = len(played.patterns)
    played.feed(i.Set("turns", "trade"))
    assert [(pattern.starts_at, pattern.notes) for pattern in played.patterns[before:]] == rests


def test_an_answer_asked_for_before_turns_were_taken_is_not_sent():
    played = Played(bars=2)
    played.note(0.0, 60)
    played.note(5.0, 62)
    played.at(8.1)
    old = played.asked[-1]
    played.feed(i.Set("turns", "trade"))
    sent = len(played.patterns)
    played.feed(i.Answered(old, next(iter(old.phrases.values())), 1.0))
    assert len(played.patterns) == sent


def test_a_key_or_pedal_that_is_bound_is_no_part_of_a_turn():
    played = Played(turns="trade", turn_bars=2)
    for message in ((0x90, 24, 90), (0xB0, 64, 127)):
        played.feed(i.Learn("new_take" if message[0] == 0x90 else "take_turn"))
        played.feed(Heard(0, 0.0, bytes(message)))
        played.feed(i.Learn(""))
    played.note(1.0, 60)
    played.feed(Heard(0, 2.0, bytes((0x90, 24, 90))))
    assert played.last == [(1.0, 60)]

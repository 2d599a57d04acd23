"""What comes in and goes out just now: the lamps' light, the last notes, the bar being played. No Qt."""

from collections import deque
from collections.abc import Iterable

import msgspec

from app.window.axis import note_name
from app.window.score import StripBar
from engine.midi.messages import is_note_off, is_note_on, key
from engine.music.notes import DRUM_CHANNEL, Note
from engine.performer.messages import ClockState, Event, Heard, Played
from engine.session.live import ROLLING

LIT_NS = 120_000_000
"""How long a message lights its lamp."""
NOTES_NAMED = 4
LEAST_BEATS = 0.06
"""Shortest length a note that still sounds is drawn with."""


class Port(msgspec.Struct, frozen=True):
    """Activity of one direction."""

    lit: bool = False
    last: str = ""
    """Channel and notes that came last."""


class Activity:
    """Follows the performer's events from frame to frame; owned by the window's thread."""

    def __init__(self) -> None:
        self._seen_ns = {"in": -LIT_NS, "out": -LIT_NS}
        self._names = {"in": deque[str](maxlen=NOTES_NAMED), "out": deque[str](maxlen=NOTES_NAMED)}
        self._channels = {"in": 0, "out": 0}
        self._notes: list[Note] = []
        """Of the bar of the song that is being played, from its line on."""
        self._held: dict[tuple[int, int], int] = {}
        """Index into the notes by channel and pitch."""
        self._line_beats = 0.0
        """Where that bar begins in the song."""

    def take(self, events: Iterable[Event], clock: ClockState | None) -> None:
        """Take the events of one frame."""
        for event in events:
            if isinstance(event, Heard):
                self._seen_ns["in"] = event.t_ns
                self._hear(event, clock)
            elif isinstance(event, Played):
                self._seen_ns["out"] = event.sent_ns
                self._name("out", event.data)

    def port(self, direction: str, now_ns: int) -> Port:
        """Return the activity of `in` or `out`."""
        names = self._names[direction]
        last = f"ch {self._channels[direction]}  {' '.join(names)}" if names else ""
        return Port(now_ns - self._seen_ns[direction] < LIT_NS, last)

    def live_bar(self, clock: ClockState, position_beats: float) -> tuple[StripBar, float]:
        """Return the bar of the song that is played, held notes up to now, and how far it is, 0 to 1."""
        length = clock.beats_per_bar
        self._turn_over(position_beats, length)
        at, held = position_beats - self._line_beats, set(self._held.values())
        notes = tuple(
            msgspec.structs.replace(note, duration_beats=max(LEAST_BEATS, at - note.start_beats))
            if place in held
            else note
            for place, note in enumerate(self._notes)
        )
        return StripBar(0, int(position_beats // length) + 1, notes, length), at / length

    def _turn_over(self, now_beats: float, length: float) -> None:
        """Begin another bar once its line is passed; what is held goes on from its line."""
        line = now_beats // length * length
        if line == self._line_beats:
            return
        going_on = [msgspec.structs.replace(self._notes[at], start_beats=0.0) for at in self._held.values()]
        self._notes = going_on
        self._held = {(note.channel, note.pitch): at for at, note in enumerate(going_on)}
        self._line_beats = line

    def _hear(self, event: Heard, clock: ClockState | None) -> None:
        self._name("in", event.data)
        if len(event.data) < 3 or clock is None:
            return
        if clock.status not in ROLLING:  # a passage of its own, which the session keeps
            self._notes, self._held = [], {}
            return
        at = event.position_beats
        self._turn_over(at, clock.beats_per_bar)
        if is_note_on(event.data):
            channel, pitch = key(event.data)
            self._held[channel, pitch] = len(self._notes)
            self._notes.append(Note(at - self._line_beats, pitch, LEAST_BEATS, event.data[2], channel))
        elif is_note_off(event.data) and key(event.data) in self._held:
            index = self._held.pop(key(event.data))
            note = self._notes[index]
            length = max(LEAST_BEATS, at - self._line_beats - note.start_beats)
            self._notes[index] = msgspec.structs.replace(note, duration_beats=length)

    def _name(self, direction: str, data: bytes) -> None:
        if len(data) == 3 and is_note_on(data):
            channel, pitch = key(data)
            self._channels[direction] = channel + 1
            self._names[direction].append(f"{pitch}" if channel == DRUM_CHANNEL else note_name(pitch))

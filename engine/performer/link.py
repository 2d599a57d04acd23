"""Sharing tempo, beat, start and stop with other programs: keeps our own clock on their common timeline.

What they share (Ableton Link) lies behind `TempoLink`. Anybody may set the tempo, we too. A MIDI clock that
leads is left alone: then nothing here moves the music.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

from engine.errors import PortError
from engine.performer.messages import LinkState, SetLink
from engine.performer.transport import Jump, Transport

SLIDE_NS = 20_000_000
"""A smaller distance from the timeline is made up at once without breaking off what sounds."""
STEADY_NS = 100_000
"""A distance below this is none: the time is read no better."""
SAME_BPM = 1e-6
NEAR_BEATS = 1e-3
"""A start so little behind a bar line is on it."""


class Timeline(NamedTuple):
    """What is shared, at one moment."""

    beats: float
    """Position on the timeline; bar lines of all fall on multiples of the bar."""
    bpm: float
    playing: bool
    playing_since_ns: int
    """When they began, or will."""
    peers: int


class TempoLink(Protocol):
    """One of those that share. It is asked, and never waits."""

    def look(self, now_ns: int, bar_beats: float) -> Timeline:
        """Return what is shared, at a time."""
        ...

    def begin_at(self, beats: float, at_ns: int, bar_beats: float) -> int:
        """Let a position fall on a time, with others on the next that fits their bars; return that time."""
        ...

    def set_tempo(self, bpm: float, now_ns: int) -> None:
        """Set the tempo of all."""
        ...

    def set_playing(self, playing: bool, at_ns: int) -> None:
        """Let all that share it start or stop with us."""
        ...

    def close(self) -> None:
        """Share nothing any more."""
        ...


class LinkFollower:
    """Holds our own clock to what is shared while that is wanted.

    Args:
        transport: what is held.
        open_link: joins the others with a tempo; PortError where that cannot be, with the remedy.
    """

    def __init__(self, transport: Transport, open_link: Callable[[float, bool], TempoLink]) -> None:
        self.transport = transport
        self._open = open_link
        self._link: TempoLink | None = None
        self._start_stop = False
        self._playing = False
        self._ahead_beats = 0.0
        """How far the timeline is ahead of the song."""
        self._state = LinkState(False)
        self._changed = False

    @property
    def holds(self) -> bool:
        """Whether our own clock is held to others now."""
        return self._link is not None and not self.transport.external

    def set(self, wanted: SetLink, now_ns: int) -> None:
        """Join the others or leave them; the music goes on, and slides or jumps into their bars."""
        self.close()
        problem = ""
        if wanted.enabled:
            try:
                self._link = self._open(self.transport.internal_bpm, wanted.start_stop)
            except PortError as error:
                problem = str(error)
        self._start_stop = wanted.start_stop
        if self._link is not None and self.holds and self.transport.rolling:
            bar = self.transport.beats_per_bar
            self._link.begin_at(self.transport.beats_at(now_ns), now_ns, bar)
            self._ahead_beats = 0.0
            self._share_playing(True, now_ns)
        self._keep_state(LinkState(self._link is not None, 0, self.transport.internal_bpm, problem))

    def start_ns(self, beats: float, earliest_ns: int) -> int:
        """Return when a start at a position is to be: at once, with others when it fits their bars."""
        if self._link is None:
            return earliest_ns
        at_ns = self._link.begin_at(beats, earliest_ns, self.transport.beats_per_bar)
        self._ahead_beats = 0.0
        self._share_playing(True, at_ns)
        return at_ns

    def stopped(self, now_ns: int) -> None:
        """Notify the others that we stop, where starts and stops are shared."""
        if self._link is not None:
            self._share_playing(False, now_ns)

    def set_tempo(self, now_ns: int, bpm: float) -> None:
        """Set the tempo of all; one that they have already is left as it is."""
        if self._link is not None and abs(bpm - self._state.bpm) > SAME_BPM:
            self._link.set_tempo(bpm, now_ns)

    def step(self, now_ns: int, earliest_ns: int) -> Jump | None:
        """Follow the others: tempo and beat, start and stop.

        Args:
            now_ns: the time.
            earliest_ns: the first time that a start now can be in time for.
        """
        if self._link is None:
            return None
        shared = self._link.look(now_ns, self.transport.beats_per_bar)
        self._keep_state(LinkState(True, shared.peers, shared.bpm))
        if self.transport.external:
            return None
        jump = self._started_or_stopped(shared, now_ns, earliest_ns)
        if jump is not None:
            return jump
        if not self.transport.rolling:
            self.transport.set_tempo(now_ns, shared.bpm)
            return None
        return self._held(shared, now_ns)

    def take_state(self) -> LinkState | None:
        """Return who shares if that has changed since the last call."""
        changed, self._changed = self._changed, False
        return self._state if changed else None

    def close(self) -> None:
        """Leave the others. Closing twice is harmless."""
        if self._link is not None:
            self._link.close()
        self._link, self._playing = None, False

    def _held(self, shared: Timeline, now_ns: int) -> Jump | None:
        """Bring the rolling song to the place of its bar that the timeline is at, the nearest way."""
        here, bar = self.transport.beats_at(now_ns), self.transport.beats_per_bar
        away = shared.beats - self._ahead_beats - here
        whole = round(away / bar) * bar
        self._ahead_beats += whole
        away -= whole
        away_ns = abs(away) * 60e9 / shared.bpm
        if away_ns > SLIDE_NS:
            self.transport.set_tempo(now_ns, shared.bpm)
            return self.transport.relocate(now_ns, here + away)
        if away_ns > STEADY_NS or abs(shared.bpm - self.transport.internal_bpm) > SAME_BPM:
            self.transport.move(now_ns, here + away, shared.bpm)
        return None

    def _started_or_stopped(self, shared: Timeline, now_ns: int, earliest_ns: int) -> Jump | None:
        if not self._start_stop or shared.playing == self._playing:
            return None
        self._playing = shared.playing
        if not shared.playing:
            return self.transport.stop(now_ns)
        if self.transport.rolling or self._link is None:
            return None
        self.transport.set_tempo(now_ns, shared.bpm)
        first_ns, bar = max(earliest_ns, shared.playing_since_ns), self.transport.beats_per_bar
        first_beats = shared.beats + (first_ns - now_ns) * shared.bpm / 60e9
        self._ahead_beats = math.ceil((first_beats - NEAR_BEATS) / bar) * bar
        start_ns = now_ns + round((self._ahead_beats - shared.beats) * 60e9 / shared.bpm)
        return self.transport.play(now_ns, 0.0, start_ns)

    def _share_playing(self, playing: bool, at_ns: int) -> None:
        if self._link is not None and self._start_stop and playing != self._playing:
            self._playing = playing
            self._link.set_playing(playing, at_ns)

    def _keep_state(self, state: LinkState) -> None:
        self._changed = self._changed or state != self._state
        self._state = state

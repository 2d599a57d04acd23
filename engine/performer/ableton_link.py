"""Ableton Link by LinkPython: the one door to it. It sends and hears on the network while it is open."""

from typing import Any

from engine.errors import PortError
from engine.midi.ports import now_ns as clock_now_ns
from engine.performer.link import Timeline

NOT_INSTALLED = (
    "Ableton Link needs the package LinkPython-extern; install it with: pip install LinkPython-extern"
)
PROMPT_NS = 100_000
"""Two clocks are compared by a reading that took no longer."""


def open_link(bpm: float, start_stop: bool) -> "AbletonLink":
    """Join the others in the network.

    Raises:
        PortError: the library is not installed.
    """
    try:
        import link
    except ImportError:
        raise PortError(NOT_INSTALLED) from None
    return AbletonLink(link.Link(bpm), start_stop)


class AbletonLink:
    """A member of a Link session; owned by one thread. See `engine.performer.link.TempoLink`."""

    def __init__(self, member: Any, start_stop: bool) -> None:
        self._member = member
        member.startStopSyncEnabled = start_stop
        member.enabled = True
        self._behind_us: int | None = None
        """How far Link's clock is behind ours; the two need not run alike."""

    def look(self, now_ns: int, bar_beats: float) -> Timeline:
        """Return what is shared, at a time."""
        state, at_us = self._member.captureSessionState(), self._micros(now_ns)
        since_ns = now_ns + (state.timeForIsPlaying() - at_us) * 1000
        playing, peers = bool(state.isPlaying()), int(self._member.numPeers())
        return Timeline(state.beatAtTime(at_us, bar_beats), state.tempo(), playing, since_ns, peers)

    def begin_at(self, beats: float, at_ns: int, bar_beats: float) -> int:
        """Let a position fall on a time, with others on the next that fits their bars; return that time."""
        state, at_us = self._member.captureSessionState(), self._micros(at_ns)
        state.requestBeatAtTime(beats, at_us, bar_beats)
        self._member.commitSessionState(state)
        return int(at_ns + (state.timeAtBeat(beats, bar_beats) - at_us) * 1000)

    def set_tempo(self, bpm: float, now_ns: int) -> None:
        """Set the tempo of all."""
        state = self._member.captureSessionState()
        state.setTempo(bpm, self._micros(now_ns))
        self._member.commitSessionState(state)

    def set_playing(self, playing: bool, at_ns: int) -> None:
        """Let all that share it start or stop with us."""
        state = self._member.captureSessionState()
        state.setIsPlaying(playing, self._micros(at_ns))
        self._member.commitSessionState(state)

    def close(self) -> None:
        """Share nothing any more."""
        self._member.enabled = False

    def _micros(self, t_ns: int) -> int:
        """Return Link's time of one of ours, in microseconds."""
        before_ns = clock_now_ns()
        theirs_us = self._member.clock().micros()
        after_ns = clock_now_ns()
        if self._behind_us is None or after_ns - before_ns < PROMPT_NS:
            self._behind_us = (before_ns + after_ns) // 2000 - theirs_us
        return t_ns // 1000 - self._behind_us

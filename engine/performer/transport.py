"""Where the music is: start, stop and song position, from a MIDI clock or our own tempo.

Positions are beats (quarter notes) from the start of the song. `epoch` grows whenever the
position jumps or the music starts or stops, so that a caller can tell that what it planned is void.
"""

from engine.performer.clock import TICKS_PER_BEAT, ClockFollower
from engine.performer.messages import ClockSource, ClockStatus

TICK, START, CONTINUE, STOP, SONG_POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
TICKS_PER_SIXTEENTH = 6
LOST_AFTER_NS = 250_000_000
FLYWHEEL_TICKS = 2.5
"""Two ticks are overdue."""
PRESENT_NS = 500_000_000
"""An external clock that ticked within this time is there."""
RELEASE_NS = 2_000_000_000
"""Under `auto` an external clock that stands still for so long is let go."""
JOIN_TICKS = 24
"""A clock must have ticked for one beat before it is joined without a Start."""
TEMPO_RANGE_BPM = (20.0, 400.0)


class Transport:
    """Position over time, and how it was set.

    Args:
        choice: which clock leads; see `SetClock`.
        lost_after_ns: silence after which a rolling external clock is given up.
    """

    def __init__(self, choice: ClockSource = "auto", *, lost_after_ns: int = LOST_AFTER_NS) -> None:
        self.clock = ClockFollower()
        self.status: ClockStatus = "stopped"
        self.choice: ClockSource = choice
        self.external = choice == "external"
        self.beats_per_bar = 4.0
        self.bar_phase_known = True
        self.spp_in_clocks = False
        self.deaf = False
        """Ignore an incoming clock: set while our own clock goes out and ours leads."""
        self.epoch = 0
        self.jump_beats = 0.0
        """Position the latest start or jump went to."""
        self.jump_ns = 0
        """When the latest start, stop or jump happened."""
        self.restarted = False
        """Whether the latest start began the music anew (Start, Play), not went on with it."""
        self._lost_after_ns = lost_after_ns
        self._song_ticks = 0.0
        self._located = False
        self._heard_transport = False
        self._idle_ticks = 0
        self._origin_count = 0
        self._origin_ticks = 0.0
        self._bpm = 120.0
        self._start_ns = 0
        self._start_beats = 0.0

    # What it tells ---------------------------------------------------------------------------

    @property
    def rolling(self) -> bool:
        """Whether the position moves."""
        return self.status in ("rolling", "flywheel")

    @property
    def bpm(self) -> float:
        """Tempo for display."""
        return self.clock.display_bpm if self.external else self._bpm

    @property
    def beat_ns(self) -> float:
        """Length of a beat now."""
        return self.clock.period_ns * TICKS_PER_BEAT if self.external else 60e9 / self._bpm

    def beats_at(self, t_ns: float) -> float:
        """Position at a time; the resting position while nothing moves."""
        if not self.rolling:
            return self._song_ticks / TICKS_PER_BEAT
        if self.external:
            ticks = self.clock.ticks_at(t_ns) - self._origin_count + self._origin_ticks
            return ticks / TICKS_PER_BEAT
        return self._start_beats + (t_ns - self._start_ns) * self._bpm / 60e9

    def time_of(self, beats: float) -> int:
        """Time of a position; only meaningful while rolling."""
        if self.external:
            return self.clock.time_of(beats * TICKS_PER_BEAT - self._origin_ticks + self._origin_count)
        return round(self._start_ns + (beats - self._start_beats) * 60e9 / self._bpm)

    def bar_line(self, beats: float) -> float:
        """Position of the bar line at or before a position."""
        return (beats + 1e-9) // self.beats_per_bar * self.beats_per_bar

    # What moves it from outside --------------------------------------------------------------

    def receive(self, t_ns: int, data: bytes) -> None:
        """Take a clock or song position message; any other is ignored."""
        if self.choice == "internal" or self.deaf:
            return
        status = data[0]
        if status == TICK:
            self._tick(t_ns)
        elif status == START:
            self._arm(t_ns, 0.0, phase_known=True, restarted=True)
        elif status == CONTINUE:
            self._continue(t_ns)
        elif status == STOP:
            self._stop_external(t_ns)
        elif status == SONG_POSITION and len(data) == 3:
            self._locate(t_ns, data[1] | data[2] << 7)

    def note_heard(self) -> None:
        """Tell that a note came in: a clock that ticks while music comes is taken to be running."""
        waits = self.external and self.status == "stopped" and not self._heard_transport
        if waits and self._idle_ticks >= JOIN_TICKS:
            self.bar_phase_known = False
            self.status = "armed"

    def step(self, now_ns: int) -> None:
        """Notice that ticks are missing."""
        last_ns = self.clock.last_ns
        if not self.external or last_ns is None:
            return
        silence_ns = now_ns - last_ns
        overdue_ns = FLYWHEEL_TICKS * self.clock.period_ns
        if self.rolling and silence_ns > max(self._lost_after_ns, overdue_ns):
            self._lose(now_ns)
        elif self.status == "rolling" and silence_ns > overdue_ns:
            self.status = "flywheel"
        elif not self.rolling and self.choice == "auto" and silence_ns > RELEASE_NS:
            self._release()

    def lose(self, now_ns: int) -> None:
        """The input is gone: an external clock is lost at once."""
        if self.external and self.status != "stopped":
            self._lose(now_ns)
        self._heard_transport = False
        self._idle_ticks = 0

    # What moves it from inside ---------------------------------------------------------------

    def play(self, now_ns: int, position_beats: float, start_ns: int) -> None:
        """Start at a position: at `start_ns` by our own clock, at the next tick of an external one.

        An external clock that ticks without saying where it is gets its bar lines from this.
        """
        if self.choice == "external" or (self.external and self._present(now_ns)):
            self.external = True
            self._arm(now_ns, position_beats * TICKS_PER_BEAT, phase_known=True, restarted=True)
            return
        self.external = False
        self.restarted = self.bar_phase_known = True
        self._start_ns, self._start_beats = start_ns, position_beats
        self._song_ticks = position_beats * TICKS_PER_BEAT
        self.status = "rolling"
        self._jump(start_ns, position_beats)

    def stop(self, now_ns: int) -> None:
        """Stop where we are, whichever clock leads."""
        if self.status == "stopped":
            return
        self._song_ticks = max(0.0, self.beats_at(now_ns)) * TICKS_PER_BEAT
        self.status = "stopped"
        self._jump(now_ns, self._song_ticks / TICKS_PER_BEAT)

    def set_tempo(self, now_ns: int, bpm: float) -> None:
        """Change our own tempo from now on."""
        if not self.external and self.rolling and now_ns > self._start_ns:
            self._start_beats = self.beats_at(now_ns)
            self._start_ns = now_ns
        self._bpm = bpm

    def choose(self, now_ns: int, choice: ClockSource) -> None:
        """Choose which clock leads. A change of the leader stops the music."""
        self.choice = choice
        leads = choice == "external" or (choice == "auto" and self.external)
        if leads != self.external:
            self.stop(now_ns)
            self.external = leads

    # External clock --------------------------------------------------------------------------

    def _present(self, now_ns: int) -> bool:
        return self.clock.last_ns is not None and now_ns - self.clock.last_ns < PRESENT_NS

    def _tick(self, t_ns: int) -> None:
        if not self.external and self.rolling:
            self.clock.tick(t_ns)
            return
        self.external = True
        if self.status == "armed":
            self.clock.sync(t_ns)
            self._origin_count, self._origin_ticks = self.clock.count, self._song_ticks
            self.status = "rolling"
            self._jump(t_ns, self._song_ticks / TICKS_PER_BEAT)
            return
        counted = self.clock.tick(t_ns)
        if self.status == "lost":
            self._resume(t_ns, counted)
        elif self.status == "flywheel":
            self.status = "rolling"
        elif self.status == "stopped":
            self._idle_ticks += 1

    def _resume(self, t_ns: int, counted: bool) -> None:
        """Ticks are back after they were lost and nobody said Stop: roll on from where they are."""
        if not counted:
            self._origin_count, self._origin_ticks = self.clock.count, self._song_ticks
            self.bar_phase_known = False
        self.restarted = False
        self.status = "rolling"
        self._jump(t_ns, self.beats_at(t_ns))

    def _arm(self, t_ns: int, song_ticks: float, *, phase_known: bool, restarted: bool = False) -> None:
        self.external = True
        self.restarted = restarted
        self._heard_transport = True
        self.bar_phase_known = phase_known
        self._located = self._located or phase_known
        self._song_ticks = song_ticks
        self.status = "armed"
        self._jump(t_ns, song_ticks / TICKS_PER_BEAT)

    def _continue(self, t_ns: int) -> None:
        if self.external and self.rolling:
            return
        self._arm(t_ns, self._song_ticks if self.external else 0.0, phase_known=self._located)

    def _stop_external(self, t_ns: int) -> None:
        self._heard_transport = True
        if not self.external or self.status == "stopped":
            return
        ticks = self._song_ticks
        if self.rolling:
            ticks = self.clock.count - self._origin_count + self._origin_ticks + 1
        self.status = "stopped"
        self._song_ticks = ticks
        self._jump(t_ns, ticks / TICKS_PER_BEAT)

    def _locate(self, t_ns: int, value: int) -> None:
        """Song position. While rolling the tick nearest to the message is the one at that place."""
        self._heard_transport = True
        if not self.external and self.rolling:
            return
        self.external = True
        self._located = self.bar_phase_known = True
        self._song_ticks = float(value if self.spp_in_clocks else value * TICKS_PER_SIXTEENTH)
        if self.rolling:
            later = self.clock.ticks_at(t_ns) - self.clock.count >= 0.5
            self._origin_count = self.clock.count + (1 if later else 0)
            self._origin_ticks = self._song_ticks
        self.restarted = False
        self._jump(t_ns, self._song_ticks / TICKS_PER_BEAT)

    def _lose(self, now_ns: int) -> None:
        if self.rolling:
            self._song_ticks = self.clock.count - self._origin_count + self._origin_ticks + 1
        self.status = "lost"
        self._jump(now_ns, self._song_ticks / TICKS_PER_BEAT)

    def _release(self) -> None:
        """Our own clock leads again, standing still."""
        self.external = False
        self.status = "stopped"
        self._idle_ticks = 0
        self._heard_transport = self._located = False
        self.bar_phase_known = True
        self._jump(self.clock.last_ns or 0, self._song_ticks / TICKS_PER_BEAT)

    def _jump(self, t_ns: int, beats: float) -> None:
        self.jump_ns = t_ns
        self.jump_beats = beats
        self.epoch += 1

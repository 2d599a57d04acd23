"""Where the music is: start, stop and song position, from a MIDI clock or our own tempo.

Positions are beats (quarter notes) from the start of the song. Whatever moves the position other than the
passing of time, or starts or stops the music, returns the `Jump` it was; None says that nothing happened.

While our own clock leads, what a host says of its position is kept all the same: its next Continue
goes on from there.
"""

import msgspec

from engine.midi.messages import CONTINUE, SONG_POSITION, START, STOP, TICK
from engine.music.metre import FOUR_FOUR
from engine.performer.clock import TICKS_PER_BEAT, ClockFollower
from engine.performer.messages import ClockSource, ClockStatus

TICKS_PER_SIXTEENTH = 6
LOST_AFTER_NS = 250_000_000
FLYWHEEL_TICKS = 2.5
"""Two ticks are overdue."""
PRESENT_NS = 500_000_000
"""An external clock that ticked within this time is there."""
RELEASE_NS = 2_000_000_000
"""Under `auto` a stopped host that has said nothing for so long leaves the lead to our own clock."""
JUST_AHEAD_NS = 100_000_000
"""A start so near has been handed over as it is."""
JOIN_TICKS = 24
"""A clock must have ticked for one beat before it is joined without a Start."""
TEMPO_RANGE_BPM = (20.0, 400.0)


class Jump(msgspec.Struct, frozen=True):
    """The music started, stopped, or went on elsewhere."""

    t_ns: int
    """When."""
    from_beats: float
    """Where it was, or rested."""
    to_beats: float
    """Where it is now, or rests."""
    was_rolling: bool
    rolling: bool
    restarted: bool = False
    """Whether the music began anew (Start, Play), and did not go on."""


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
        self.metre = FOUR_FOUR
        self.bar_phase_known = True
        self.spp_in_clocks = False
        self.deaf = False
        """Ignore an incoming clock: set while our own clock goes out and ours leads."""
        self._lost_after_ns = lost_after_ns
        self._song_ticks = 0.0
        """Where the music rests, or will begin; while it rolls, where it last began."""
        self._host_ticks = 0.0
        """Where the host's song rests, also while our own clock leads."""
        self._restarts = False
        """Whether what is armed begins anew."""
        self._located = False
        self._heard_transport = False
        self._heard_ns: int | None = None
        """When the host last said anything at all."""
        self._idle_ticks = 0
        self._origin_ticks = 0.0
        self._bpm = 120.0
        self._start_ns = 0
        self._start_beats = 0.0

    # Queries -------------------------------------------------------------------------------

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar."""
        return self.metre.beats_per_bar

    @property
    def rolling(self) -> bool:
        """Whether the position moves."""
        return self.status in ("rolling", "flywheel")

    @property
    def bpm(self) -> float:
        """Tempo for display."""
        return self.clock.display_bpm if self.external else self._bpm

    @property
    def internal_bpm(self) -> float:
        """Tempo of our own clock, whichever leads."""
        return self._bpm

    @property
    def beat_ns(self) -> float:
        """Length of a beat now."""
        return self.clock.period_ns * TICKS_PER_BEAT if self.external else 60e9 / self._bpm

    def beats_at(self, t_ns: float) -> float:
        """Return the position at a time; the resting position while nothing moves."""
        if not self.rolling:
            return self._song_ticks / TICKS_PER_BEAT
        if self.external:
            ticks = self.clock.ticks_at(t_ns) - self.clock.origin + self._origin_ticks
            return ticks / TICKS_PER_BEAT
        return self._start_beats + (t_ns - self._start_ns) * self._bpm / 60e9

    def time_of(self, beats: float) -> int:
        """Return the time of a position; only meaningful while rolling."""
        if self.external:
            return self.clock.time_of(beats * TICKS_PER_BEAT - self._origin_ticks + self.clock.origin)
        return round(self._start_ns + (beats - self._start_beats) * 60e9 / self._bpm)

    def bar_line(self, beats: float) -> float:
        """Return the position of the bar line at or before a position."""
        return (beats + 1e-9) // self.beats_per_bar * self.beats_per_bar

    # What moves it from outside --------------------------------------------------------------

    def receive(self, t_ns: int, data: bytes) -> Jump | None:
        """Take a clock or song position message; any other is ignored."""
        if self.choice == "internal" or self.deaf:
            return None
        status = data[0]
        if status == TICK:
            self._heard_ns = t_ns
            return self._tick(t_ns)
        if status == SONG_POSITION and len(data) == 3:
            self._heard_ns = t_ns
            return self._locate(t_ns, data[1] | data[2] << 7)
        if status not in (START, CONTINUE, STOP):
            return None
        self._heard_ns = t_ns
        if status == START:
            return self._arm(t_ns, 0.0, phase_known=True, restarts=True)
        return self._continue(t_ns) if status == CONTINUE else self._stop_external(t_ns)

    def note_heard(self, t_ns: int) -> Jump | None:
        """Take notice of a note: a clock that ticks while music comes is taken to be running.

        The tick nearest to the note is where the song stands; which beat of a bar that is nobody knows.
        """
        waits = self.external and self.status == "stopped" and not self._heard_transport
        if not waits or self._idle_ticks < JOIN_TICKS:
            return None
        self.bar_phase_known = False
        ahead = self.clock.ticks_at(t_ns) - self.clock.count
        self._place_song(self.clock.count + round(ahead))
        self.status = "rolling"
        resting_beats = self._song_ticks / TICKS_PER_BEAT
        # The tick may be still to come; what is played by then is early.
        return Jump(self.clock.time_of(self.clock.origin), resting_beats, resting_beats, False, True)

    def step(self, now_ns: int) -> Jump | None:
        """Notice that ticks are missing."""
        last_ns, heard_ns = self.clock.last_ns, self._heard_ns
        if not self.external or heard_ns is None:
            return None
        if self.status == "stopped":
            if self.choice == "auto" and now_ns - heard_ns > RELEASE_NS:
                self._release()
            return None
        if not self.rolling or last_ns is None:
            return None
        silence_ns = now_ns - last_ns
        overdue_ns = FLYWHEEL_TICKS * self.clock.period_ns
        if silence_ns > max(self._lost_after_ns, overdue_ns):
            return self._lose(now_ns)
        if silence_ns > overdue_ns:
            self.status = "flywheel"
        return None

    def lose(self, now_ns: int) -> Jump | None:
        """Lose an external clock at once: the input is gone."""
        self._heard_transport = False
        self._idle_ticks = 0
        return self._lose(now_ns) if self.external and self.status != "stopped" else None

    # What moves it from inside ---------------------------------------------------------------

    def play(self, now_ns: int, position_beats: float, start_ns: int) -> Jump:
        """Start at a position: at `start_ns` by our own clock, at the next tick of an external one.

        An external clock that ticks without saying where it is gets its bar lines from this.
        """
        if self.waits_for_host(now_ns):
            return self._arm(now_ns, position_beats * TICKS_PER_BEAT, phase_known=True, restarts=True)
        from_beats, was_rolling = self._place(now_ns)
        self.external = False
        self.bar_phase_known = True
        self._start_ns, self._start_beats = start_ns, position_beats
        self._song_ticks = position_beats * TICKS_PER_BEAT
        self.status = "rolling"
        return Jump(start_ns, from_beats, position_beats, was_rolling, True, restarted=True)

    def waits_for_host(self, now_ns: int) -> bool:
        """Return whether a start waits for the next tick of an external clock."""
        return self.choice == "external" or (self.external and self._present(now_ns))

    def stop(self, now_ns: int) -> Jump | None:
        """Stop where we are, whichever clock leads."""
        if self.status == "stopped":
            return None
        before = self._place(now_ns)
        self._rest(max(0.0, before[0]) * TICKS_PER_BEAT)
        return self._jumped(now_ns, before)

    def set_tempo(self, now_ns: int, bpm: float) -> None:
        """Change our own tempo from now on, of a count-in too; a start just ahead stays where it is."""
        about_to_start = 0 <= self._start_ns - now_ns <= JUST_AHEAD_NS
        if not self.external and self.rolling and not about_to_start:
            self._start_beats = self.beats_at(now_ns)
            self._start_ns = now_ns
        self._bpm = bpm

    def move(self, now_ns: int, beats: float, bpm: float) -> None:
        """Go on from a position near the present one, as another clock has it; only while ours rolls."""
        self._start_ns, self._start_beats, self._bpm = now_ns, beats, bpm

    def relocate(self, now_ns: int, beats: float) -> Jump:
        """Go on from another position; only while our own clock rolls."""
        before = self._place(now_ns)
        self._start_ns, self._start_beats = now_ns, beats
        return Jump(now_ns, before[0], beats, True, True)

    def choose(self, now_ns: int, choice: ClockSource) -> Jump | None:
        """Choose which clock leads. A change of the leader stops the music."""
        self.choice = choice
        leads = choice == "external" or (choice == "auto" and self.external)
        if leads == self.external:
            return None
        jump = self.stop(now_ns)
        self.external = leads
        return jump

    # External clock --------------------------------------------------------------------------

    def _present(self, now_ns: int) -> bool:
        return self.clock.last_ns is not None and now_ns - self.clock.last_ns < PRESENT_NS

    def _tick(self, t_ns: int) -> Jump | None:
        if not self.external and self.rolling:
            self.clock.tick(t_ns)
            return None
        self.external = True
        if self.status == "armed":
            before = self._place(t_ns)
            self.clock.sync(t_ns)
            self._place_song(self.clock.count)
            self.status = "rolling"
            return self._jumped(t_ns, before, restarted=self._restarts)
        counted = self.clock.tick(t_ns)
        if self.status == "lost":
            return self._resume(t_ns, counted)
        if self.status == "flywheel":
            self.status = "rolling"
        elif self.status == "stopped":
            self._idle_ticks += 1
        return None

    def _resume(self, t_ns: int, counted: bool) -> Jump:
        """Ticks are back after they were lost and nobody said Stop: roll on from where they are."""
        before = self._place(t_ns)
        if not counted:
            self._place_song(self.clock.count)
            self.bar_phase_known = False
        self.status = "rolling"
        self._song_ticks = self.beats_at(t_ns) * TICKS_PER_BEAT
        return self._jumped(t_ns, before)

    def _arm(self, t_ns: int, song_ticks: float, *, phase_known: bool, restarts: bool = False) -> Jump:
        before = self._place(t_ns)
        self.external = True
        self._restarts = restarts
        self._heard_transport = True
        self.bar_phase_known = phase_known
        self._located = self._located or phase_known
        self._song_ticks = self._host_ticks = song_ticks
        self.status = "armed"
        return self._jumped(t_ns, before)

    def _continue(self, t_ns: int) -> Jump | None:
        if self.external and self.rolling:
            return None
        if self.external and self.status == "armed":
            # A Start or Continue said twice: what is armed stays as it is.
            return None
        return self._arm(t_ns, self._host_ticks, phase_known=self._located)

    def _stop_external(self, t_ns: int) -> Jump | None:
        self._heard_transport = True
        if not self.external or self.status == "stopped":
            return None
        before = self._place(t_ns)
        self._rest(self._next_tick() if self.rolling else self._song_ticks)
        return self._jumped(t_ns, before)

    def _locate(self, t_ns: int, value: int) -> Jump | None:
        """Song position. While rolling the tick nearest to the message is the one at that place.

        Where ticks are rounded to a driver's periods, so are messages. If their times leave open which tick
        is nearer it is the next, as for a Start.
        """
        self._heard_transport = True
        self._host_ticks = float(value if self.spp_in_clocks else value * TICKS_PER_SIXTEENTH)
        self._located = True
        if not self.external and self.rolling:
            return None
        before = self._place(t_ns)
        self.external = True
        self.bar_phase_known = True
        self._restarts = False
        self._song_ticks = self._host_ticks
        if self.status == "lost":
            # It rolled when it was lost: it goes on from here with its next tick.
            self.status = "armed"
        if self.rolling:
            later = self.clock.ticks_at(t_ns) - self.clock.count >= 0.5 - self.clock.rounding_ticks
            count = self.clock.count + (1 if later else 0)
            left_ticks = count - self.clock.origin + self._origin_ticks
            before = (left_ticks / TICKS_PER_BEAT, True)
            self._place_song(count)
        return self._jumped(t_ns, before)

    def _place_song(self, count: int) -> None:
        """Let the song be where it is said to be at a count of the clock."""
        self.clock.place(count)
        self._origin_ticks = self._song_ticks

    def _next_tick(self) -> float:
        """Return the tick after the latest, in ticks of the song: where the next Continue goes on."""
        return self.clock.count - self.clock.origin + self._origin_ticks + 1

    def _lose(self, now_ns: int) -> Jump:
        was_rolling = self.rolling
        if was_rolling:
            self._song_ticks = self._host_ticks = self._next_tick()
        self.status = "lost"
        return self._jumped(now_ns, (self._song_ticks / TICKS_PER_BEAT, was_rolling))

    def _release(self) -> None:
        """Our own clock leads again, standing still where the host's song rests."""
        self.external = False
        self._idle_ticks = 0
        self._heard_transport = False
        self.bar_phase_known = True

    def _rest(self, song_ticks: float) -> None:
        self._song_ticks = song_ticks
        if self.external:
            self._host_ticks = song_ticks
        self.status = "stopped"

    def _place(self, t_ns: int) -> tuple[float, bool]:
        """Return where the music is, and whether it rolls: the beginning of a `Jump`."""
        return self.beats_at(t_ns), self.rolling

    def _jumped(self, t_ns: int, before: tuple[float, bool], *, restarted: bool = False) -> Jump:
        from_beats, was_rolling = before
        return Jump(
            t_ns,
            from_beats,
            self._song_ticks / TICKS_PER_BEAT,
            was_rolling,
            self.rolling,
            restarted=restarted,
        )

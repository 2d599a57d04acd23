"""Plays the current pattern in a loop, locked to the transport, and swaps in the next one.

Everything is planned in beats as far ahead as the port's lead allows and handed over with the
time the transport gives those beats; when the tempo moves, what has not left is timed anew.
"""

import math
from heapq import heappop, heappush

from engine.midi import messages as midi
from engine.midi.messages import FIRST_SYSTEM, Key
from engine.performer.looped_pattern import HALF_STEP_BEATS, SHORTEST_BEATS, Loop
from engine.performer.messages import NoteData, PatternStarted, SetPattern
from engine.performer.outbox import Outbox
from engine.performer.transport import Jump, Transport

STEP_BEATS = 2 * HALF_STEP_BEATS
SHIFT_TOLERANCE_NS = 1_000_000
"""Messages handed over are timed anew when the tempo has moved them by more than this."""
SAME_PLACE_BEATS = 1e-3
BEHIND_NS = 250_000_000
"""After a longer pause of ours the missed notes are left out rather than sent in a burst."""


class _Voice:
    """A note of ours that sounds: where it began, where it ends, whose it is."""

    __slots__ = ("loop", "off_beats", "onset_beats")

    def __init__(self, onset_beats: float, off_beats: float, loop: Loop) -> None:
        self.onset_beats = onset_beats
        self.off_beats = off_beats
        self.loop = loop


class _Swap:
    """A pattern that waits for its line, with the early notes it sends ahead."""

    __slots__ = ("at_beats", "loop", "pickups")

    def __init__(self, loop: Loop, at_beats: float, pickups: list[tuple[float, float, NoteData]]) -> None:
        self.loop = loop
        self.at_beats = at_beats
        self.pickups = pickups


class Scheduler:
    """Plans the pattern's notes into the outbox.

    A pattern with an anchor of its own keeps it, whatever the transport does. Another starts on its
    own first beat at the bar line at or before the swap; one of the same length that comes in at a
    step or beat keeps the running pattern's phase, so that moving a slider in bar 2 goes on in bar 2.
    """

    def __init__(self, transport: Transport, outbox: Outbox) -> None:
        self.transport = transport
        self.outbox = outbox
        self.offset_ns = 0
        self.skips = 0
        """How often notes were left out because we were stopped for too long."""
        self.started: list[PatternStarted] = []
        """Patterns that began since the owner last emptied this list."""
        self._loop: Loop | None = None
        self._swap: _Swap | None = None
        self._anchored = False
        self._bars = 1
        self._notes: tuple[NoteData, ...] = ()
        self._cursor_beats = 0.0
        self._voices: dict[tuple[int, int], _Voice] = {}
        self._offs: list[tuple[float, int, int]] = []
        self._struck: dict[Key, float] = {}
        """Where the latest note of each key began."""
        self._over: dict[Key, float] = {}
        """Where notes would begin at the place of the latest jump that were played just before it."""

    # Patterns --------------------------------------------------------------------------------

    def set_pattern(self, command: SetPattern) -> None:
        """Play a pattern from its line on; while stopped it waits for the start."""
        self._bars, self._notes = command.bars, command.notes
        length = command.bars * self.transport.beats_per_bar
        anchor_beats, anchored = command.anchor_beats or 0.0, command.anchor_beats is not None
        loop = Loop(
            command.notes,
            length,
            anchor_beats,
            command.pattern_id,
            anchored=anchored,
            from_beats=-math.inf if command.at_beats is None else command.at_beats,
            until_beats=math.inf if command.until_beats is None else command.until_beats,
        )
        if not self.transport.rolling:
            self._loop, self._swap, self._anchored = loop, None, False
            _end_with_its_pass(loop, max(anchor_beats, loop.from_beats), once=command.once)
            return
        at_beats = max(self._line(command.starts_at), loop.from_beats)
        running = self._loop
        if running and running.length_beats == length and command.starts_at != "bar" and not anchored:
            loop.anchor_beats = running.anchor_beats
        elif not anchored:
            loop.anchor_beats = self.transport.bar_line(at_beats)
        _end_with_its_pass(loop, at_beats, once=command.once)
        pickups = [(max(onset, self._cursor_beats), onset, note) for onset, note in loop.early(at_beats)]
        self._swap = _Swap(loop, at_beats, pickups)

    def clear(self, now_ns: int) -> None:
        """Play nothing any more."""
        self._loop = self._swap = None
        self._notes = ()
        self._silence(now_ns)

    def set_metre(self, now_ns: int) -> None:
        """Begin the pattern anew at the bar we are in: the bars have another length."""
        self._silence(now_ns)
        current = self._swap.loop if self._swap else self._loop
        self._swap = None
        if current:
            length = self._bars * self.transport.beats_per_bar
            anchor = current.anchor_beats if current.anchored else self.transport.bar_line(self._cursor_beats)
            self._loop = Loop(
                self._notes,
                length,
                anchor,
                current.pattern_id,
                anchored=current.anchored,
                from_beats=current.from_beats,
                until_beats=current.until_beats,
            )

    # Time ------------------------------------------------------------------------------------

    def jump(self, now_ns: int, jump: Jump) -> None:
        """Follow the transport where it started, stopped or went: silence, and plan from there.

        A note that began just now and begins at the new place too goes on; one that is over already is
        not played again. Clock ticks of ours that had not left are taken back as well.
        """
        if self._swap:
            self._loop, self._swap = self._swap.loop, None
            self._anchored = False
        if jump.rolling:
            self._anchor(jump)
        same = self._same_at(jump)
        self._over = self._over_at(jump, now_ns)
        self._struck.update(self._over)
        self._voices.clear()
        self._offs.clear()
        beats = self.transport.beats_at(now_ns)
        kept = self.outbox.silence(now_ns, beats, keep_clock=False, but=same)
        for key in kept:
            self._voices[key] = same[key]
            heappush(self._offs, (same[key].off_beats, *key))
        if jump.rolling:
            self._begin(jump.to_beats)

    def _same_at(self, jump: Jump) -> dict[tuple[int, int], _Voice]:
        """Return the notes that began near a jump, as far as the pattern has them at its target too."""
        loop = self._loop
        if not (loop and jump.was_rolling and jump.rolling):
            return {}
        same = {}
        for key, voice in self._voices.items():
            onset = voice.onset_beats - jump.from_beats + jump.to_beats
            near = abs(onset - jump.to_beats) < HALF_STEP_BEATS
            note = loop.sounding(*key, onset) if near else None
            if note is not None:
                same[key] = _Voice(onset, loop.end_of(onset, note), loop)
        return same

    def _over_at(self, jump: Jump, now_ns: int) -> dict[Key, float]:
        """Return the onsets near the target of a jump whose notes have left, and ended, near its place."""
        loop = self._loop
        if not (loop and jump.was_rolling and jump.rolling):
            return {}
        pending = (
            each for each in self.outbox.pending if each.due_ns > now_ns and midi.is_note_on(each.data)
        )
        waiting = {midi.key(each.data) for each in pending}
        onsets = {each: onset - jump.from_beats + jump.to_beats for each, onset in self._struck.items()}
        return {
            each: onset
            for each, onset in onsets.items()
            if abs(onset - jump.to_beats) < HALF_STEP_BEATS
            and each not in waiting
            and each not in self._voices
            and loop.sounding(*each, onset) is not None
        }

    def _anchor(self, jump: Jump) -> None:
        loop = self._loop
        if loop and not loop.anchored and (jump.restarted or not self._anchored):
            loop.anchor_beats = self.transport.bar_line(jump.to_beats)

    def silence(self, now_ns: int, *, panic: bool = False) -> None:
        """Switch off what sounds, with every means if `panic`; the pattern goes on."""
        if not panic:
            self._silence(now_ns)
            return
        self._voices.clear()
        self._offs.clear()
        self.outbox.panic(now_ns, self.transport.beats_at(now_ns))

    def resume(self, now_ns: int) -> None:
        """Forget what sounded and go on from here: the port is back."""
        self._voices.clear()
        self._offs.clear()
        self._cursor_beats = max(self._cursor_beats, self.transport.beats_at(now_ns))

    def plan(self, now_ns: int) -> None:
        """Hand over everything due within the port's lead."""
        if not self.transport.rolling:
            return
        self._catch_up(now_ns)
        self._retime(now_ns)
        horizon = self.transport.beats_at(now_ns + self.outbox.port.lead_ns - self.offset_ns)
        if self._swap and self._swap.at_beats <= horizon:
            self._run(self._swap.at_beats)
            self._take_over()
        self._run(horizon)

    def next_ns(self) -> int | None:
        """Return when the next message has to be handed over."""
        if not self.transport.rolling:
            return None
        beats = [self._offs[0][0]] if self._offs else []
        if self._swap:
            beats += [self._swap.at_beats, *[pickup[0] for pickup in self._swap.pickups[:1]]]
        onset = self._loop.next_onset(self._cursor_beats) if self._loop else None
        if onset is not None:
            beats.append(onset)
        if not beats:
            return None
        return self._due(min(beats)) - self.outbox.port.lead_ns

    # Inside ----------------------------------------------------------------------------------

    def _due(self, beats: float) -> int:
        return self.transport.time_of(beats) + self.offset_ns

    def _line(self, starts_at: str) -> float:
        """Return the next line of a kind that is not planned yet."""
        origin, unit = 0.0, self.transport.beats_per_bar
        if starts_at == "phrase" and self._loop is not None:
            origin, unit = self._loop.anchor_beats, self._loop.length_beats
        elif starts_at in ("step", "beat"):
            unit = STEP_BEATS if starts_at == "step" else self.transport.metre.pulse_beats
        return origin - (origin - self._cursor_beats + 1e-9) // unit * unit

    def _begin(self, at_beats: float) -> None:
        """Start planning at a position."""
        self._cursor_beats = at_beats
        loop = self._loop
        if not loop:
            return
        self._announce(loop, at_beats)
        for onset, note in loop.early(at_beats):
            self._sound(at_beats, onset, note, loop)

    def _announce(self, loop: Loop, at_beats: float) -> None:
        self._anchored = True
        t_ns = self._due(at_beats)
        self.started.append(PatternStarted(loop.pattern_id, at_beats, t_ns, loop.anchor_beats))

    def _silence(self, now_ns: int) -> None:
        self._voices.clear()
        self._offs.clear()
        self.outbox.silence(now_ns, self.transport.beats_at(now_ns))

    def _catch_up(self, now_ns: int) -> None:
        """Go on from now, where we were away for long, instead of playing what was missed."""
        here = self.transport.beats_at(now_ns - self.offset_ns)
        if (here - self._cursor_beats) * self.transport.beat_ns <= BEHIND_NS:
            return
        self.skips += 1
        self._silence(now_ns)
        self._cursor_beats = here
        if self._swap and self._swap.at_beats < here:
            self._swap.pickups.clear()

    def _retime(self, now_ns: int) -> None:
        """Time anew what is handed over and has not left, if the tempo has moved it."""
        moved = any(
            abs(self._due_of(planned.beats, planned.data) - planned.due_ns) > SHIFT_TOLERANCE_NS
            for planned in self.outbox.pending
            if planned.due_ns > now_ns
        )
        if not moved:
            return
        for planned in self.outbox.recall(now_ns):
            self.outbox.send(self._due_of(planned.beats, planned.data), planned.beats, planned.data)

    def _due_of(self, beats: float, data: bytes) -> int:
        return self.transport.time_of(beats) + (0 if data[0] >= FIRST_SYSTEM else self.offset_ns)

    def _run(self, to_beats: float) -> None:
        """Plan notes and note-offs before a position."""
        if to_beats <= self._cursor_beats:
            return
        for beats, onset, note, loop in self._onsets(to_beats):
            self._end_voices(beats)
            self._sound(beats, onset, note, loop)
        self._end_voices(to_beats)
        self._cursor_beats = to_beats

    def _onsets(self, to_beats: float) -> list[tuple[float, float, NoteData, Loop]]:
        """Return the notes to begin before a position, those of the next pattern that come early included."""
        onsets: list[tuple[float, float, NoteData, Loop]] = []
        last = to_beats
        swap = self._swap
        if swap:
            last = min(to_beats, max(swap.at_beats - HALF_STEP_BEATS, self._cursor_beats))
            ahead = [pickup for pickup in swap.pickups if pickup[0] < to_beats]
            del swap.pickups[: len(ahead)]
            onsets += [(beats, onset, note, swap.loop) for beats, onset, note in ahead]
        if self._loop:
            onsets += [
                (on, on, note, self._loop) for on, note in self._loop.between(self._cursor_beats, last)
            ]
        onsets.sort(key=lambda onset: onset[0])
        return onsets

    def _sound(self, beats: float, onset_beats: float, note: NoteData, loop: Loop) -> None:
        """Switch a note on at `beats`; it counts as begun at `onset_beats`."""
        key = (note.channel, note.pitch)
        if abs(self._over.get(key, math.inf) - onset_beats) < SAME_PLACE_BEATS:
            return
        self._struck[key] = onset_beats
        off_beats = max(loop.end_of(onset_beats, note), beats + SHORTEST_BEATS)
        voice = self._voices.get(key)
        if voice is None or abs(voice.onset_beats - onset_beats) > SAME_PLACE_BEATS:
            self.outbox.note_on(self._due(beats), beats, note.channel, note.pitch, note.velocity)
        self._voices[key] = _Voice(onset_beats, off_beats, loop)
        heappush(self._offs, (off_beats, *key))

    def _end_voices(self, to_beats: float) -> None:
        """Switch off what ends at or before a position."""
        while self._offs and self._offs[0][0] <= to_beats:
            off_beats, channel, pitch = heappop(self._offs)
            voice = self._voices.get((channel, pitch))
            if voice and voice.off_beats == off_beats:
                del self._voices[(channel, pitch)]
                self.outbox.note_off(self._due(off_beats), off_beats, channel, pitch)

    def _take_over(self) -> None:
        """Cut the old pattern's notes at the line of the next one, then go on with that."""
        assert self._swap is not None
        loop, at_beats, pickups = self._swap.loop, self._swap.at_beats, self._swap.pickups
        self._loop, self._swap = loop, None
        for key, voice in list(self._voices.items()):
            if voice.loop is not loop:
                self._hand_on(key, voice, loop, at_beats)
        self._cursor_beats = max(self._cursor_beats, at_beats)
        self._announce(loop, at_beats)
        for _, onset, note in pickups:
            self._sound(at_beats, onset, note, loop)

    def _hand_on(self, key: tuple[int, int], voice: _Voice, loop: Loop, at_beats: float) -> None:
        """Let a note ring on that the new pattern has as well; cut any other."""
        same = loop.sounding(*key, voice.onset_beats)
        end = loop.end_of(voice.onset_beats, same) if same else 0.0
        if end > at_beats:
            self._voices[key] = _Voice(voice.onset_beats, end, loop)
            heappush(self._offs, (end, *key))
            return
        del self._voices[key]
        self.outbox.note_off(self._due(at_beats), at_beats, *key)


def _end_with_its_pass(loop: Loop, at_beats: float, *, once: bool) -> None:
    """Let a loop that is played once fall silent after its first pass.

    One that is joined after its first note goes on to the end of the next one, so that all of it is heard.
    """
    if once:
        begun_beats = (
            loop.anchor_beats + (at_beats - loop.anchor_beats + 1e-9) // loop.length_beats * loop.length_beats
        )
        misses = begun_beats + loop.first_beats <= at_beats - HALF_STEP_BEATS
        loop.until_beats = min(loop.until_beats, begun_beats + (1 + misses) * loop.length_beats)

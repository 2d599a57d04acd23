"""Clicks on the pulses, the first of a bar louder; and the count-in before our own clock starts."""

import math

from engine.performer.messages import SetMetronome
from engine.performer.outbox import Outbox
from engine.performer.transport import Jump, Transport

ACCENT, CLICK = 120, 84
"""Velocities of the first click of a bar and of the others."""
LENGTH_SHARE = 0.25
"""Length of a click, as a share of the time to the next."""
EPSILON_BEATS = 1e-6


class Metronome:
    """Plans clicks into the outbox while the transport rolls, and lets go what it began."""

    def __init__(self, transport: Transport, outbox: Outbox) -> None:
        self.transport = transport
        self.outbox = outbox
        self.offset_ns = 0
        """Output compensation, as the pattern has it."""
        self._settings = SetMetronome()
        self.count_in_bars = 0
        """Bars that the next start of our own clock is counted in with."""
        self._counted = (0.0, 0.0)
        """Where the count-in begins and ends."""
        self._next_beats = 0.0
        self._off: tuple[float, int, int] | None = None
        """Position, channel and pitch of the note-off to come."""
        self._cuts = 0

    def set(self, settings: SetMetronome, now_ns: int) -> None:
        """Choose whether there are clicks, and which; they go on from now."""
        if settings.on and not self._settings.on:
            self._next_beats = self._here(now_ns)
        self._settings = settings

    def jump(self, now_ns: int, jump: Jump) -> None:
        """Follow a transport that started, stopped or went elsewhere. Call after the outbox was silenced."""
        if jump.restarted:
            bars = 0 if self.transport.external else self.count_in_bars
            self._counted = (jump.to_beats - bars * self.transport.beats_per_bar, jump.to_beats)
            self.count_in_bars = 0
        elif not jump.was_rolling or not jump.rolling:
            self._counted = (0.0, 0.0)
        self._next_beats = self._here(now_ns)
        self._off, self._cuts = None, self.outbox.cuts

    def plan(self, now_ns: int) -> None:
        """Hand over the clicks due within the port's lead."""
        if not self.transport.rolling:
            return
        if self._cuts != self.outbox.cuts:
            self._cuts, self._off = self.outbox.cuts, None
            self._next_beats = self._here(now_ns)
        horizon = self._here(now_ns + self.outbox.port.lead_ns)
        while (at_beats := self._click_at(self._next_beats)) <= horizon:
            self._let_go(at_beats)
            if self._sounds(at_beats):
                self._sound(at_beats)
            self._next_beats = at_beats + 2 * EPSILON_BEATS
        self._let_go(horizon)

    def next_ns(self) -> int | None:
        """Return when the next message has to be handed over; None where none is to come."""
        if not self.transport.rolling:
            return None
        beats = [self._off[0]] if self._off else []
        if self._settings.on or self._next_beats < self._counted[1]:
            beats.append(self._click_at(self._next_beats))
        return self._due(min(beats)) - self.outbox.port.lead_ns if beats else None

    def _here(self, t_ns: float) -> float:
        return self.transport.beats_at(t_ns - self.offset_ns)

    def _due(self, beats: float) -> int:
        return self.transport.time_of(beats) + self.offset_ns

    def _click_at(self, from_beats: float) -> float:
        """Return the position of the first click at or after a position."""
        unit, bar = self.transport.metre.pulse_beats, self.transport.beats_per_bar
        line = (from_beats // bar) * bar
        clicks = math.ceil((from_beats - line - EPSILON_BEATS) / unit)
        return min(line + clicks * unit, line + bar)

    def _sounds(self, at_beats: float) -> bool:
        counted_from, begins = (beats - EPSILON_BEATS for beats in self._counted)
        return counted_from <= at_beats < begins or (self._settings.on and at_beats >= begins)

    def _sound(self, at_beats: float) -> None:
        settings, bar = self._settings, self.transport.beats_per_bar
        first = abs(at_beats - round(at_beats / bar) * bar) < EPSILON_BEATS
        velocity = ACCENT if first else CLICK
        self.outbox.note_on(self._due(at_beats), at_beats, settings.channel, settings.pitch, velocity)
        self._off = (
            at_beats + LENGTH_SHARE * self.transport.metre.pulse_beats,
            settings.channel,
            settings.pitch,
        )

    def _let_go(self, until_beats: float) -> None:
        if self._off is not None and self._off[0] <= until_beats:
            off_beats, channel, pitch = self._off
            self._off = None
            self.outbox.note_off(self._due(off_beats), off_beats, channel, pitch)

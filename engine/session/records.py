"""What the log keeps so that a performance can be played again: records of clock, patterns and messages."""

from collections.abc import Mapping
from typing import Any

from engine.midi.messages import is_note_off, is_note_on
from engine.performer.messages import ClockState, PatternStarted, Played
from engine.session.live import NS_PER_MINUTE, ROLLING
from engine.session.state import Effect, Log

JUMP_BEATS = 0.5
"""A song position this far from where the clock led to was jumped to."""

Record = Mapping[str, Any]


def begun() -> Effect:
    """Return the record of a session that begins: what stands before it is of an earlier performance."""
    return Log({"begun": {}})


def of_clock(before: ClockState | None, now: ClockState) -> tuple[Effect, ...]:
    """Return the record of a clock that starts, stops, jumps or changes its metre; none where it goes on."""
    was, rolls = _rolls(before), _rolls(now)
    if not rolls:
        return _clock_record(now.position_beats, now, rolling=False) if was else ()
    if before is None or not was:
        return _clock_record(now.position_beats, now)
    jumped = abs(_expected_beats(before, now.t_ns) - now.position_beats) > JUMP_BEATS
    if jumped or before.metre != now.metre:
        return _clock_record(now.position_beats, now)
    return ()


def of_pattern(clock: ClockState | None, event: PatternStarted) -> tuple[Effect, ...]:
    """Return the record of a pattern that begins to sound, behind that of the jump it may begin with."""
    started = Log(
        {
            "started": {
                "pattern": event.pattern_id,
                "at_beats": event.at_beats,
                "anchor_beats": event.anchor_beats,
            }
        }
    )
    if clock is None:
        return (started,)
    # A song that begins to roll, or jumps, begins with its pattern; the clock says so only afterwards.
    jumped = not _rolls(clock) or abs(_expected_beats(clock, event.t_ns) - event.at_beats) > JUMP_BEATS
    return (*(_clock_record(event.at_beats, clock) if jumped else ()), started)


def of_message(event: Played) -> tuple[Effect, ...]:
    """Return the record of a note-on or note-off that left the output; none of another message."""
    if len(event.data) != 3 or not (is_note_on(event.data) or is_note_off(event.data)):
        return ()
    return (Log({"sent": (event.position_beats, event.data.hex())}),)


def _rolls(clock: ClockState | None) -> bool:
    return clock is not None and clock.status in ROLLING


def _expected_beats(clock: ClockState, t_ns: int) -> float:
    return clock.position_beats + (t_ns - clock.t_ns) * clock.bpm / NS_PER_MINUTE


def _clock_record(at_beats: float, clock: ClockState, *, rolling: bool = True) -> tuple[Effect, ...]:
    record = {
        "rolling": rolling,
        "at_beats": at_beats,
        "bpm": clock.bpm,
        "metre": clock.metre,
    }
    return (Log({"clock": record}),)

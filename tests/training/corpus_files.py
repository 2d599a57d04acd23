"""Small MIDI files for the corpus tests, written by mido, which the corpus itself never uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido

TICKS_PER_BEAT = 480


@dataclass(frozen=True)
class Part:
    """One track; notes are `(start_beats, duration_beats, pitch)` or with a velocity at the end."""

    notes: Sequence[tuple[float, ...]]
    name: str = "Melody"
    program: int = 0
    channel: int = 0


def write_midi(
    path: Path,
    parts: Sequence[Part],
    metres: Sequence[tuple[float, int, int]] = ((0, 4, 4),),
    bpm: float = 120.0,
) -> Path:
    """Write a file of format 1; metres are `(start_beats, numerator, denominator)`."""
    midi = mido.MidiFile(ticks_per_beat=TICKS_PER_BEAT)
    conductor = [(0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)))]
    for beat, numerator, denominator in metres:
        event = mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
        conductor.append((round(beat * TICKS_PER_BEAT), event))
    midi.tracks.append(_track(conductor))
    midi.tracks.extend(_track(_events(part)) for part in parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.save(path)
    return path


def _events(part: Part) -> list[tuple[int, mido.messages.BaseMessage]]:
    events: list[tuple[int, mido.messages.BaseMessage]] = [
        (0, mido.MetaMessage("track_name", name=part.name)),
        (0, mido.Message("program_change", program=part.program, channel=part.channel)),
    ]
    for start, duration, pitch, *rest in part.notes:
        on, off = round(start * TICKS_PER_BEAT), round((start + duration) * TICKS_PER_BEAT)
        velocity = int(rest[0]) if rest else 80
        events.append((on, mido.Message("note_on", note=int(pitch), velocity=velocity, channel=part.channel)))
        events.append((off, mido.Message("note_off", note=int(pitch), velocity=0, channel=part.channel)))
    return events


def _track(events: list[tuple[int, mido.messages.BaseMessage]]) -> mido.MidiTrack:
    track, now = mido.MidiTrack(), 0
    order = {"note_off": 1, "note_on": 2}  # at one tick releases come first
    for tick, message in sorted(events, key=lambda event: (event[0], order.get(event[1].type, 0))):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def tune(pitches: Sequence[int], *, start: float = 0.0, step: float = 0.5) -> list[tuple[float, ...]]:
    """Return notes one after another, each `step` beats long."""
    return [(start + index * step, step, pitch) for index, pitch in enumerate(pitches)]

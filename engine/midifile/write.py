"""Write phrases as `.mid` files, with mido. Every refusal is a `MidiFileError` of one line."""

import io
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import MidiFileError
from engine.midifile.read import BPM_RANGE, DEFAULT_BPM, DRUM_CHANNEL
from engine.music.notes import Note, Phrase

PPQ = 480
"""Ticks in a quarter note of the files that are written."""


@dataclass(frozen=True, slots=True)
class Part:
    """Notes that become one track of a file."""

    name: str
    notes: Sequence[Note]
    """In beats from the start of the file, all of one channel."""
    program: int = 0
    """General MIDI program, 0 to 127; means nothing on the drum channel."""


def write_phrase(
    path: str | Path,
    phrase: Phrase,
    *,
    bpm: float = DEFAULT_BPM,
    name: str = "Antiphon",
    names: Mapping[int, str] | None = None,
    programs: Mapping[int, int] | None = None,
) -> None:
    """Write a phrase, one track for each of its channels.

    Args:
        path: the file; an existing one is replaced.
        phrase: a note ringing beyond its end is ended there.
        bpm: quarter notes a minute, 3.6 to 1000.
        name: track name; with several channels each gets its channel behind it.
        names: track name of a channel, instead.
        programs: General MIDI program of a channel; 0 where not given.

    Raises:
        MidiFileError: it cannot be written.
    """
    by_channel: dict[int, list[Note]] = defaultdict(list)
    for note in phrase.notes:
        by_channel[note.channel].append(note)
    plain = {channel: name if len(by_channel) == 1 else f"{name} {channel + 1}" for channel in by_channel}
    called = plain | dict(names or {})
    parts = [
        Part(called[channel], notes, (programs or {}).get(channel, 0))
        for channel, notes in sorted(by_channel.items())
    ]
    numerator, denominator = _metre_of(phrase.beats_per_bar)
    write_midi(path, parts, bpm, (numerator, denominator), bars=phrase.bars)


def write_midi(
    path: str | Path,
    tracks: Sequence[Part],
    tempo_bpm: float = DEFAULT_BPM,
    metre: tuple[int, int] = (4, 4),
    *,
    bars: int | None = None,
) -> None:
    """Write parts of one tempo and metre; the file ends on a bar line.

    An early first note (a negative onset) starts with the file, its end kept.

    Args:
        path: the file; an existing one is replaced.
        tracks: one track each, on the channel of their notes (9 is drums).
        tempo_bpm: quarter notes a minute, 3.6 to 1000.
        metre: numerator 1 to 255 and denominator, a power of 2 up to 128.
        bars: length; without it the bars that the last note needs. What sounds longer is cut.

    Raises:
        MidiFileError: a value out of range, or the file cannot be written.
    """
    path = Path(path)
    _check_writable(path.name, tracks, tempo_bpm, metre)
    bar_beats = 4.0 * metre[0] / metre[1]
    last = max((note.end_beats for part in tracks for note in part.notes), default=0.0)
    length = bars if bars is not None else max(math.ceil((last - 1e-6) / bar_beats), 1)
    data = _smf_bytes(tracks, tempo_bpm, metre, round(length * bar_beats * PPQ))
    try:
        path.write_bytes(data)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MidiFileError(f"{path.name}: cannot be written ({reason}); choose another place") from None


def _check_writable(name: str, parts: Sequence[Part], bpm: float, metre: tuple[int, int]) -> None:
    low, high = BPM_RANGE
    if not low <= bpm <= high:
        raise MidiFileError(f"{name}: a tempo of {bpm:g} bpm; choose {low:g} to {high:g}")
    if not (1 <= metre[0] <= 255 and metre[1] in {1, 2, 4, 8, 16, 32, 64, 128}):
        raise MidiFileError(
            f"{name}: a metre of {metre[0]}/{metre[1]}; the lower number must be a power of 2"
        )
    for part in parts:
        if len({note.channel for note in part.notes}) > 1:
            raise MidiFileError(f"{name}: part {part.name!r} has several channels; make a part of each")


def _metre_of(beats_per_bar: float) -> tuple[int, int]:
    """Return the metre of a bar's length: quarters where they fit, else a finer unit."""
    for denominator in (4, 8, 16, 32, 64):
        numerator = beats_per_bar * denominator / 4
        if numerator == int(numerator) and 1 <= numerator <= 255:
            return int(numerator), denominator
    raise MidiFileError(f"phrase: bars of {beats_per_bar:g} beats have no metre; use a multiple of 1/16 beat")


def _smf_bytes(parts: Sequence[Part], bpm: float, metre: tuple[int, int], end_tick: int) -> bytes:
    """Return a format 1 file: a conductor track, then the parts."""
    import mido  # 40 ms to load: only who writes a file pays

    file = mido.MidiFile(type=1, ticks_per_beat=PPQ, charset="utf-8")
    conductor = [
        (0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))),
        (0, mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1])),
    ]
    file.tracks.append(_mido_track(conductor, end_tick))
    for part in parts:
        channel = part.notes[0].channel if part.notes else 0
        events = [(0, mido.MetaMessage("track_name", name=part.name))]
        if channel != DRUM_CHANNEL:
            events.append((0, mido.Message("program_change", channel=channel, program=part.program)))
        events += [(tick, mido.Message.from_bytes(data)) for tick, data in _note_events(part.notes, end_tick)]
        file.tracks.append(_mido_track(events, end_tick))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _note_events(notes: Iterable[Note], end_tick: int) -> list[tuple[int, bytes]]:
    """Return note messages in order, note-offs before the note-ons of their tick."""
    events: list[tuple[int, bytes]] = []
    for note in notes:
        start = max(round(note.start_beats * PPQ), 0)
        end = min(max(round(note.end_beats * PPQ), start + 1), end_tick)
        if start < end:
            events.append((start, bytes([0x90 | note.channel, note.pitch, note.velocity])))
            events.append((end, bytes([0x80 | note.channel, note.pitch, 64])))
    return sorted(events, key=lambda event: (event[0], event[1][0] & 0x10))


def _mido_track(events: list[tuple[int, Any]], end_tick: int) -> Any:
    """Turn absolute ticks into deltas and end the track at `end_tick`."""
    import mido

    track, now = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=end_tick - now))
    return track

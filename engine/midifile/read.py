"""Read `.mid` files into songs. Every refusal is a `MidiFileError` of one line."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from engine.errors import MidiFileError
from engine.midifile.smf import MAX_BYTES, SmfFile, parse_smf
from engine.midifile.song import Song, Tempo, Track, metre_spans

PPQ = 480
"""Ticks in a quarter note of the files that are written."""
DEFAULT_BPM = 120.0
BPM_RANGE = 3.6, 1000.0
"""Tempi outside are clamped when read, refused when written."""
SHORTEST_NOTE_BEATS = 1 / 64
"""Length of a note that starts and ends on one tick."""
DRUM_CHANNEL = 9


def read_midi(path: str | Path) -> Song:
    """Read a MIDI file.

    Raises:
        MidiFileError: it cannot be opened or is not a usable MIDI file.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MidiFileError(f"{path.name}: cannot be read ({reason}); check the path") from None
    return song_of_bytes(data, path.name)


def song_of_bytes(data: bytes, name: str) -> Song:
    """Read the bytes of a MIDI file; `name` stands in its errors."""
    name = "".join(char if char.isprintable() else "?" for char in name)
    smf = parse_smf(data, name)
    warnings = list(smf.warnings)
    tracks = tuple(_tracks(smf, warnings))
    ends = [float((track.start_beats + track.duration_beats).max()) for track in tracks]
    length = max([track.end_tick / smf.ppq for track in smf.tracks] + ends, default=0.0)
    metres = [
        (tick / smf.ppq, numerator, denominator)
        for track in smf.tracks
        for tick, numerator, denominator in track.metres
    ]
    return Song(
        name=name,
        form=smf.form,
        ppq=smf.ppq,
        tempos=_tempos(smf, warnings),
        metres=metre_spans(metres, length),
        tracks=tracks,
        length_beats=length,
        warnings=tuple(warnings),
    )


def _tempos(smf: SmfFile, warnings: list[str]) -> tuple[Tempo, ...]:
    """Return the tempo map of all tracks; the last change at a point counts."""
    bpm_at = {0.0: DEFAULT_BPM}
    changes = [change for track in smf.tracks for change in track.tempos]
    for tick, microseconds in sorted(changes, key=lambda change: change[0]):
        bpm = 60e6 / microseconds
        bpm_at[tick / smf.ppq] = min(max(bpm, BPM_RANGE[0]), BPM_RANGE[1])
        if bpm > BPM_RANGE[1] and "tempo above 1000 bpm read as 1000" not in warnings:
            warnings.append("tempo above 1000 bpm read as 1000")
    return tuple(Tempo(start, bpm_at[start]) for start in sorted(bpm_at))


def _tracks(smf: SmfFile, warnings: list[str]) -> Iterable[Track]:
    """Yield one track for each channel that has notes, in the order of the file."""
    for chunk, events in enumerate(smf.tracks):
        starts, ends, pitches, velocities, channels = events.columns()
        for channel in np.unique(channels).tolist():
            rows = np.flatnonzero(channels == channel)
            rows = rows[np.lexsort((pitches[rows], starts[rows]))]
            durations = (ends[rows] - starts[rows]) / smf.ppq
            if (durations <= 0).any():
                warnings.append(f"track {chunk + 1}: notes of no length given 1/64 of a beat")
            yield Track(
                name=events.name,
                chunk=chunk,
                channel=channel,
                program=events.programs[channel],
                start_beats=starts[rows] / smf.ppq,
                duration_beats=np.where(durations > 0, durations, SHORTEST_NOTE_BEATS),
                pitch=pitches[rows],
                velocity=velocities[rows],
            )

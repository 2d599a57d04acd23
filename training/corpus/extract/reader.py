"""Bulk reading of MIDI files into arrays; the only module that imports symusic."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import symusic
from numpy.typing import NDArray

MAX_FILE_BYTES = 16 << 20
"""Larger files are no single piece of music; the biggest orchestral scores stay below 1 MB."""
MAX_BEATS = 100_000
"""More than eight hours at 200 bpm; longer files have corrupt times and would fill the memory."""


class UnusableFileError(Exception):
    """A file that cannot be read; the message is the reason, short and countable."""


@dataclass(frozen=True, slots=True)
class Track:
    """The notes of one track and channel, as arrays of equal length sorted by onset."""

    name: str
    """Track name, possibly empty."""
    program: int
    """General MIDI program, 0 to 127."""
    is_drum: bool
    """Whether it plays on the drum channel."""
    start_ticks: NDArray[np.int64]
    """Onsets."""
    end_ticks: NDArray[np.int64]
    """Releases, after their onset."""
    pitch: NDArray[np.int64]
    """MIDI pitches, 0 to 127."""
    velocity: NDArray[np.int64]
    """MIDI velocities, 1 to 127."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One MIDI file."""

    ticks_per_beat: int
    """Ticks in one quarter note."""
    tracks: tuple[Track, ...]
    """Tracks that have notes."""
    metres: tuple[tuple[int, int, int], ...]
    """`(tick, numerator, denominator)` in order; at tick 0 there always is one."""
    tempos_bpm: tuple[tuple[int, float], ...]
    """`(tick, bpm)` in order; may be empty."""
    end_ticks: int
    """The last release."""
    markers: tuple[tuple[int, str], ...] = ()
    """`(tick, text)` of the marker events, in order."""

    @property
    def notes(self) -> int:
        """Number of notes in all tracks."""
        return sum(len(track.pitch) for track in self.tracks)


def read_piece(path: Path) -> Piece:
    """Read a Standard MIDI File of format 0 or 1.

    Raises:
        UnusableFileError: it cannot be opened, is no sound MIDI file, has no notes, or is too large or long.
    """
    data = _checked_bytes(path)
    try:
        score: Any = symusic.Score.from_midi(data)
    except (RuntimeError, ValueError, MemoryError, UnicodeError) as error:
        raise UnusableFileError(_reason(error)) from error
    tracks = tuple(track for track in map(_track, score.tracks) if len(track.pitch))
    if not tracks:
        raise UnusableFileError("no notes")
    end_ticks = max(int(track.end_ticks.max()) for track in tracks)
    if end_ticks > MAX_BEATS * score.ticks_per_quarter:
        raise UnusableFileError(f"longer than {MAX_BEATS} beats")
    tempos = tuple((int(tempo.time), float(tempo.qpm)) for tempo in score.tempos)
    markers = tuple((int(marker.time), str(marker.text)) for marker in score.markers)
    return Piece(score.ticks_per_quarter, tracks, _metres(score), tempos, end_ticks, markers)


def _checked_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnusableFileError(f"larger than {MAX_FILE_BYTES >> 20} MB")
        data = path.read_bytes()
    except OSError as error:
        raise UnusableFileError(f"cannot be opened: {error.strerror}") from error
    if data[:4] == b"RIFF" and data[8:12] == b"RMID" and data[12:16] == b"data":
        data = data[20:]  # a MIDI file in a RIFF wrapper
    if data[:4] != b"MThd":
        raise UnusableFileError("empty file" if not data else "no MIDI header")
    if len(data) < 14:
        raise UnusableFileError("file ends inside its header")
    return _plain_header(data)


def _plain_header(data: bytes) -> bytes:
    """Check the header and cut one that is longer than 6 bytes down to the known fields."""
    length = int.from_bytes(data[4:8], "big")
    form = int.from_bytes(data[8:10], "big")
    division = int.from_bytes(data[12:14], "big")
    if form == 2:
        raise UnusableFileError("MIDI format 2 (independent patterns)")
    if form > 2:
        raise UnusableFileError("unknown MIDI format")
    if division & 0x8000:
        raise UnusableFileError("SMPTE time division")
    if division == 0:
        raise UnusableFileError("time division 0")
    if 6 < length < 1024:
        return data[:4] + (6).to_bytes(4, "big") + data[8:14] + data[8 + length :]
    return data


def _reason(error: Exception) -> str:
    """Shorten the reader's message to a kind of fault, so that equal faults are counted together."""
    text = str(error).lower()
    for mark, reason in (
        ("chunk length", "track longer than the file (truncated)"),
        ("unexpected eof", "event runs past its track"),
        ("status", "bad status byte"),
        ("get ", "data byte above 127"),
        ("first chunk length", "bad header length"),
    ):
        if mark in text:
            return "corrupt: " + reason
    return f"corrupt: {type(error).__name__}"


def _track(track: Any) -> Track:
    notes = track.notes.numpy()
    start = notes["time"].astype(np.int64)
    end = start + np.maximum(notes["duration"].astype(np.int64), 1)
    pitch, velocity = notes["pitch"].astype(np.int64), notes["velocity"].astype(np.int64)
    order = _order(start, pitch)
    if len(start) and (velocity.min() < 1 or start.min() < 0):
        order = order[(velocity[order] > 0) & (start[order] >= 0)]
    return Track(
        track.name, track.program, track.is_drum, start[order], end[order], pitch[order], velocity[order]
    )


def _order(start: NDArray[np.int64], pitch: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order by onset, then pitch, fast where the notes are sorted already."""
    rank = start * 128 + pitch
    if (rank[1:] >= rank[:-1]).all():
        return np.arange(len(rank))
    return np.argsort(rank, kind="stable")


def _metres(score: Any) -> tuple[tuple[int, int, int], ...]:
    """Return the metre changes in order, the last one at a tick winning; without any the file is in 4/4."""
    by_tick = {0: (4, 4)}
    for event in sorted(score.time_signatures, key=lambda event: event.time):
        if event.numerator > 0 and event.denominator > 0:
            by_tick[max(0, int(event.time))] = (event.numerator, event.denominator)
    return tuple((tick, *by_tick[tick]) for tick in sorted(by_tick))

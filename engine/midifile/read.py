"""Read `.mid` files into songs. Every refusal is a `MidiFileError` of one line."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import MidiFileError, reason_of
from engine.given_places import bytes_at
from engine.midi.messages import CONTROL, PEDALS
from engine.midifile.controllers import as_columns, next_strikes, sustained_ends
from engine.midifile.smf import MAX_BYTES, SmfFile, TrackEvents, parse_smf
from engine.midifile.song import Ints, Song, Tempo, Track, metre_spans
from engine.text import printable

DEFAULT_BPM = 120.0
BPM_RANGE = 3.6, 1000.0
"""Tempi outside are clamped when read, refused when written."""
SHORTEST_NOTE_BEATS = 1 / 64
"""Length of a note that starts and ends on one tick; a tick where that is longer."""

ChannelKey = tuple[int, int]
"""Port and channel."""


def read_midi(path: str | Path, *, keep_pedal: bool = False) -> Song:
    """Read a MIDI file.

    Args:
        path: the file.
        keep_pedal: leave notes under the sustain and sostenuto pedals as their keys were held, and the
            pedals among the messages; otherwise they sound as long as these make them, and these are gone.

    Raises:
        MidiFileError: it cannot be opened or is not a usable MIDI file.
    """
    path = Path(path)
    try:
        data = bytes_at(path, MAX_BYTES)
    except OSError as error:
        raise MidiFileError(
            f"{printable(path.name)}: cannot be read ({reason_of(error)}); check the path"
        ) from None
    return song_of_bytes(data, path.name, keep_pedal=keep_pedal)


def song_of_bytes(data: bytes, name: str, *, keep_pedal: bool = False) -> Song:
    """Read the bytes of a MIDI file; `name` stands in its errors. `keep_pedal` as in `read_midi`."""
    name = printable(name)
    smf = parse_smf(data, name)
    warnings = list(smf.warnings)
    if smf.form != 2 or len(smf.tracks) < 2:
        return _song(name, smf, dict(enumerate(smf.tracks)), warnings, keep_pedal)
    each = [_song(name, smf, {chunk: track}, warnings, keep_pedal) for chunk, track in enumerate(smf.tracks)]
    sounding = tuple(song for song in each if song.tracks) or tuple(each[:1])
    return Song(
        name,
        smf.form,
        smf.ppq,
        sounding[0].tempos,
        sounding[0].metres,
        tuple(track for song in sounding for track in song.tracks),
        sounding[0].length_ticks,
        tuple(warnings),
        sounding,
    )


def _song(
    name: str, smf: SmfFile, chunks: dict[int, TrackEvents], warnings: list[str], keep_pedal: bool
) -> Song:
    """Return the song of chunks that share one map."""
    ends = [events.end_tick for events in chunks.values()]
    tracks = tuple(_tracks(chunks, smf.ppq, max(ends, default=0), warnings, keep_pedal))
    length = max([*ends, *(int(track.end_ticks.max()) for track in tracks)], default=0)
    metres = [metre for events in chunks.values() for metre in events.metres]
    return Song(
        name,
        smf.form,
        smf.ppq,
        _tempos(chunks.values(), warnings),
        metre_spans(metres, length, smf.ppq),
        tracks,
        length,
        tuple(warnings),
    )


def _tempos(chunks: Iterable[TrackEvents], warnings: list[str]) -> tuple[Tempo, ...]:
    """Return the tempo map of all chunks; the last change at a point counts."""
    at = {0: round(60e6 / DEFAULT_BPM)}
    quickest = round(60e6 / BPM_RANGE[1])
    changes = [change for events in chunks for change in events.tempos]
    for tick, microseconds in sorted(changes, key=lambda change: change[0]):
        at[tick] = max(microseconds, quickest)
        if microseconds < quickest and "tempo above 1000 bpm read as 1000" not in warnings:
            warnings.append("tempo above 1000 bpm read as 1000")
    return tuple(Tempo(tick, at[tick]) for tick in sorted(at))


def _tracks(
    chunks: dict[int, TrackEvents], ppq: int, end_tick: int, warnings: list[str], keep_pedal: bool
) -> Iterator[Track]:
    """Yield one track for each channel of a chunk that has notes, in the order of the file."""
    heard = _messages_by_channel(chunks)
    notes = {chunk: events.columns() for chunk, events in chunks.items()}
    sustained = {} if keep_pedal else _sustained(chunks, notes, heard, end_tick)
    for chunk, events in chunks.items():
        starts, releases, pitches, velocities, channels = notes[chunk]
        if (releases <= starts).any():
            warnings.append(f"track {chunk + 1}: notes of no length given 1/64 of a beat")
        for channel in np.unique(channels).tolist():
            rows = np.flatnonzero(channels == channel)
            rows = rows[np.lexsort((pitches[rows], starts[rows]))]
            messages = heard[events.port, channel]
            if not keep_pedal:
                messages = messages[~_is_pedal(messages)]
            lengthened = sustained.get((events.port, channel), {}).get(chunk, releases)
            yield Track(
                name=events.name,
                chunk=chunk,
                channel=channel,
                program=events.programs[channel],
                ppq=ppq,
                start_ticks=starts[rows],
                end_ticks=_some_length(starts[rows], lengthened[rows], pitches[rows], ppq),
                pitch=pitches[rows],
                velocity=velocities[rows],
                release_ticks=releases[rows],
                messages=messages,
            )


def _messages_by_channel(chunks: dict[int, TrackEvents]) -> dict[ChannelKey, Ints]:
    """Return the messages of every channel, whichever chunks they stand in: `[M, 4]` each."""
    rows: dict[ChannelKey, list[Ints]] = defaultdict(list)
    for events in chunks.values():
        messages = events.message_columns()
        for channel in range(16):
            rows[events.port, channel].append(messages[(messages[:, 1] & 0x0F) == channel])
    return {key: as_columns(parts) for key, parts in rows.items()}


def _is_pedal(messages: Ints) -> npt.NDArray[np.bool_]:
    pedal: npt.NDArray[np.bool_] = ((messages[:, 1] & 0xF0) == CONTROL) & np.isin(messages[:, 2], PEDALS)
    return pedal


def _sustained(
    chunks: dict[int, TrackEvents],
    notes: dict[int, tuple[Ints, ...]],
    heard: dict[ChannelKey, Ints],
    end_tick: int,
) -> dict[ChannelKey, dict[int, Ints]]:
    """Return by channel and chunk where its notes end under the pedals, for channels that have one.

    The pedal of a channel holds all its notes, in whichever chunk either stands. `[N]` are all notes
    of the chunk, of which those of the channel count.
    """
    lengthened: dict[ChannelKey, dict[int, Ints]] = {}
    for key, messages in heard.items():
        if not _is_pedal(messages).any():
            continue
        port, channel = key
        rows = {chunk: notes[chunk][4] == channel for chunk in chunks if chunks[chunk].port == port}
        starts, releases, pitches = (
            np.concatenate([notes[chunk][column][mask] for chunk, mask in rows.items()])
            for column in (0, 1, 2)
        )
        ends = sustained_ends(starts, releases, pitches, messages, end_tick)
        counts = np.cumsum([np.count_nonzero(mask) for mask in rows.values()])[:-1]
        for (chunk, mask), part in zip(rows.items(), np.split(ends, counts), strict=True):
            whole = notes[chunk][1].copy()
            whole[mask] = part
            lengthened.setdefault(key, {})[chunk] = whole
    return lengthened


def _some_length(starts: Ints, ends: Ints, pitches: Ints, ppq: int) -> Ints:
    """Give notes of no length 1/64 of a beat, as far as their key is not struck again before, but a tick."""
    empty = ends <= starts
    if not empty.any():
        return ends
    shortest = starts + max(round(SHORTEST_NOTE_BEATS * ppq), 1)
    lasting = np.minimum(shortest, np.maximum(next_strikes(starts, pitches), starts + 1))
    return np.where(empty, lasting, ends)

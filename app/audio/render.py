"""MIDI files as WAV, by a soundfont where there is one, else by the built-in tones."""

import wave
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from app.audio.builtin_synth import Audio, Instrument
from app.audio.mixer import instrument_at
from engine.errors import AntiphonError, MidiFileError, reason_of
from engine.given_places import output_folder
from engine.midifile.read import read_midi
from engine.midifile.song import Song
from engine.staging import staging_folder
from engine.text import printable

RATE = 44_100
TAIL_S = 1.5
"""Of ringing after the last note of a file."""
LONGEST_S = 2 * 3600.0
BLOCK_FRAMES = 1 << 15
OTHER_SOUND = {".mp3", ".ogg", ".flac", ".opus", ".m4a", ".aac", ".aif", ".aiff"}
"""Suffixes that nobody gives a folder."""

Event = tuple[int, int, int, int, int]
"""Frame, 0 for an end or 1 for a beginning, channel, pitch, velocity: sorted, they are in playing order."""


def render_files(files: Sequence[Path], output: Path, say: Callable[[str], None]) -> list[Path]:
    """Render MIDI files to WAV: to one file, one after the other, or each to its own in a folder.

    The sequences of a format-2 file are played one after the other too, each with its own tempos.

    Args:
        files: MIDI files.
        output: a `.wav`, or a folder.
        say: called for each fault of a MIDI file, and for each file that was written.

    Returns:
        The files written.

    Raises:
        MidiFileError: one is no MIDI file, or has no notes.
        AntiphonError: a place is taken or cannot be written.
    """
    songs = [_sounding(file, say) for file in files]
    joined = output.suffix.lower() == ".wav"
    if output.suffix.lower() in OTHER_SOUND:
        raise AntiphonError(f"{output}: sound is written as WAV alone; name it {output.stem}.wav")
    places = {output: songs} if joined else {output / f"{s.name.rsplit('.', 1)[0]}.wav": [s] for s in songs}
    if len(places) < (1 if joined else len(songs)):
        raise AntiphonError(f"{output}: two of the files bear one name; render them apart")
    taken = [place for place in places if place.exists()]
    if taken:
        raise AntiphonError(f"{taken[0]}: is there already; choose another place with -o")
    for place, parts in places.items():
        instrument, name = instrument_at(RATE)
        seconds = _write(place, instrument, parts)
        say(f"{printable(str(place))}: {seconds:.1f} s by {name}")
    return list(places)


def _sounding(file: Path, say: Callable[[str], None]) -> Song:
    song = read_midi(file)
    for warning in song.warnings:
        say(f"{song.name}: {warning}")
    if not song.tracks:
        raise MidiFileError(f"{song.name}: no notes to render; choose a file that has some")
    return song


def _write(place: Path, instrument: Instrument, songs: Sequence[Song]) -> float:
    """Write songs to one WAV file, which appears when it is whole; return its length in seconds."""
    frames = 0
    try:
        with output_folder(place.parent), staging_folder(place.parent) as folder:
            part = folder / "part.wav"
            with wave.open(str(part), "wb") as file:
                file.setnchannels(2)
                file.setsampwidth(2)
                file.setframerate(RATE)
                for song in chain.from_iterable(song.sequences or (song,) for song in songs):
                    for block in sound_of(song, instrument):
                        frames += len(block)
                        file.writeframes((np.clip(block, -1, 1) * 32_767).astype("<i2").tobytes())
            part.replace(place)
    except OSError as error:
        raise AntiphonError(
            f"{printable(str(place))}: cannot be written ({reason_of(error)}); choose another place with -o"
        ) from error
    return frames / RATE


def sound_of(song: Song, instrument: Instrument) -> Iterator[Audio]:
    """Yield a song as blocks of `[frames, 2]` samples at `RATE`, in -1 to 1 if the instrument keeps to it.

    Raises:
        AntiphonError: it lasts longer than two hours.
    """
    events = events_of(song)
    end = (events[-1][0] if events else 0) + int(TAIL_S * RATE)
    if end > LONGEST_S * RATE:
        raise AntiphonError(f"{song.name}: lasts {end / RATE / 3600:.1f} hours; render at most two")
    for channel, pitch in sorted({(event[2], event[3]) for event in events}):
        instrument.prepare(channel, pitch)
    now = 0
    for frame, begins, channel, pitch, velocity in events:
        while now < frame:
            count = min(frame - now, BLOCK_FRAMES)
            yield instrument.render(count)
            now += count
        if begins:
            instrument.note_on(channel, pitch, velocity)
        else:
            instrument.note_off(channel, pitch)
    while now < end:
        count = min(end - now, BLOCK_FRAMES)
        yield instrument.render(count)
        now += count
    instrument.silence()


def events_of(song: Song) -> list[Event]:
    """Return the beginnings and ends of all notes by frame; at one frame ends come first."""
    found: list[Event] = []
    for track in song.tracks:
        rows = (track.start_ticks, track.end_ticks, track.pitch, track.velocity)
        for start, end, pitch, velocity in zip(*(row.tolist() for row in rows), strict=True):
            first = round(seconds_at(song, start) * RATE)
            last = max(first + 1, round(seconds_at(song, end) * RATE))
            found.append((first, 1, track.channel, pitch, velocity))
            found.append((last, 0, track.channel, pitch, 0))
    return sorted(found)


def seconds_at(song: Song, ticks: int) -> float:
    """Return when a point sounds, by all tempo changes before it."""
    starts = [tempo.start_ticks for tempo in song.tempos]
    passed = 0.0
    for number in range(bisect_right(starts, ticks)):
        until = min(ticks, starts[number + 1]) if number + 1 < len(starts) else ticks
        passed += (until - starts[number]) * song.tempos[number].microseconds / 1e6 / song.ppq
    return passed

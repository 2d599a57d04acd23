"""Write phrases as `.mid` files, with mido. Every refusal is a `MidiFileError` of one line."""

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import MidiFileError, reason_of
from engine.midi.messages import NOTE_OFF, PROGRAM, note_on
from engine.midifile.controllers import ONE_BYTE, Message
from engine.midifile.read import BPM_RANGE, DEFAULT_BPM
from engine.music.metre import Metre
from engine.music.notes import DRUM_CHANNEL, TOLERANCE_BEATS, Note, Phrase
from engine.staging import write_whole
from engine.text import printable

CLOCKS_PER_QUARTER = 24
"""MIDI clocks, in which a file says how far its metronome's clicks are apart."""
PPQ = 480
"""Ticks in a quarter note of a file that comes from no other."""
COARSEST_PPQ, FINEST_PPQ = 96, 32767
"""A coarser source is written in a multiple of its ticks, so that a drummer's timing has places to go to."""

Tempos = tuple[tuple[Fraction, int], ...]
"""Tempo map: beats from the start, the first 0, and microseconds of a quarter note."""


class Part(msgspec.Struct, frozen=True):
    """Notes that become one track of a file."""

    name: str
    notes: Sequence[Note]
    """In beats from the start of the file, all of one channel."""
    program: int | None = 0
    """General MIDI program, 0 to 127; None to write none. On the drum channel 0 is not written either."""
    channel: int | None = None
    """Channel to write them on, 0 to 15; None for their own."""
    messages: Sequence[Message] = ()
    """Controllers, programs, pressure and bend, in order of time."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a phrase takes over from the file it comes from. Mappings go by the phrase's channels."""

    ppq: int = PPQ
    """Ticks in a quarter note of that file."""
    tempos: Tempos
    metre: tuple[int, int]
    channels: Mapping[int, int] = {}
    """Channel to write on, where it is another."""
    programs: Mapping[int, int] = {}
    messages: Mapping[int, Sequence[Message]] = {}


def write_phrase(
    path: str | Path,
    phrase: Phrase,
    *,
    bpm: float = DEFAULT_BPM,
    name: str = "Antiphon",
    names: Mapping[int, str] | None = None,
    programs: Mapping[int, int] | None = None,
    setting: Setting | None = None,
) -> None:
    """Write a phrase, one track for each of its channels.

    Args:
        path: the file; an existing one is replaced.
        phrase: a note ringing beyond its end is ended there.
        bpm: quarter notes a minute, 3.6 to 1000; counts without a setting.
        name: track name; with several channels each gets its channel behind it.
        names: track name of a channel, instead.
        programs: General MIDI program of a channel; 0 where not given.
        setting: resolution, tempo map, metre, channels, programs and messages of where it comes from.

    Raises:
        MidiFileError: it cannot be written.
    """
    by_channel: dict[int, list[Note]] = defaultdict(list)
    for note in phrase.notes:
        by_channel[note.channel].append(note)
    written_on = dict(setting.channels) if setting else {}
    if len({written_on.get(channel, channel) for channel in by_channel}) < len(by_channel):
        written_on = {}  # two parts of one channel could not be told apart
    plain = {
        channel: name if len(by_channel) == 1 else f"{name} {written_on.get(channel, channel) + 1}"
        for channel in by_channel
    }
    called = plain | dict(names or {})
    played_with = dict(programs or {}) | dict(setting.programs if setting else {})
    parts = [
        Part(
            called[channel],
            notes,
            played_with.get(channel, 0),
            written_on.get(channel, channel),
            setting.messages.get(channel, ()) if setting else (),
        )
        for channel, notes in sorted(by_channel.items())
    ]
    metre = setting.metre if setting else phrase.metre
    if setting is None:
        write_midi(path, parts, bpm, metre, bars=phrase.bars)
    else:
        ppq = resolution(setting.ppq)
        write_midi(path, parts, metre=metre, bars=phrase.bars, ppq=ppq, tempos=setting.tempos)


def resolution(ppq: int) -> int:
    """Return the smallest multiple of a file's resolution that has ticks for 16ths and is not too coarse."""
    for factor in range(1, FINEST_PPQ // ppq + 1):
        if ppq * factor >= COARSEST_PPQ and ppq * factor % 4 == 0:
            return ppq * factor
    return ppq


def write_midi(
    path: str | Path,
    tracks: Sequence[Part],
    tempo_bpm: float = DEFAULT_BPM,
    metre: tuple[int, int] = (4, 4),
    *,
    bars: int | None = None,
    ppq: int = PPQ,
    tempos: Tempos | None = None,
) -> None:
    """Write parts of one metre; the file ends on a bar line.

    An early first note (a negative onset) starts with the file, its end kept.

    Args:
        path: the file; an existing one is replaced.
        tracks: one track each, on the channel of their notes (9 is drums) unless they name another.
        tempo_bpm: quarter notes a minute, 3.6 to 1000.
        metre: numerator 1 to 255 and denominator, a power of 2 up to 128.
        bars: length; without it the bars that the last note needs. What sounds longer is cut.
        ppq: ticks in a quarter note, 1 to 32767.
        tempos: tempo map, instead of the one tempo.

    Raises:
        MidiFileError: a value out of range, or the file cannot be written.
    """
    path = Path(path)
    name = printable(str(path))
    _check_writable(name, tracks, tempo_bpm, metre)
    bar_beats = Fraction(4 * metre[0], metre[1])
    last = max((note.end_beats for part in tracks for note in part.notes), default=0.0)
    length = bars if bars is not None else max(ceil((last - TOLERANCE_BEATS) / bar_beats), 1)
    tempos = tempos or ((Fraction(0), round(60e6 / tempo_bpm)),)
    data = _smf_bytes(tracks, tempos, metre, ppq, ceil(length * bar_beats * ppq))
    try:
        write_whole(path, data)
    except OSError as error:
        raise MidiFileError(f"{name}: cannot be written ({reason_of(error)}); choose another place") from None


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


def _smf_bytes(
    parts: Sequence[Part], tempos: Tempos, metre: tuple[int, int], ppq: int, end_tick: int
) -> bytes:
    """Return a format 1 file: a conductor track, then the parts."""
    import mido  # 40 ms to load: only who writes a file pays

    file = mido.MidiFile(type=1, ticks_per_beat=ppq, charset="utf-8")
    clocks = max(1, round(CLOCKS_PER_QUARTER * Metre(*metre).pulse_beats))
    signature = {"numerator": metre[0], "denominator": metre[1], "clocks_per_click": clocks}
    conductor = [(0, mido.MetaMessage("time_signature", **signature))]
    conductor += [(floor(at * ppq), mido.MetaMessage("set_tempo", tempo=tempo)) for at, tempo in tempos]
    file.tracks.append(_mido_track(conductor, end_tick))
    for part in parts:
        events = [(0, mido.MetaMessage("track_name", name=part.name))]
        events += [(tick, mido.Message.from_bytes(data)) for tick, data in _part_events(part, ppq, end_tick)]
        file.tracks.append(_mido_track(events, end_tick))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _part_events(part: Part, ppq: int, end_tick: int) -> list[tuple[int, bytes]]:
    """Return the messages of a part in order; of one tick note-offs first, note-ons last."""
    channel = part.channel if part.channel is not None else part.notes[0].channel if part.notes else 0
    messages = [(floor(message.start_beats * ppq), message.data) for message in part.messages]
    starts_with = any(tick == 0 and data[0] == PROGRAM for tick, data in messages)
    events: list[tuple[int, int, bytes]] = []
    if not starts_with and part.program is not None and (part.program or channel != DRUM_CHANNEL):
        events.append((0, 1, bytes([PROGRAM | channel, part.program])))
    for tick, (kind, first, second) in messages:
        values = [first] if kind in ONE_BYTE else [first, second]
        if tick < end_tick:
            events.append((tick, 1, bytes([kind | channel, *values])))
    for note in part.notes:
        start = max(round(note.start_beats * ppq), 0)
        end = min(max(round(note.end_beats * ppq), start + 1), end_tick)
        if start < end:
            events.append((start, 2, note_on(channel, note.pitch, note.velocity)))
            events.append((end, 0, bytes([NOTE_OFF | channel, note.pitch, 64])))
    return [(tick, data) for tick, _, data in sorted(events, key=lambda event: event[:2])]


def _mido_track(events: list[tuple[int, Any]], end_tick: int) -> Any:
    """Turn absolute ticks into deltas and end the track at `end_tick`."""
    import mido

    track, now = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=end_tick - now))
    return track

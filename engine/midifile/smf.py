"""Standard MIDI File bytes as notes, tempo and metre changes: a small strict reader.

A reader of our own, because files come from anywhere and a general library's reader either
refuses what every player plays (running status over a meta event, a wrong track length, a
RIFF wrapper) or has no bounds (variable lengths of a megabyte, negative ticks from an SMPTE
division). This one has few rules:

- what cannot be misunderstood is read, with a warning where the file is at fault;
- what can be is an error of one line: an event cut short, a data byte without a status; but not
  in a chunk beyond the header's count, where sequencers keep data of their own: it is left out;
- time and memory are in proportion to the file, whose size and events are capped; nothing is
  ever allocated because a length field says so.
"""

from collections import deque

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import MidiFileError
from engine.midi.messages import (
    ACTIVE_SENSING,
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CONTINUE,
    CONTROL,
    FIRST_SYSTEM,
    NOTE_OFF,
    NOTE_ON,
    PEDAL_DOWN,
    PEDALS,
    PRESSURE,
    PROGRAM,
    RESET_CONTROLLERS,
    SONG_POSITION,
    START,
    STOP,
    SYSEX,
    SYSEX_END,
    TICK,
)
from engine.text import counted

MAX_BYTES = 8 * 1024 * 1024
MAX_EVENTS = 900_000
MAX_TRACKS = 1024
MAX_MAP_EVENTS = 50_000
"""Tempo and metre changes of a file, together."""
MAX_NAME = 128
"""Characters kept of a track name."""
MAX_WARNINGS = 50
NOTE_VALUES = 5
MESSAGE_VALUES = 4
HEADER_SEARCH_BYTES = 4096
"""MThd may stand behind a RIFF or MacBinary header of at most this size."""
EXPORT_AGAIN = "export it again from the program it was made with"

META = 0xFF
SYSTEM_COMMON_BYTES = {0xF1: 1, SONG_POSITION: 2, 0xF3: 1, 0xF6: 0} | dict.fromkeys(
    (TICK, START, CONTINUE, STOP, ACTIVE_SENSING), 0
)
"""Data bytes of live-only messages that some files contain; they are skipped."""


class TrackEvents(msgspec.Struct):
    """What one MTrk chunk says, in ticks from its start."""

    name: str = ""
    rows: list[int] = []
    """The notes, flat: start, end, pitch, velocity and channel of each in turn."""
    messages: list[int] = []
    """Every other channel message, flat: tick, status byte and two data bytes (0 where it has one)."""
    programs: dict[int, int] = {}
    """The program each channel's first note is played with."""
    port: int = 0
    """MIDI port of its channels, 0 to 255: channel 1 of another port is another channel."""
    tempos: list[tuple[int, int]] = []
    """Tick, microseconds per quarter note (above 0)."""
    metres: list[tuple[int, int, int]] = []
    """Tick, numerator (above 0), denominator."""
    end_tick: int = 0

    def columns(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Return starts, ends, pitches, velocities and channels, `[N]` each."""
        return tuple(np.array(self.rows, dtype=np.int64).reshape(-1, NOTE_VALUES).T)

    def message_columns(self) -> npt.NDArray[np.int64]:
        """Return tick, status and two data bytes of the other messages, `[M, 4]`, in order."""
        return np.array(self.messages, dtype=np.int64).reshape(-1, MESSAGE_VALUES)


class SmfFile(msgspec.Struct):
    """A parsed file."""

    form: int
    """0 one track, 1 tracks side by side, 2 independent ones."""
    ppq: int
    """Ticks in a quarter note, 1 to 32767."""
    tracks: list[TrackEvents]
    warnings: list[str]


def parse_smf(data: bytes, name: str) -> SmfFile:
    """Parse the bytes of a MIDI file; `name` stands in its errors (`MidiFileError`)."""
    if len(data) > MAX_BYTES:
        raise MidiFileError(
            f"{name}: {len(data) / 2**20:.1f} MB, more than the {MAX_BYTES >> 20} MB a MIDI file may have; "
            "split it into shorter files"
        )
    reader = _Reader(data, name)
    return reader.read()


def clean_text(raw: bytes) -> str:
    """Return text of unknown encoding on one line, without control characters, at most 128 long."""
    raw = raw[: 4 * MAX_NAME]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:MAX_NAME]


def notes_in(stream: bytes) -> int:
    """Return how many notes begin in a stream of MIDI bytes."""
    notes, status = 0, 0
    values: list[int] = []
    for byte in stream:
        if byte >= NOTE_OFF:
            status, values = byte, []
            continue
        values.append(byte)
        if len(values) == 2:
            notes += status & 0xF0 == NOTE_ON and values[1] > 0
            values = []
    return notes


class _Reader:
    """Header and chunks."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.warnings: list[str] = []
        self.events_left = MAX_EVENTS
        self.map_events_left = MAX_MAP_EVENTS

    def read(self) -> SmfFile:
        form, promised, ppq, position = self._header()
        bodies = self._track_chunks(position)
        tracks = []
        for number, body in enumerate(bodies, start=1):
            try:
                tracks.append(_TrackReader(self, body, number).read())
            except MidiFileError:
                if number <= max(promised, 1):
                    raise
                self.warn(f"track {number} is not in the header's count and not readable; it was ignored")
        if promised and not tracks:
            raise self.error(f"the header promises {counted(promised, 'track')}, none follow", EXPORT_AGAIN)
        if promised != len(bodies):
            self.warn(f"the header promises {counted(promised, 'track')}, there: {len(bodies)}")
        return SmfFile(form, ppq, tracks, self.warnings)

    def error(self, reason: str, remedy: str) -> MidiFileError:
        return MidiFileError(f"{self.name}: {reason}; {remedy}")

    def warn(self, text: str) -> None:
        if text not in self.warnings and len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(text)

    def _header(self) -> tuple[int, int, int, int]:
        """Return format, number of tracks, ticks per quarter and where the chunks begin."""
        start = self.data.find(b"MThd", 0, HEADER_SEARCH_BYTES)
        if start < 0:
            raise self.error("not a MIDI file (no MThd header)", "choose a .mid file")
        if len(self.data) < start + 14:
            raise self.error("the file ends inside its header", EXPORT_AGAIN)
        if start:
            self.warn(f"{start} bytes in front of the header ignored")
        length, form, promised, division = (
            int.from_bytes(self.data[start + first : start + last])
            for first, last in ((4, 8), (8, 10), (10, 12), (12, 14))
        )
        if length < 6:
            raise self.error(f"a header of {length} bytes instead of 6", EXPORT_AGAIN)
        if division & 0x8000:
            raise self.error(
                "SMPTE time division is not supported", "export it with ticks per quarter note (PPQ)"
            )
        if division == 0:
            raise self.error("0 ticks per quarter note", EXPORT_AGAIN)
        if form > 2:
            self.warn(f"unknown format {form} read as format 1")
        return min(form, 1) if form > 2 else form, promised, division, start + 8 + length

    def _track_chunks(self, position: int) -> list[bytes]:
        chunks: list[tuple[int, int]] = []
        while position + 8 <= len(self.data):
            kind = self.data[position : position + 4]
            length = int.from_bytes(self.data[position + 4 : position + 8])
            named = kind.isascii() and kind.decode("ascii").isprintable()
            after = position + 8 + length
            if not named and self.data[after : after + 4] != b"MTrk":
                self.warn("bytes after the last track ignored")
                break
            if kind == b"MTrk":
                if len(chunks) == MAX_TRACKS:
                    raise self.error(f"more than {MAX_TRACKS} tracks", "split it into several files")
                if position + 8 + length > len(self.data):
                    self.warn(f"track {len(chunks) + 1} claims more bytes than the file has")
                chunks.append((position + 8, min(position + 8 + length, len(self.data))))
            position += 8 + length
        return [self.data[first:last] for first, last in chunks]


class _TrackReader:
    """The events of one MTrk chunk."""

    def __init__(self, file: _Reader, body: bytes, number: int) -> None:
        self.file = file
        self.body = body
        self.number = number
        self.track = TrackEvents()
        self.instrument_name = ""
        self.current_program: dict[int, int] = {}
        self.sounding: dict[int, deque[int]] = {}
        self.pedals: set[tuple[int, int]] = set()
        """Channel and controller of the pedals that are down."""
        self.sysex_goes_on = False
        """Whether a system exclusive message was begun and not ended yet."""
        self.escaped: list[bytes] = []
        """What events say that send bytes as they are."""
        self.ended = False

    def read(self) -> TrackEvents:
        try:
            tick = self._events()
        except IndexError:
            raise self._error("the file is cut short inside an event", EXPORT_AGAIN) from None
        if not self.ended:
            self.file.warn(f"track {self.number} has no end-of-track event")
        self._close_sounding(tick)
        self._count_escaped()
        self.track.end_tick = tick
        self.track.name = self.track.name or self.instrument_name
        return self.track

    def _error(self, reason: str, remedy: str = EXPORT_AGAIN) -> MidiFileError:
        return self.file.error(f"track {self.number}: {reason}", remedy)

    def _events(self) -> int:
        """Read until the end of the track; return its last tick. IndexError: cut short.

        The loop works on local names: it runs once an event.
        """
        body, position, tick, running = self.body, 0, 0, 0
        last, left, note_on, note_off = len(body), self.file.events_left, self._note_on, self._note_off
        messages = self.track.messages
        while position < last and not self.ended:
            delta, position = body[position], position + 1
            if delta > 127:
                delta, position = self._variable_length(position - 1)
            tick += delta
            status = body[position]
            if status < NOTE_OFF:
                status = running
            elif status < FIRST_SYSTEM:
                running, position = status, position + 1
            else:
                position, running = self._other(status, position + 1, tick, running)
                left -= 1
                if left < 0:
                    raise self._too_many()
                continue
            kind, channel, first = status & 0xF0, status & 0x0F, body[position]
            if kind in (PROGRAM, PRESSURE):
                position, second = position + 1, 0
            else:
                position, second = position + 2, body[position + 1]
            if (first | second) > 127 or not kind or not left:
                raise self._bad_event(kind, left, tick)
            if kind == NOTE_ON and second:
                note_on(tick, channel, first, second)
            elif kind <= NOTE_ON:
                note_off(tick, channel, first)
            else:
                messages += (tick, status, first, second)
                if kind == PROGRAM:
                    self.current_program[channel] = first
                elif kind == CONTROL and (first in PEDALS or first >= ALL_SOUND_OFF):
                    self._control(tick, channel, first, second)
            left -= 1
        self.file.events_left = left
        return tick

    def _bad_event(self, kind: int, left: int, tick: int) -> MidiFileError:
        if not left:
            return self._too_many()
        if not kind:
            return self._error(f"a data byte without a status at tick {tick}")
        return self._error(f"a data byte above 127 at tick {tick}")

    def _too_many(self) -> MidiFileError:
        return self.file.error(f"more than {MAX_EVENTS} events", "split it into shorter files")

    def _variable_length(self, position: int) -> tuple[int, int]:
        """Return a number of at most four bytes, and the position after it."""
        body, value = self.body, 0
        for end in (position + 1, position + 2, position + 3, position + 4):
            byte = body[end - 1]
            if byte < 0x80:
                return value << 7 | byte, end
            value = value << 7 | byte & 0x7F
        raise self._error("a variable length of more than 4 bytes")

    def _other(self, status: int, position: int, tick: int, running: int) -> tuple[int, int]:
        """Read a meta, sysex or system message; return the position and running status after it."""
        if status == META:
            kind, position = self.body[position], position + 1
            length, position = self._variable_length(position)
            end = self._end(position, length)
            self._meta(kind, self.body[position:end], tick)
            return end, running  # players keep the running status over a meta event
        if status in (SYSEX, SYSEX_END):
            length, position = self._variable_length(position)
            end = self._end(position, length)
            self._sysex(status, self.body[position:end])
            return end, 0
        if status in SYSTEM_COMMON_BYTES:
            self.file.warn(f"track {self.number}: live-only messages ignored")
            return self._end(position, SYSTEM_COMMON_BYTES[status]), 0
        raise self._error(f"undefined status {status:02X} at tick {tick}")

    def _end(self, position: int, length: int) -> int:
        if position + length > len(self.body):
            raise self._error(f"an event of {length} bytes reaches beyond the end of the track")
        return position + length

    def _sysex(self, status: int, data: bytes) -> None:
        """Pass over system exclusive bytes, and keep those that an event sends as they are: an escape."""
        goes_on = self.sysex_goes_on and (not data or data[0] < NOTE_OFF or data[0] == SYSEX_END)
        if status == SYSEX_END and not goes_on and data.strip(bytes((SYSEX_END,))):
            self.escaped.append(data)
            return
        self.sysex_goes_on = not data.endswith(bytes((SYSEX_END,)))

    def _count_escaped(self) -> None:
        """Say how many escapes were ignored, and how many notes began in them."""
        notes = sum(map(notes_in, self.escaped))
        if self.escaped:
            among = f", {counted(notes, 'note')} among them," if notes else ""
            self.file.warn(f"track {self.number}: {counted(len(self.escaped), 'escape')} (F7){among} ignored")

    def _meta(self, kind: int, data: bytes, tick: int) -> None:
        if kind == 0x2F:
            self.ended = True
        elif kind == 0x03:
            self.track.name = self.track.name or clean_text(data)
        elif kind == 0x04:
            self.instrument_name = self.instrument_name or clean_text(data)
        elif kind == 0x21 and len(data) == 1:
            self.track.port = data[0]
        elif kind in (0x51, 0x58):
            self.file.map_events_left -= 1
            if self.file.map_events_left < 0:
                raise self.file.error(f"more than {MAX_MAP_EVENTS} changes of tempo and metre", EXPORT_AGAIN)
            (self._tempo if kind == 0x51 else self._metre)(data, tick)

    def _tempo(self, data: bytes, tick: int) -> None:
        microseconds = int.from_bytes(data)
        if len(data) == 3 and microseconds:
            self.track.tempos.append((tick, microseconds))
        else:
            self.file.warn(f"track {self.number}: an invalid tempo at tick {tick} ignored")

    def _metre(self, data: bytes, tick: int) -> None:
        if len(data) >= 2 and data[0] and data[1] <= 7:
            self.track.metres.append((tick, data[0], 1 << data[1]))
        else:
            self.file.warn(f"track {self.number}: an invalid time signature at tick {tick} ignored")

    def _note_on(self, tick: int, channel: int, pitch: int, velocity: int) -> None:
        key, rows = channel << 7 | pitch, self.track.rows
        if key not in self.sounding:
            self.sounding[key] = deque()
            self.track.programs.setdefault(channel, self.current_program.get(channel, 0))
        self.sounding[key].append(len(rows) + 1)
        rows += (tick, tick, pitch, velocity, channel)

    def _note_off(self, tick: int, channel: int, pitch: int) -> None:
        """End the oldest note of that pitch; a note-off without one means nothing."""
        waiting = self.sounding.get(channel << 7 | pitch)
        if waiting:
            self.track.rows[waiting.popleft()] = tick

    def _control(self, tick: int, channel: int, number: int, value: int) -> None:
        """Follow the pedals, lift them where controllers are reset, and end notes where all are to end."""
        if number in PEDALS:
            (self.pedals.add if value >= PEDAL_DOWN else self.pedals.discard)((channel, number))
        elif number == RESET_CONTROLLERS:
            for pedal in PEDALS:
                if (channel, pedal) in self.pedals:
                    self.pedals.discard((channel, pedal))
                    self.track.messages += (tick, CONTROL | channel, pedal, 0)
        elif number == ALL_SOUND_OFF or number >= ALL_NOTES_OFF:
            for pitch in range(128):
                while self.sounding.get(channel << 7 | pitch):
                    self._note_off(tick, channel, pitch)

    def _close_sounding(self, tick: int) -> None:
        unended = [index for waiting in self.sounding.values() for index in waiting]
        for index in unended:
            self.track.rows[index] = tick
        if unended:
            self.file.warn(
                f"track {self.number}: {counted(len(unended), 'note')} without an end closed at the end "
                "of the track"
            )

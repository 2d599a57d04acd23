"""The log of a session read back: what was heard, answered and sent in one performance, stretch by stretch.

A stretch is a time in which the song rolled without a jump. Stretches are laid end to end, so that every bar
of the performance has a number of its own; the first has those of the song, and so has each that goes on
further along it.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from engine.errors import AntiphonError, SessionFileError, reason_of
from engine.given_places import bytes_at
from engine.midi.messages import FIRST_SYSTEM, is_note_on, is_whole
from engine.music.metre import Metre
from engine.music.notes import Phrase
from engine.performer.looped_pattern import HALF_STEP_BEATS, SHORTEST_BEATS
from engine.performer.messages import BarCaptured
from engine.session.autosave import log_path
from engine.session.request import Request
from engine.session.store import refusal, with_metre
from engine.text import counted, json_value

LARGEST_BYTES = 64 * 2**20
NEAR_BEATS = 1.0
"""A start this near to where a stretch stands is that stretch."""
FARTHEST_BEATS = float(1 << 20)
"""No song is longer: six days at 120 bpm. A log that says so is damaged, and would be replayed for years."""
_TOLERANCE = 1e-6

Place = Annotated[float, msgspec.Meta(ge=-FARTHEST_BEATS, le=FARTHEST_BEATS)]
"""A position in beats of the song."""


class LoggedTake(msgspec.Struct, frozen=True):
    """An answer that was sent to the performer."""

    pattern: int
    request: Request
    phrase: Phrase
    """As it was rendered."""
    model: str = ""
    """What its model was loaded by."""
    transpose: int = 0
    """Semitones it was shifted by on its way out."""
    loop_bars: int = 0
    """Bars of it that were looped; 0 for all."""
    once: bool = False
    """Whether it was played once."""

    @property
    def sent_phrase(self) -> Phrase:
        """As it was sent."""
        return self.looped(self.phrase.transposed(self.transpose))

    def looped(self, phrase: Phrase) -> Phrase:
        """Return the bars of a phrase that are looped."""
        return phrase.tiled(self.loop_bars) if self.loop_bars else phrase


class Start(msgspec.Struct, frozen=True):
    """A pattern that began to sound; positions in beats of the song."""

    at_beats: Place
    anchor_beats: Place
    pattern: int


class Stretch(msgspec.Struct):
    """A time in which the song rolled without a jump; positions in beats of the song."""

    from_beats: float
    bpm: float
    metre: Metre
    until_beats: float
    first_bar: int = 0
    """Number of its first bar in the performance, from 0."""
    starts: list[Start] = []
    sent: list[tuple[float, bytes]] = []
    """Note-ons and note-offs that left the output."""
    bars: list[BarCaptured] = []
    """What was heard."""

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar."""
        return self.metre.beats_per_bar

    @property
    def song_bar(self) -> int:
        """Number of its first bar in the song, from 0; a clock begins a moment before its line."""
        return math.floor((self.from_beats + HALF_STEP_BEATS) / self.beats_per_bar)

    @property
    def end_bar(self) -> int:
        """Number in the performance of the bar after its last."""
        bars = math.ceil(self.until_beats / self.beats_per_bar - _TOLERANCE) - self.song_bar
        return self.first_bar + max(bars, 1)

    def line_beats(self, bar_number: int) -> float:
        """Return the song position at which a bar of the performance begins."""
        return (bar_number - self.first_bar + self.song_bar) * self.beats_per_bar


class Performance(msgspec.Struct, frozen=True):
    """What was played from one opening of a session to the next."""

    stretches: tuple[Stretch, ...]
    takes: Mapping[int, LoggedTake]
    """By pattern."""

    @property
    def first_bar(self) -> int:
        """Number of the first bar, from 0."""
        return self.stretches[0].first_bar

    @property
    def end_bar(self) -> int:
        """Number of the bar after the last."""
        return self.stretches[-1].end_bar


class _Clock(msgspec.Struct, frozen=True):
    """A clock that starts, stops, jumps or changes its metre, as it is logged."""

    rolling: bool
    at_beats: Place
    bpm: Annotated[float, msgspec.Meta(gt=0)]
    metre: Metre


Records = list[tuple[str, Any]]
"""Kind and content of each record, oldest first."""


def read_performance(session: Path, which: int = 1) -> Performance:
    """Return a performance out of the log beside a session's document.

    Args:
        session: the document, or its log.
        which: 1 for the last performance, 2 for the one before it.

    Raises:
        SessionFileError: there is no log, or nothing rolled in that performance.
    """
    path = session if session.suffix == ".log" else log_path(session)
    try:
        performances = [each for each in _performances(path) if any(kind == "clock" for kind, _ in each)]
        if not performances:
            raise refusal(path, "holds nothing that was played while the clock ran; play first, then replay")
        if not 1 <= which <= len(performances):
            raise refusal(
                path, f"holds {counted(len(performances), 'performance')}, not {which}; 1 is the last"
            )
        return _Reader(performances[-which]).read()
    except SessionFileError:
        raise
    except (msgspec.MsgspecError, AntiphonError, ValueError, RecursionError) as error:
        raise refusal(path, f"is no log of this version of Antiphon ({error})") from None


def _performances(path: Path) -> list[Records]:
    """Return the records of each performance, oldest first; a line that is cut off ends nothing."""
    older, found = path.with_name(f"{path.name}.1"), list[Records]()
    lines = [line for each in (older, path) if each.exists() or each == path for line in _lines(each)]
    for line in lines:
        try:
            record = json_value(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(record, dict):
            continue
        record = with_metre(record, compound=False)  # logs from before bars had a metre
        kind = next((name for name in record if name != "at_s"), "")
        if kind == "begun" or not found:
            found.append([])
        found[-1].append(("free" if record.get("free") else kind, record.get(kind)))
    return found


def _lines(path: Path) -> list[bytes]:
    try:
        data = bytes_at(path, LARGEST_BYTES)
    except OSError as error:
        raise refusal(
            path, f"cannot be read ({reason_of(error)}); only a session with a file keeps one"
        ) from None
    if len(data) > LARGEST_BYTES:
        raise refusal(path, "is larger than any log")
    return data.splitlines()


class _Reader:
    """Lays the records of one performance into stretches."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._stretches: list[Stretch] = []
        self._takes: dict[int, LoggedTake] = {}
        self._rolling = False

    def read(self) -> Performance:
        """Return the performance that the records are of."""
        for kind, content in self._records:
            match kind:
                case "clock":
                    self._clock(msgspec.convert(content, _Clock))
                case "take":
                    take = msgspec.convert(content, LoggedTake)
                    self._takes[take.pattern] = take
                case "started" if self._rolling:
                    self._started(msgspec.convert(content, Start))
                case "sent" if self._stretches:
                    beats, data = msgspec.convert(content, tuple[Place, str])
                    self._sent(beats, bytes.fromhex(data))
                case "bar" if self._stretches:
                    self._bar(msgspec.convert(content, BarCaptured))
        return Performance(tuple(self._stretches), self._takes)

    def _clock(self, clock: _Clock) -> None:
        at, metre = clock.at_beats, clock.metre
        last = self._stretches[-1] if self._stretches else None
        if not clock.rolling:
            if last is not None and self._rolling:
                last.until_beats = max(last.until_beats, at)
            self._rolling = False
            return
        if not metre.is_playable:
            raise ValueError(f"bars of {metre}")
        same = self._rolling and last is not None and last.metre == metre
        if (
            same
            and last is not None
            and max(abs(last.until_beats - at), abs(last.from_beats - at)) < NEAR_BEATS
        ):
            return  # the jump that the start of a pattern has shown already
        self._begin(Stretch(at, clock.bpm, metre, at))

    def _begin(self, new: Stretch) -> None:
        self._rolling = True
        if self._stretches:
            last = self._stretches[-1]
            shift = last.first_bar - last.song_bar
            new.first_bar = max(new.song_bar + shift, last.end_bar)
        else:
            new.first_bar = new.song_bar
        self._stretches.append(new)

    def _started(self, start: Start) -> None:
        self._stretches[-1].starts.append(start)
        self._reaches(start.at_beats)

    def _sent(self, beats: float, data: bytes) -> None:
        if not data or (data[0] < FIRST_SYSTEM and not is_whole(data)):
            raise ValueError(f"{data.hex() or 'nothing'} is no MIDI message")
        self._stretches[-1].sent.append((beats, data))
        self._reaches(beats + SHORTEST_BEATS * is_note_on(data))

    def _bar(self, bar: BarCaptured) -> None:
        """Keep a bar with the stretch it was heard in: it comes a moment after its line."""
        for stretch in reversed(self._stretches[-2:]):
            line, length = bar.bar * bar.beats_per_bar, bar.beats_per_bar
            inside = stretch.from_beats - HALF_STEP_BEATS <= line <= stretch.until_beats + length
            if stretch.metre == bar.metre and inside:
                stretch.bars.append(bar)
                stretch.until_beats = max(stretch.until_beats, line + length)
                return

    def _reaches(self, beats: float) -> None:
        if self._rolling:
            self._stretches[-1].until_beats = max(self._stretches[-1].until_beats, beats)

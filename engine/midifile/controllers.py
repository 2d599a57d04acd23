"""Controllers of a file: the pedals as longer notes, and what is in force where a window begins."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor

import msgspec
import numpy as np
import numpy.typing as npt

from engine.midi.messages import (
    BEND,
    CONTROL,
    FIRST_MODE,
    KEY_PRESSURE,
    PEDAL_DOWN,
    PRESSURE,
    PROGRAM,
    SOSTENUTO,
    SUSTAIN,
)
from engine.midifile.song import Ints, Song, Track

ONE_BYTE = frozenset({PROGRAM, PRESSURE})
"""Messages with one data byte."""
PARAMETER_SELECT = frozenset({98, 99, 100, 101})
"""They select the parameter, NRPN or RPN, that data entry sets."""
DATA_ENTRY = (6, 38)
BEND_CENTRE = (0, 64)
GESTURES = frozenset({(CONTROL, SUSTAIN), (CONTROL, SOSTENUTO)})
"""Pedals that are down for some notes, not for music."""

Data = tuple[int, int, int]
"""Status byte without its channel, and two data bytes."""


class Message(msgspec.Struct, frozen=True):
    """A channel message of a phrase that is no note."""

    start_beats: Fraction
    """From the start of the phrase."""
    data: Data


def sustained_ends(
    start_ticks: Ints, release_ticks: Ints, pitch: Ints, messages: Ints, song_end_ticks: int
) -> Ints:
    """Return where notes of one channel cease to sound under its sustain and sostenuto pedals.

    A note whose key is let go while the sustain pedal is down sounds until the pedal comes up, or until
    its key is struck again. So does one whose key was down as the sostenuto pedal went down, and all that
    is struck at such a key before that comes up. A pedal pressed on the very tick of the release comes
    too late for it.

    Args:
        start_ticks: `[N]` onsets, in any order.
        release_ticks: `[N]` where the keys are let go.
        pitch: `[N]`.
        messages: `[M, 4]` of the channel, in order.
        song_end_ticks: where a pedal that is never let up ends.

    Returns:
        `[N]` ends, none before its release.
    """
    presses, caught_until = _span_around(release_ticks, messages, SOSTENUTO, song_end_ticks)
    caught = _is_down(presses, start_ticks, release_ticks, pitch)
    ends = np.where(caught, caught_until, release_ticks)
    _, ends = _span_around(ends, messages, SUSTAIN, song_end_ticks)
    struck = np.minimum(ends, next_strikes(start_ticks, pitch))
    return np.where(ends > release_ticks, np.maximum(struck, release_ticks), release_ticks)


def _span_around(ticks: Ints, messages: Ints, pedal: int, song_end_ticks: int) -> tuple[Ints, Ints]:
    """Return where the pedal that is down at ticks, `[N]`, went down and comes up; where it is up, these."""
    downs, ups = _pedal_spans(messages, pedal, song_end_ticks)
    if not len(downs):
        return ticks, ticks
    span = np.searchsorted(downs, ticks, side="left") - 1
    down = (span >= 0) & (ticks < ups[np.maximum(span, 0)])
    return np.where(down, downs[np.maximum(span, 0)], ticks), np.where(down, ups[np.maximum(span, 0)], ticks)


def _is_down(ticks: Ints, start_ticks: Ints, release_ticks: Ints, pitch: Ints) -> npt.NDArray[np.bool_]:
    """Return whether each key, `[N]`, is down at its own of `ticks`, `[N]`; not as it is let go."""
    down = np.zeros(len(pitch), np.bool_)
    for key in np.unique(pitch).tolist():
        rows = np.flatnonzero(pitch == key)
        in_order = rows[np.argsort(start_ticks[rows], kind="stable")]
        released = np.maximum.accumulate(release_ticks[in_order])
        last = np.searchsorted(start_ticks[in_order], ticks[rows], side="right") - 1
        down[rows] = (last >= 0) & (ticks[rows] < released[np.maximum(last, 0)])
    return down


def _pedal_spans(messages: Ints, controller: int, song_end_ticks: int) -> tuple[Ints, Ints]:
    """Return where a pedal goes down and where it comes up, `[P]` each."""
    pedal = messages[((messages[:, 1] & 0xF0) == CONTROL) & (messages[:, 2] == controller)]
    is_down = pedal[:, 3] >= PEDAL_DOWN
    changed = np.diff(is_down, prepend=False)
    ticks = pedal[changed, 0]
    downs, ups = ticks[0::2], ticks[1::2]
    if len(ups) < len(downs):
        ups = np.append(ups, max(song_end_ticks, int(downs[-1])))
    return downs, ups


def next_strikes(start_ticks: Ints, pitch: Ints) -> Ints:
    """Return for each note, `[N]`, where its key is struck next, later than it."""
    following = np.full(len(pitch), np.iinfo(np.int64).max)
    for key in np.unique(pitch).tolist():
        rows = np.flatnonzero(pitch == key)
        strikes = np.unique(start_ticks[rows])
        after = np.searchsorted(strikes, start_ticks[rows], side="right")
        later = after < len(strikes)
        following[rows[later]] = strikes[after[later]]
    return following


def messages_of(song: Song, track: Track, start_ticks: Fraction, end_ticks: Fraction) -> tuple[Message, ...]:
    """Return the messages that a window of a track needs to sound as it does in the song.

    First, at its start, what is in force there (the last of every controller, the program, pressure
    and bend, and the parameters set by data entry); then what changes inside. Channel mode
    messages are left out.

    Args:
        song: whose resolution the ticks are of.
        track: of the song.
        start_ticks: of the window.
        end_ticks: of the window, not included.
    """
    ticks = track.messages[:, 0]
    before = ticks <= floor(start_ticks)
    inside = ~before & (ticks < ceil(end_ticks))
    state = [Message(Fraction(0), data) for data in in_force(_data(track.messages[before]))]
    moved = zip(ticks[inside].tolist(), _data(track.messages[inside]), strict=True)
    return (
        *state,
        *(Message((tick - start_ticks) / song.ppq, data) for tick, data in moved if _passes(data)),
    )


def _data(messages: Ints) -> Iterator[Data]:
    return ((status & 0xF0, first, second) for _, status, first, second in messages.tolist())


def _passes(data: Data) -> bool:
    return data[0] != CONTROL or data[1] < FIRST_MODE


def in_force(messages: Iterator[Data]) -> list[Data]:
    """Return the messages that bring a channel into the state that messages left it in."""
    last: dict[tuple[int, ...], Data] = {}
    parameters: dict[tuple[Data, ...], dict[int, Data]] = {}
    selected: dict[int, Data] = {}
    for data in filter(_passes, messages):
        kind, number, _ = data
        if kind == CONTROL and number in PARAMETER_SELECT:
            pair = {98, 99} if number < 100 else {100, 101}
            selected = {old: set_ for old, set_ in selected.items() if old in pair} | {number: data}
        elif kind == CONTROL and number in DATA_ENTRY and selected:
            parameters.setdefault(tuple(selected.values()), {})[number] = data
        else:
            last[_slot(data)] = data
    entered = [data for select, entries in parameters.items() for data in (*select, *entries.values())]
    banks = [data for slot, data in last.items() if slot in ((CONTROL, 0), (CONTROL, 32))]
    rest = [data for data in last.values() if data not in banks and not _at_rest(data)]
    return [*banks, *rest, *entered, *(selected.values() if entered else ())]


def _slot(data: Data) -> tuple[int, ...]:
    """Return what a message replaces the state of."""
    return data[:2] if data[0] in (CONTROL, KEY_PRESSURE) else data[:1]


def _at_rest(data: Data) -> bool:
    kind, first, second = data
    if kind == BEND:
        return (first, second) == BEND_CENTRE
    if kind == KEY_PRESSURE:
        return second == 0
    return kind == PRESSURE and first == 0


def without_gestures(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the state that messages leave behind for music that follows: no pedal, bend or pressure."""
    state = in_force(message.data for message in messages)
    lasting = [
        data for data in state if data[0] not in (BEND, PRESSURE, KEY_PRESSURE) and data[:2] not in GESTURES
    ]
    return tuple(Message(Fraction(0), data) for data in lasting)


def as_columns(rows: list[Ints]) -> Ints:
    """Join the messages of several chunks, `[M, 4]`, in order of time."""
    joined: npt.NDArray[np.int64] = np.concatenate(rows) if rows else np.zeros((0, 4), np.int64)
    return joined[np.argsort(joined[:, 0], kind="stable")]

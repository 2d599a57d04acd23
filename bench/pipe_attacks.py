"""Sends damaged messages through the pipe between controller and performer: neither side may fail or hang.

usage: python bench/pipe_attacks.py [--count 20000] [--seed 0] [commands] [events]

Of whole messages a value is changed in most cases, their bytes in the others. `commands` go to a host with a
whole performer on recording ports, which plays on; now and then the host ends, and no note may be left on.
`events` go to a client's memory and a session with a small model, whose successor's commands must be finite
and understood, and whose snapshot must be shown in words.
The same seed and number make the same message.

Prints how many were left out with a line, and anything else, which should be none: an exception, a note that
is left on, more than `SLOW_S` of processor time.
"""

import argparse
import copy
import json
import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from mutated_bundles import changed

from app.event_log import record_of
from app.live import Stream
from engine.inference.bundle.store import load_bundle
from engine.inference.model import Model
from engine.installed_bundles import SHIPPED
from engine.midi.messages import is_note_off, is_note_on, key
from engine.midi.recording_ports import RecordingBackend
from engine.music.metre import Metre
from engine.performer import messages as m
from engine.performer.performer import Performer
from engine.performer.restore import Memory
from engine.performer.supervisor import Host
from engine.session.session import Session

SLOW_S = 2.0
NOTES = (m.NoteData(-0.1, 60, 1.5, 90, 0), m.NoteData(1.0, 64, 2.9, 80, 2), m.NoteData(3.5, 38, 0.2, 70, 9))
COMMANDS: tuple[m.Command, ...] = (
    m.SetPattern(1, NOTES, 1),
    m.SetPattern(2, NOTES, 2, "bar", 4.0, 8.0, 16.0, True),
    m.ClearPattern(),
    m.SetTempo(120.0),
    m.SetMetre(Metre(3, 4)),
    m.SetClock("internal", True),
    m.SetInput(True, True, False),
    m.SetOffset(-12.0),
    m.SetMetronome(True),
    m.MeasureLoop(),
    m.Play(5.0, 1),
    m.Stop(),
    m.Feed(NOTES, 2),
    m.Panic(),
    m.Ping(3),
)
EVENTS: tuple[m.Event, ...] = (
    m.Ready("jack", "Antiphon In", "Antiphon Out", True, "Antiphon"),
    m.BarCaptured(3, NOTES, (0,), 120.0, Metre(), 10**9),
    m.ClockState("rolling", "internal", 120.0, 5.0, Metre(), 10**9, 0.5, True, 0, 0),
    m.LinkState(True, 2, 121.0),
    m.LoopMeasured((10.0, 11.0, 12.0), 4),
    m.Heard(10**9, 4.0, b"\x90\x3c\x40"),
    m.Heard(10**9, 4.0, b"\xb0\x01\x40"),
    m.InputCounts("Antiphon In", 1, 2, 3, (("echo", 4),)),
    m.Played(10**9, 10**9, 4.0, b"\x90\x3c\x40"),
    m.PatternStarted(1, 4.0, 10**9),
    m.PortLost("gone", "wait", ("a", "b")),
    m.PortBack("jack"),
    m.Connections(("a:b",), ("c:d",)),
    m.Fault("a fault"),
    m.Pong(1, 2, 3),
    m.Bye(),
)
ODD: tuple[Any, ...] = (
    None, True, 0, 1, -1, 127, 128, 255, 10**6, 2**31, 2**63 - 1, -(2**63), 2**64 - 1, 0.5, -0.0, -3.25,
    1e-300, 5e-324, 1e9, 1e18, 1e308, -1e308, float("nan"), float("inf"), "", "x", "\n\x1b[2J", "phrase",
    "rolling", "a\0b", b"", b"\xff", b"\x90\xff\xff", b"\x90", [], {}, [0.0, 60, 1.0, 90, 0],
    [[0.0, 60, 1e308, 90, 0]], [4, 4], [255, 64], [7, 1], [0, 0], "a" * 10**5,
)  # fmt: skip
"""What may stand in the place of a value; doubled notes come besides."""


def damaged(messages: tuple[m.Message, ...], rng: random.Random) -> bytes:
    """Return the frame of a message with one or two values changed, or with changed bytes."""
    frame = m.encode(rng.choice(messages))
    if rng.random() < 0.2:
        return changed(frame, rng)
    values = msgspec.msgpack.decode(frame)
    for _ in range(rng.choice((1, 1, 2))):
        places = list(_places(values))
        if not places:
            break
        holder, at = rng.choice(places)
        if isinstance(holder[at], list) and rng.random() < 0.3:
            holder[at] = copy.deepcopy(holder[at]) * rng.choice((2, 1000))
        elif not isinstance(holder[at], list) or rng.random() < 0.1:
            holder[at] = copy.deepcopy(rng.choice(ODD))
    return msgspec.msgpack.encode(values)


def _places(values: Any) -> Iterator[tuple[Any, Any]]:
    inside = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    for at, part in inside:
        if at != "type":
            yield values, at
        yield from _places(part)


class HostSide:
    """A performer's host that plays; what is sent to it comes as from the pipe."""

    def __init__(self) -> None:
        """Start playing."""
        self.now_ns = 10**9
        self.events: list[m.Event] = []
        self.port = RecordingBackend(lambda: self.now_ns, 20_000_000)
        self.host = Host(open_backend=lambda: self.port, make_performer=Performer, send=self.events.append)
        self.host.start(self.now_ns, patient=False)
        for command in (COMMANDS[0], m.Play()):
            self.host.receive(m.encode(command))
        self._let_go_on(100)

    def take(self, frame: bytes, rng: random.Random) -> str:
        """Take a frame and go on; return what was wrong, empty if nothing."""
        self.host.receive(frame)
        self._let_go_on(rng.choice((4, 60)))
        if rng.random() < 0.02:
            return self._end()
        for event in self.events:
            if m.decode_event(m.encode(event)) != event:
                return f"an event that is not understood: {event}"
        reported = any(isinstance(event, m.Fault) for event in self.events)
        self.events.clear()
        return "left out" if reported else ""

    def _let_go_on(self, ms: int) -> None:
        self.host.receive(m.encode(m.Ping(1)))
        for _ in range(ms // 2):
            self.host.turn(self.now_ns)
            self.now_ns += 2_000_000

    def _end(self) -> str:
        self.host.finish(self.now_ns)
        self.now_ns += 10**9
        self.port.output.take_sent()
        on = set()
        for _, _, data in self.port.output.log:
            if any(byte > 127 for byte in data[1:]):
                return f"no MIDI message: {data.hex()}"
            if is_note_on(data):
                on.add(key(data))
            elif is_note_off(data):
                on.discard(key(data))
        self.__init__()  # type: ignore[misc]
        return f"notes left on: {on}" if on else ""


class _Client:
    """Stands for the performer's client: what it is given arrives, what is sent is kept."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.waiting: list[m.Event] = []
        self.refused: list[str] = []

    def send(self, command: m.Command) -> None:
        try:
            m.check(command)
        except m.MessageError as error:  # on a thread of the session, perhaps
            self.refused.append(f"{error}: {command!r:.300}")
        self.memory.remember(command)

    def poll(self) -> list[m.Event]:
        events, self.waiting = self.waiting, []
        return events

    def close(self) -> None: ...


class ControllerSide:
    """A session with a model; what is given to it comes as from the pipe."""

    def __init__(self) -> None:
        """Begin a session."""
        self._model = Model.load(load_bundle(SHIPPED / "melody_2bar"), "float")
        self._begin()

    def _begin(self) -> None:
        self._client = _Client()
        self._stream = Stream(lambda line: None)
        self._session = Session(self._client, on_event=lambda event: json.dumps(record_of(event)))
        self._session.start(self._model)

    def take(self, frame: bytes, rng: random.Random) -> str:
        """Take a frame and go on; return what was wrong, empty if nothing."""
        try:
            event = m.decode_event(frame)
        except m.MessageError:
            return "left out"
        self._client.memory.notice(event)
        self._client.waiting.append(event)
        self._session.poll()
        self._session.wait_idle()
        self._session.poll()
        self._stream.follow(self._session.snapshot(), time.monotonic_ns())
        for command in self._client.memory.restoration(time.monotonic_ns()):
            m.check(command)
        for option in self._client.memory.options(again=True):
            if "\x00" in option:
                return f"an option that starts no process: {option!r}"
        if self._client.refused:
            return f"a command that is refused: {self._client.refused.pop()}"
        if rng.random() < 0.01:
            self._session.close()
            self._begin()
        return ""


def run(name: str, messages: tuple[m.Message, ...], make: Callable[[], Any], count: int, seed: int) -> None:
    """Send many and print what became of them."""
    found, slowest, side = Counter[str](), (0.0, 0), make()

    def hang(*_: object) -> None:
        raise TimeoutError("hangs")

    signal.signal(signal.SIGALRM, hang)
    for number in range(count):
        rng = random.Random(f"{seed}/{name}/{number}")
        frame = damaged(messages, rng)
        began_s = time.process_time()
        signal.alarm(20)
        try:
            became = side.take(frame, rng)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            became = f"{type(error).__name__} {str(error)[:120]} at {Path(last.filename).name}:{last.lineno}"
            side = make()
        signal.alarm(0)
        took_s = time.process_time() - began_s
        slowest = max(slowest, (took_s, number))
        if took_s > SLOW_S:
            became = f"took {took_s:.1f} s"
        if became not in ("", "left out"):
            print(
                f"{name} {number}: {became}; {msgspec.msgpack.decode(frame) if frame else ''!r:.300}",
                flush=True,
            )
        found[became] += 1
    usual = {"taken": found.pop("", 0), "left out": found.pop("left out", 0)}
    print(f"{name}: {usual}, others {found.total()}, slowest {slowest}", flush=True)


def main() -> None:
    """Try the ways that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("way", nargs="*", choices=["commands", "events", []])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sides = {"commands": (COMMANDS, HostSide), "events": (EVENTS, ControllerSide)}
    for name in options.way or sides:
        run(name, *sides[name], options.count, options.seed)


if __name__ == "__main__":
    main()

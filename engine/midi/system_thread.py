"""The thread on which a MIDI system's calls are made, so that one that never returns holds up nobody else.

A server that is stopped or hung lets itself be called and does not answer, and its library waits for it
without end. All calls of a system go through one thread, in order: CoreMIDI tells what is new to the thread
that asked first, and JACK's library lets only one client in or out at a time.
"""

import threading
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from engine.errors import PortError

OPEN_S = 3.0
"""How long a system may take to open ports or to list them."""
OPEN_AGAIN_S = 1.0
"""How long the performer, which has its heartbeat to keep, waits for ports that it opens again."""
LOOK_S = 1.0
"""How long it waits for a list of ports."""
CLOSE_S = 1.0
"""How long it waits for ports to close."""
_UNANSWERED = {
    "jack": "JACK: the server does not answer; end it and start it again, or use another back end",
    "alsa": "ALSA: the sequencer does not answer; unplug the device that hangs, or use another back end",
    "coremidi": "CoreMIDI: its server does not answer; unplug the device that hangs, or log in again",
    "winmm": "WinMM: a driver does not answer; unplug its device and plug it in again",
}

T = TypeVar("T")


class UnansweredError(PortError):
    """A MIDI system that did not answer in time."""


class Call(Generic[T]):
    """Something that is asked of a MIDI system, and its answer once there is one."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._returned = threading.Event()
        self._answer: T
        self._error: Exception | None = None

    def make(self) -> None:
        """Do the work and keep what came of it."""
        try:
            self._answer = self._work()
        except Exception as error:
            self._error = error
        self._returned.set()

    def returned(self, wait_s: float = 0.0) -> bool:
        """Return whether there is an answer, waiting for it for a limited time."""
        return self._returned.wait(wait_s)

    def answer(self) -> T:
        """Return what the work returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._answer


class SystemThread:
    """Makes the calls of one MIDI system, one after the other. Nothing waits for its end."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._calls: SimpleQueue[Call[Any]] = SimpleQueue()
        self._overdue: Call[Any] | None = None
        self._thread = threading.Thread(target=self._run, name=f"midi-{system}", daemon=True)
        self._thread.start()

    def begin(self, work: Callable[[], T]) -> Call[T]:
        """Make a call as soon as those before it have returned; never blocks."""
        call = Call(work)
        self._calls.put(call)
        return call

    def answer(self, call: Call[T], wait_s: float) -> T:
        """Wait for a call that has begun, and return what it returned.

        Raises:
            UnansweredError: It took longer; said at once where one before it is overdue already.
        """
        if self._overdue is not None and not self._overdue.returned():
            wait_s = 0.0
        if not call.returned(wait_s):
            self._overdue = call
            raise UnansweredError(_UNANSWERED[self._system])
        return call.answer()

    def ask(self, work: Callable[[], T], wait_s: float) -> T:
        """Make a call and return what it returned; on the thread itself it is simply made.

        Raises:
            UnansweredError: It took longer; it is made all the same.
        """
        if threading.current_thread() is self._thread:
            return work()
        return self.answer(self.begin(work), wait_s)

    def _run(self) -> None:
        while True:
            self._calls.get().make()


@cache
def system_thread(system: str) -> SystemThread:
    """Return the process's one thread for a MIDI system."""
    return SystemThread(system)

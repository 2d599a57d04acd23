"""Where both threads of a session put up what is to be seen."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.snapshot import Mood, Notice, Snapshot

LATENESS_WINDOW = 256


class Board:
    """The latest snapshot, and the notices by what they are about. Any thread may call."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._base = Snapshot()
        self._notices: dict[str, Notice] = {}
        self._late_ns: deque[int] = deque(maxlen=LATENESS_WINDOW)
        self._shown: Snapshot | None = None

    @property
    def base(self) -> Snapshot:
        """What was set last; only the fields given to `set` are filled in."""
        return self._base

    def set(self, **values: Any) -> None:
        """Change fields of the snapshot."""
        with self._lock:
            self._base = replace(self._base, **values)
            self._shown = None

    def touch(self) -> None:
        """Something that `show` fills in has changed."""
        with self._lock:
            self._shown = None

    def tell(self, about: str, text: str, remedy: str = "", mood: Mood = "bad") -> None:
        """Put up a notice in place of an older one about the same thing."""
        with self._lock:
            self._notices.pop(about, None)
            self._notices[about] = Notice(text, remedy, mood, self._now_ns())
            self._shown = None

    def untell(self, *about: str) -> None:
        """Take notices down, if they are there."""
        with self._lock:
            for what in about:
                if self._notices.pop(what, None) is not None:
                    self._shown = None

    def dismiss(self) -> None:
        """Take every notice down."""
        with self._lock:
            self._notices.clear()
            self._shown = None

    def late(self, late_ns: int) -> None:
        """Count how late a message left."""
        with self._lock:
            self._late_ns.append(late_ns)
            self._shown = None

    def show(self, fill: Callable[[], dict[str, Any]]) -> Snapshot:
        """Return the snapshot: the same object as before where nothing has changed.

        Args:
            fill: returns the fields that are kept elsewhere; called only if needed.
        """
        with self._lock:
            if self._shown is None:
                notices = tuple(self._notices.values())
                late_ms = _percentile_ms(self._late_ns)
                self._shown = replace(self._base, **fill(), notices=notices, late_ms=late_ms)
            return self._shown


def _percentile_ms(values_ns: deque[int]) -> float | None:
    """Return the 99th percentile in milliseconds."""
    if not values_ns:
        return None
    ordered = sorted(values_ns)
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] / 1e6

"""One thread that computes the newest request and forgets those it never came to."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Job = TypeVar("Job")


class LatestWorker(Generic[Job]):
    """Runs `handle(job)` on a thread of its own, always for the newest job submitted.

    A job that is replaced before its turn is dropped; one that has begun is finished, so that a
    slider in motion still gets answers on its way. `handle` must not raise.
    """

    def __init__(self, handle: Callable[[Job], None], name: str = "inference") -> None:
        self._handle = handle
        self._changed = threading.Condition()
        self._waiting: Job | None = None
        self._busy = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Hand over a job in place of the one that waits. Called from any thread."""
        with self._changed:
            self._waiting = job
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is running or waiting; return False if the time ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy and self._waiting is None, timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Drop what waits and end the thread. Closing twice is harmless."""
        with self._changed:
            self._closed = True
            self._waiting = None
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._handle(job)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _next(self) -> Job | None:
        """Wait for a job; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting is not None)
            job, self._waiting = self._waiting, None
            self._busy = job is not None
            return job

"""The inference thread: jobs by kind, the newest of each kind wins, the first kind goes first."""

import threading
from collections.abc import Callable, Iterator, Sequence

Job = Callable[[], Iterator[None]]
"""Work in slices: what it yields is ignored; between two slices a job of an earlier kind may run."""


class Jobs:
    """Runs jobs on one thread of its own.

    A job that is replaced before its turn is never begun; one that waits between two slices is dropped when
    a newer one of its kind comes. A slice that has begun is finished, so that a slider in motion still gets
    answers on its way. Jobs must not raise.
    """

    def __init__(self, kinds: Sequence[str], name: str = "inference") -> None:
        """Start the thread.

        Args:
            kinds: names of the kinds of job, the most urgent first.
            name: of the thread.
        """
        self._kinds = tuple(kinds)
        self._changed = threading.Condition()
        self._waiting: dict[str, Job] = {}
        self._begun: dict[str, Iterator[None]] = {}
        self._busy = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, kind: str, job: Job) -> None:
        """Hand over a job in place of those of its kind that wait. Called from any thread.

        Raises:
            KeyError: there is no such kind.
        """
        if kind not in self._kinds:
            raise KeyError(kind)
        with self._changed:
            self._waiting[kind] = job
            self._changed.notify_all()

    def cancel(self, kind: str) -> None:
        """Drop the jobs of a kind that wait, also between two slices."""
        with self._changed:
            self._waiting.pop(kind, None)
            self._begun.pop(kind, None)
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing runs or waits; return False if the time ran out."""
        with self._changed:
            return self._changed.wait_for(self._idle, timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Drop what waits and end the thread. Closing twice is harmless."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._begun.clear()
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _idle(self) -> bool:
        return not self._busy and not self._waiting and not self._begun

    def _run(self) -> None:
        while (kind := self._next_kind()) is not None:
            ended = True
            work = self._work(kind)
            try:
                if work is not None:
                    next(work)
                    ended = False
            except StopIteration:
                pass
            finally:
                with self._changed:
                    self._busy = False
                    if ended and self._begun.get(kind) is work:
                        self._begun.pop(kind, None)
                    self._changed.notify_all()

    def _next_kind(self) -> str | None:
        """Wait for work and return its kind; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting or self._begun)
            if self._closed:
                return None
            self._busy = True
            return next(kind for kind in self._kinds if kind in self._waiting or kind in self._begun)

    def _work(self, kind: str) -> Iterator[None] | None:
        """Return the job to go on with: a newer one in place of one that has begun."""
        with self._changed:
            if kind in self._waiting:
                self._begun[kind] = self._waiting.pop(kind)()
            return self._begun.get(kind)

"""Reads MIDI files for a style on a thread of its own, which is started when the first are asked for."""

from collections.abc import Callable, Iterator
from pathlib import Path

from engine.errors import AntiphonError
from engine.session import intents as i
from engine.session.jobs import Jobs
from engine.session.state import ReadStyle

Report = i.StyleProgress | i.StyleRead | i.StyleRefused
JOB = "style"


class StyleReader:
    """Reads what was asked for last; what it finds is handed over on its own thread."""

    def __init__(self, report: Callable[[Report], None]) -> None:
        """Begin with nothing to read.

        Args:
            report: takes how far the reading is, and how it ended; any thread.
        """
        self._report = report
        self._jobs: Jobs | None = None

    def read(self, asked: ReadStyle) -> None:
        """Read files in place of those that are being read; without paths, end that."""
        if self._jobs is None:
            self._jobs = Jobs((JOB,), "files")
        if asked.paths:
            self._jobs.submit(JOB, lambda: self._reading(asked))
        else:
            self._jobs.cancel(JOB)

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing is being read; return False if the time ran out."""
        return self._jobs is None or self._jobs.wait_idle(timeout_s)

    def close(self) -> None:
        """End the thread after the file that it reads. Closing twice is harmless."""
        if self._jobs is not None:
            self._jobs.close()

    def _reading(self, asked: ReadStyle) -> Iterator[None]:
        """Learn a style from files, one file a slice."""
        from engine.midifile.style_files import style_of_files  # a start need not wait for it

        def progress(done: int, of: int) -> None:
            self._report(i.StyleProgress(asked.number, done, of))

        try:
            read = yield from style_of_files([Path(each) for each in asked.paths], progress)
        except AntiphonError as error:
            self._report(i.StyleRefused(asked.number, str(error)))
        except Exception as error:  # a thread that ends silently would read for ever
            reason = f"the files cannot be read: {type(error).__name__}: {error}"
            self._report(i.StyleRefused(asked.number, reason))
        else:
            self._report(i.StyleRead(asked.number, read.style, read.line, len(read.ignored)))

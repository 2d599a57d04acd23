"""The thread that saves the document and appends to the log beside it; nothing it meets stops the music."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.errors import reason_of
from engine.session.document import Document
from engine.session.store import write_document
from engine.text import json_bytes, printable

EVERY_S = 1.0
"""The document is written at most so often; so a crash loses little more than this, and less than 2 s."""
RETRY_S = 10.0
"""How long after a failure it is tried again."""
RECORDS_KEPT = 10_000
"""Records that wait while the log cannot be written; older ones are lost."""
LOG_BYTES = 16 * 2**20
"""A log that has grown to this goes on in a new file; one older is kept."""

Report = Callable[[str, bool, str], None]
"""Called with the file, whether all of it is saved, and one line where it cannot be; on the saving thread."""


def log_path(path: Path) -> Path:
    """Return where the log of a document is."""
    return path.with_name(f"{path.name}.log")


class Autosave:
    """Keeps one document and its log. Any thread may call."""

    def __init__(self, path: Path, report: Report, *, every_s: float = EVERY_S) -> None:
        """Start the thread.

        Args:
            path: the document's file; its folder is made when it is first saved.
            report: see `Report`.
            every_s: least time between two writes of the document.
        """
        self.path = path
        self._report, self._every_s = report, every_s
        self._changed = threading.Condition()
        self._document: Document | None = None
        self._records: list[bytes] = []
        self._written_s = -RETRY_S
        self._writing = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)
        self._thread.start()

    def save(self, document: Document) -> None:
        """Save a document in place of one that waits."""
        with self._changed:
            self._document = document
            self._changed.notify_all()

    def log(self, record: Mapping[str, Any]) -> None:
        """Append a record to the log, with the time of day."""
        line = json_bytes({"at_s": round(time.time(), 3), **record})
        with self._changed:
            self._records.append(line)

    def hurry(self) -> None:
        """Write what waits now, whatever the least time between two writes."""
        with self._changed:
            self._written_s = -RETRY_S
            self._changed.notify_all()

    def written(self, timeout_s: float = 5.0) -> Iterator[None]:
        """Yield until no record waits, for at most `timeout_s`; a moment passes each time."""
        end_s = time.monotonic() + timeout_s
        while (self._records or self._writing) and time.monotonic() < end_s:
            time.sleep(0.01)
            yield

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what waits and end the thread. Closing twice is harmless."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    # On the saving thread --------------------------------------------------------------------

    def _run(self) -> None:
        while self._wait():
            self._write()
        self._write()

    def _wait(self) -> bool:
        """Wait until there is something to write and its time has come; return False once closed."""
        with self._changed:
            while not self._closed:
                left_s = self._written_s + self._every_s - time.monotonic()
                if left_s <= 0 and (self._document is not None or self._records):
                    return True
                self._changed.wait(max(left_s, 0.05) if self._document or self._records else self._every_s)
            return False

    def _write(self) -> None:
        with self._changed:
            document, self._document = self._document, None
            records, self._records = self._records, []
            self._writing = document is not None or bool(records)
        if document is None and not records:
            return
        problem = self._problem(document, records)
        self._written_s = time.monotonic()
        if problem:
            self._written_s += RETRY_S - self._every_s
            with self._changed:
                self._document = self._document or document
                self._records = [*records, *self._records][-RECORDS_KEPT:]
        self._writing = False
        self._report(str(self.path), not problem and self._document is None, problem)

    def _problem(self, document: Document | None, records: list[bytes]) -> str:
        """Write and return one line about what cannot be, else nothing."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if document is not None:
                write_document(self.path, document)
        except OSError as error:
            return f"{printable(str(self.path))}: the session cannot be saved ({reason_of(error)})"
        try:
            self._append(records)
        except OSError as error:
            return f"{printable(str(log_path(self.path)))}: the log cannot be written ({reason_of(error)})"
        return ""

    def _append(self, records: list[bytes]) -> None:
        if not records:
            return
        path = log_path(self.path)
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        with path.open("ab") as file:
            file.write(b"\n".join(records) + b"\n")

"""The file that a session's document is kept in: locked against other sessions, saved beside the music."""

import time
from collections.abc import Callable
from pathlib import Path

from engine.errors import reason_of
from engine.session.autosave import Autosave
from engine.session.document import Document
from engine.session.store import SUFFIX, FileLock, refusal, write_document


class DocumentFile:
    """A document's file, which may be another one later, or none at all. Called under the session's lock."""

    def __init__(self, path: Path | None, report: Callable[[str, bool, str], None]) -> None:
        """Take a file, None for none; SessionFileError if it is open elsewhere.

        Args:
            path: the file.
            report: called on the saving thread with path, whether all is saved, and what is wrong or nothing.
        """
        self._report = report
        self._lock = FileLock(path) if path else None
        self.autosave = Autosave(path, report) if path else None

    def go_to(self, path: Path) -> None:
        """Save and leave the present file, and take another; SessionFileError if it is open elsewhere."""
        if not self._is_at(path):
            self._move(path, FileLock(path))

    def save_as(self, path: Path, document: Document) -> None:
        """Write a document to a file and take that; SessionFileError if it cannot be or is open elsewhere."""
        lock = None if self._is_at(path) else FileLock(path)  # nobody else's file is written over
        try:
            write_document(path, document)
        except OSError as error:
            if lock is not None:
                lock.release()
            why = f"the session cannot be saved ({reason_of(error)}); choose another place"
            raise refusal(path, why) from None
        if lock is not None:
            self._move(path, lock)

    def close(self) -> None:
        """Write what waits and give the file back. Doing it twice is harmless."""
        if self.autosave is not None:
            self.autosave.close()
        if self._lock is not None:
            self._lock.release()

    def _is_at(self, path: Path) -> bool:
        return self.autosave is not None and self.autosave.path == path

    def _move(self, path: Path, lock: FileLock) -> None:
        self.close()
        self._lock, self.autosave = lock, Autosave(path, self._report)


def fresh_beside(path: Path) -> Path:
    """Return the name of a new document beside another: the day and a number.

    Raises:
        SessionFileError: all 9,999 of the day are taken.
    """
    for number in range(1, 10_000):
        name = f"{time.strftime('%Y-%m-%d')}-{number}{SUFFIX}"
        if not (fresh := path.with_name(name)).exists():
            return fresh
    raise refusal(path.parent, "has no room for another session of today")

"""Start-up with a window: ports and model come up beside Qt, so that the window is there at once."""

import gc
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from app.compose import LiveOptions, make_client, make_session
from engine.errors import AntiphonError

if TYPE_CHECKING:
    from app.event_log import EventLog


class Started(threading.Thread):
    """Something slow, done beside; `result` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._error: AntiphonError | None = None
        self.start()

    def run(self) -> None:
        """Do the work and keep its failure."""
        try:
            self._work()
        except AntiphonError as error:
            self._error = error

    def result(self) -> None:
        """Wait; raise the failure here."""
        self.join()
        if self._error is not None:
            raise self._error


def run_with_window(
    options: LiveOptions, *, demo: bool = False, for_s: float | None = None, log: Path | None = None
) -> int:
    """Open the window and run until it closes; returns the exit status.

    What fails on the way there, ports that are refused or a model that does not load, is shown in
    the window's banner.

    Raises:
        AntiphonError: an option is out of range, or the log cannot be written.
    """
    client = make_client(options)
    ports = Started(lambda: client.start(patient=True), "ports")
    with ExitStack() as stack:
        stack.callback(gc.enable)
        gc.disable()  # until the window shows: what is made before that stays
        stack.callback(client.close)
        stack.callback(ports.join)
        from app import session_files
        from app.audio.audition import Audition
        from app.model_library import InstalledModels

        begun = session_files.named(options.session) if options.session else session_files.last()
        written = stack.enter_context(_opened(log)) if log else None
        library = InstalledModels(options.model, options.precision)
        on_event = written.write if written else None
        session = make_session(options, client, begun, on_event, takes=True, library=library)
        if written is not None:
            written.on_failure(session.notify)
        stack.callback(lambda: session_files.remember(session.snapshot().live.kept.recent))
        _load_before_qt()
        from app.window.application import run_window

        tasks = (ports.result, lambda: session.start)
        return run_window(
            session,
            Audition(),
            tasks=tasks,
            demo=demo,
            for_s=for_s,
            models=library.cards(),
        )


def _opened(log: Path) -> AbstractContextManager["EventLog"]:
    from app.event_log import opened

    return opened(log)


def _load_before_qt() -> None:
    """Load onnxruntime before Qt on Windows: both bring a C++ runtime, and the first one wins."""
    if sys.platform == "win32":
        import engine.inference.model  # noqa: F401

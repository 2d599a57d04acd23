"""Start-up with a window: ports and model come up beside Qt, so that the window is there at once."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app.audition import Audition
from app.compose import LiveOptions, load_model, make_client, make_session
from app.event_log import EventLog, opened
from engine.errors import AntiphonError
from engine.performer.client import PerformerClient
from engine.session import Session


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


def run_with_window(options: LiveOptions, *, for_s: float | None, log: Path | None) -> int:
    """Open the window and run until it closes; returns the exit status.

    Ports that are refused and a model that does not load are told in the window's banner.

    Raises:
        PerformerError: the performer cannot be started at all.
        AntiphonError: the log cannot be written.
    """
    options.controls()
    client = make_client(options)
    with ExitStack() as stack:
        written = stack.enter_context(opened(log)) if log else None
        stack.callback(client.close)
        ports = Started(lambda: client.start(patient=True), "ports")
        from app.window.application import run_window

        return run_window(
            lambda: _session(options, client, ports, written),
            Audition(),
            load=lambda: load_model(options),
            demo=options.demo,
            for_s=for_s,
        )


def _session(options: LiveOptions, client: PerformerClient, ports: Started, log: EventLog | None) -> Session:
    ports.result()
    return make_session(options, client, None, log.write if log else None)

"""Qt's own start and end: hooks first, then the application, then the window, then silence."""

import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QSettings, QTimer
from PyQt6.QtWidgets import QApplication

from app.window import theme
from app.window.guard import Guard
from app.window.window import InstrumentWindow, Sound
from engine.errors import AntiphonError


def run_window(
    make_session: Callable[[], Any],
    sound: Sound | None,
    *,
    load: Callable[[], Any],
    demo: bool = False,
    for_s: float | None = None,
) -> int:
    """Open the window and run until it closes; returns the exit status.

    Args:
        make_session: Builds the session; called once Qt is up.
        sound: The audition sound, or `None`.
        load: Loads the model; called in a thread of its own, its failure goes to the banner.
        demo: Play the demo phrase from the start.
        for_s: Close after so many seconds.
    """
    guard = Guard()
    guard.install()
    application = _application()
    session = make_session()
    window = InstrumentWindow(session, sound=sound, settings=QSettings("Antiphon", "Antiphon"))
    guard.tell(window.failed.emit)
    _close_on_signals(window)
    window.show()
    threading.Thread(target=_load, args=(load, window, session), name="model", daemon=True).start()
    if demo:
        window.panel.demo.click()
    if for_s is not None:
        QTimer.singleShot(round(for_s * 1000), window.close)
    try:
        return application.exec()
    finally:
        guard.tell(None)
        window.shut_down()
        guard.uninstall()


def _application() -> QApplication:
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Antiphon")
    application.setDesktopFileName("antiphon")
    theme.apply(application)
    return application


def _close_on_signals(window: InstrumentWindow) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())


def _load(load: Callable[[], Any], window: InstrumentWindow, session: Any) -> None:
    try:
        model = load()
    except AntiphonError as error:
        text = str(error)
        window.later.emit(lambda: window.tell(text))
        return
    window.later.emit(lambda: session.set_model(model))

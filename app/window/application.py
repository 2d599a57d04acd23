"""Qt's own start and end: hooks first, then the application, then the window, then silence."""

import signal
import sys
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QSettings, Qt, QTimer
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QApplication

from app.window import theme
from app.window.guard import Guard
from app.window.window import InstrumentWindow, Sound


def run_window(make_session: Callable[[], Any], sound: Sound | None, *, ready: Callable[[], None]) -> int:
    """Open the window and run until it closes; returns the exit status.

    Args:
        make_session: Builds the session; called once Qt is up.
        sound: The audition sound, or `None`.
        ready: Called when the window has been painted for the first time.
    """
    guard = Guard()
    guard.install()
    QGuiApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Antiphon")
    application.setDesktopFileName("antiphon")
    theme.apply(application)
    window = InstrumentWindow(make_session(), sound=sound, settings=QSettings("Antiphon", "Antiphon"))
    guard.tell(window.failed.emit)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.close())
    window.show()
    QTimer.singleShot(0, ready)
    try:
        return application.exec()
    finally:
        guard.tell(None)
        window.shut_down()
        guard.uninstall()

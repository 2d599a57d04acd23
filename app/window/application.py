"""Qt's own start and end: hooks first, then the application, then the window, then silence."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence

from PyQt6 import sip
from PyQt6.QtCore import QSettings, QTimer
from PyQt6.QtWidgets import QApplication

from app.bundle_cards import BundleCard
from app.window import theme
from app.window.exception_hook import Guard
from app.window.pages.settings import LOOK, TEXT_SIZE
from app.window.settings_file import read_setting, set_scale
from app.window.sound import Sound
from app.window.window import InstrumentWindow
from engine.errors import AntiphonError
from engine.session.instrument import Instrument

NOT_KEPT = "the window's size and place cannot be kept"

Task = Callable[[], Callable[[], None] | None]
"""Something slow that returns what to do in the window's thread afterwards."""


def run_window(
    instrument: Instrument,
    sound: Sound | None,
    *,
    tasks: Sequence[Task] = (),
    demo: bool = False,
    for_s: float | None = None,
    models: Sequence[BundleCard] = (),
) -> int:
    """Open the window and run until it closes; returns the exit status.

    Args:
        instrument: The session, closed with the window.
        sound: The audition sound, or `None`.
        tasks: What is slow at the start, each run in a thread of its own once the window shows.
        demo: Play the demo phrase from the start.
        for_s: Close after so many seconds.
        models: The models to choose from.
    """
    guard = Guard()
    guard.install()
    settings = QSettings("Antiphon", "Antiphon")
    set_scale(os.environ, read_setting(settings, TEXT_SIZE.id, str(TEXT_SIZE.default)))
    application = _application(read_setting(settings, LOOK.id, str(LOOK.default)))
    window = InstrumentWindow(instrument, sound=sound, settings=settings, models=models)
    if not settings.isWritable():
        window.notify(f"{settings.fileName()}: {NOT_KEPT}; give yourself the right to write there.", "hint")
    guard.listen(window.failed.emit)
    close_on_signals(window)
    window.show()
    gc.freeze()  # what stands now stays: later collections need not look at it
    gc.enable()
    QTimer.singleShot(0, lambda: _begin(tasks, window))  # the window is painted first
    if demo:
        window.edit("demo", True)
    if for_s is not None:
        QTimer.singleShot(round(for_s * 1000), window.close)
    try:
        return application.exec()
    finally:
        guard.listen(None)
        window.shut_down()
        _keep(settings)
        guard.uninstall()
        _delete(window, application)


def _delete(window: InstrumentWindow, application: QApplication) -> None:
    """End all widgets before the application; the end of Python takes them in any order, and may crash."""
    for widget in (window, *application.topLevelWidgets()):
        if not sip.isdeleted(widget):
            sip.delete(widget)


def _keep(settings: QSettings) -> None:
    """Write the settings; where they cannot be, say so in the terminal, since the window is closed."""
    settings.sync()
    if settings.status() != QSettings.Status.NoError and sys.stderr is not None:
        print(
            f"antiphon: {settings.fileName()}: {NOT_KEPT}; look at the disk's space and rights",
            file=sys.stderr,
        )


def _application(look: str) -> QApplication:
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Antiphon")
    application.setDesktopFileName("antiphon")
    theme.follow(application, look)
    return application


def close_on_signals(window: InstrumentWindow) -> None:
    """Close from the event loop: a handler runs between any two lines, also where a lock is held."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: QTimer.singleShot(0, window.close))


def _begin(tasks: Sequence[Task], window: InstrumentWindow) -> None:
    for task in tasks:
        threading.Thread(target=_run, args=(task, window), daemon=True).start()


def _run(task: Task, window: InstrumentWindow) -> None:
    """Run a task; what it returns is called in the window's thread, a refusal is shown there."""
    try:
        then = task()
    except AntiphonError as error:
        text = str(error)
        window.later.emit(lambda: window.notify(text))
        return
    if then is not None:
        window.later.emit(then)

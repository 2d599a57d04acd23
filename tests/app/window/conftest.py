"""A window over a recording instrument, in settings of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_instrument import CARDS, FakeInstrument, RecordingSound
from PyQt6.QtCore import QSettings
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from app.window import theme
from app.window.drag_and_drop import PhraseFiles
from app.window.window import InstrumentWindow
from engine.session.snapshot import Snapshot


@pytest.fixture
def instrument() -> FakeInstrument:
    return FakeInstrument()


@pytest.fixture
def sound() -> RecordingSound:
    return RecordingSound()


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def window(
    qapp: QApplication, instrument: FakeInstrument, sound: RecordingSound, settings: QSettings, tmp_path: Path
) -> Iterator[InstrumentWindow]:
    theme.apply(qapp)
    made = InstrumentWindow(
        instrument, sound=sound, settings=settings, models=CARDS, files=PhraseFiles(tmp_path / "clips")
    )
    made.show()
    QTest.qWaitForWindowActive(made)
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def show(window: InstrumentWindow, instrument: FakeInstrument) -> Callable[[Snapshot], None]:
    """Let the window show a state."""

    def shown(state: Snapshot) -> None:
        instrument.state = state
        window.tick()

    return shown

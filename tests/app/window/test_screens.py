"""Every page at every size in both themes is drawn and looked over by geometry: nothing is cut off."""

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations

import pytest
from fake_instrument import CARDS, MELODY, FakeInstrument, answer, playing, with_document, with_live
from msgspec.structs import replace
from PyQt6.QtCore import QRect
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QScrollBar,
    QSizePolicy,
    QWidget,
)

from app.demo import demo_phrase
from app.window import theme
from app.window.pages.tool_panel import LISTS
from app.window.widgets.button import KeyButton
from app.window.window import InstrumentWindow
from engine.inference.bundle.manifest import Attribute
from engine.session.default_map import DEFAULT_MAP
from engine.session.live import Sounded

pytestmark = [pytest.mark.window, pytest.mark.usefixtures("qt_messages")]

SIZES = ((1280, 820), (1024, 640), (940, 480), (1366, 768), (1920, 1080))
PLAY_PAGE = "Play"
NAMES = ("density", "register", "syncopation", "interval", "in_scale", "bass_density", "drum_density")
MANY = replace(MELODY, attributes=tuple(Attribute(name=name, unit="steps", effects={}) for name in NAMES))
"""A model with as many directions as the shipped ones have at most."""
PAGES = (
    PLAY_PAGE,
    "Takes",
    "Connections",
    "History",
    "Models",
    "Sessions",
    "Settings",
    "MIDI map",
    "Shortcuts",
    "About",
)


def sounded(number: int) -> Sounded:
    return Sounded(number, answer(demo_phrase(), number % 9 - 4), 8.0 * number, playing().document)


@pytest.fixture(scope="module", params=[theme.DARK, theme.LIGHT], ids=["dark", "light"])
def window(request, qapp: QApplication) -> Iterator[InstrumentWindow]:
    before = theme.now()
    theme.apply(qapp, request.param)
    state = replace(with_document(playing(), bindings=DEFAULT_MAP), model=MANY)
    state = with_live(state, sounded=tuple(sounded(number) for number in range(20)))
    made = InstrumentWindow(FakeInstrument(state), models=CARDS)
    made._timer.stop()
    made.show()
    yield made
    made.close()
    made.deleteLater()
    theme.apply(qapp, before)


def opened(window: InstrumentWindow, size: tuple[int, int], page: str, tab: str = "") -> None:
    window.resize(*size)
    if page == PLAY_PAGE:
        window.pages.close_page()
        if tab in window.play.shelf.tabs:
            window.play.shelf.open(tab)
    else:
        window.pages.open(page)
    window._shown = None
    window.tick()
    QTest.qWait(1)


def is_scrolled(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QAbstractScrollArea):
        parent = parent.parentWidget()
    return isinstance(parent, QScrollArea)


def shown_in(window: InstrumentWindow) -> list[QWidget]:
    """The widgets in sight, without Qt's own inner parts."""
    inner = (QScrollBar,)
    found = [w for w in window.centralWidget().findChildren(QWidget) if w.isVisible()]
    return [w for w in found if not isinstance(w, inner) and not isinstance(w.parent(), QComboBox)]


def words(widget: QWidget) -> str:
    text = getattr(widget, "text", None)
    return f"{type(widget).__name__} {widget.accessibleName() or (text() if callable(text) else '')!r}"


def cut_off(window: InstrumentWindow) -> list[str]:
    """Widgets of which a part lies outside of what holds them, where nothing scrolls."""
    found = []
    for widget in shown_in(window):
        parent = widget.parentWidget()
        if is_scrolled(widget) or isinstance(parent, QAbstractScrollArea):
            continue
        if not parent.rect().adjusted(-1, -1, 1, 1).contains(widget.geometry()):
            found.append(f"{words(widget)} {widget.geometry().getRect()} in {parent.rect().getRect()}")
    return found


def overlapping(window: InstrumentWindow) -> list[str]:
    """Pairs of widgets of one parent that share pixels."""
    found = []
    for parent in {widget.parentWidget() for widget in shown_in(window)}:
        children = [w for w in shown_in(window) if w.parentWidget() is parent]
        for one, other in combinations(children, 2):
            if one.geometry().intersects(other.geometry()):
                found.append(f"{words(one)} and {words(other)}")
    return found


def narrow(window: InstrumentWindow) -> list[str]:
    """Widgets that are too small for the text on them."""
    found = []
    for widget in shown_in(window):
        needed = QRect(0, 0, 0, 0)
        if isinstance(widget, KeyButton):
            needed.setSize(widget.minimumSizeHint())
        elif isinstance(widget, QLabel) and not widget.wordWrap():
            if widget.sizePolicy().horizontalPolicy() != QSizePolicy.Policy.Ignored:
                needed.setSize(widget.minimumSizeHint())
        elif isinstance(widget, QComboBox):
            needed.setWidth(widget.fontMetrics().horizontalAdvance(widget.currentText()) + 30)
        elif isinstance(widget, QLineEdit):
            needed.setWidth(widget.fontMetrics().horizontalAdvance(widget.text()) + 18)
        if widget.width() < needed.width() or widget.height() < needed.height():
            sizes = f"{widget.width()}x{widget.height()} of {needed.width()}x{needed.height()}"
            found.append(f"{words(widget)} {sizes}")
    return found


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_page_fits(window: InstrumentWindow, tmp_path, size):
    faults = []
    for page in PAGES:
        tabs = list(window.play.shelf.tabs) if page == PLAY_PAGE else [""]
        for tab in tabs:
            opened(window, size, page, tab)
            picture = window.grab()
            assert picture.save(str(tmp_path / f"{page}{tab}.png"))
            assert picture.width() >= size[0]
            for kind, lines in (
                ("cut off", cut_off(window)),
                ("overlap", overlapping(window)),
                ("too narrow", narrow(window)),
            ):
                faults += [f"{page} {tab}: {kind}: {line}" for line in lines]
    assert window.size().width() == size[0]
    assert window.size().height() == size[1]
    assert faults == []


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_panel_of_every_tool_fits(window: InstrumentWindow, size):
    opened(window, size, PLAY_PAGE)
    faults = []
    for mode in LISTS:
        window.play.tools.show_tool(mode)
        QTest.qWait(1)
        faults += [f"{mode}: {line}" for look in (cut_off, overlapping, narrow) for line in look(window)]
    window.play.tools.show_tool("vary")
    assert faults == []


@pytest.mark.parametrize("size", [(1280, 820), (1024, 640), (960, 540)])
def test_tools_stand_apart_from_the_buttons_of_takes(window: InstrumentWindow, size):
    opened(window, size, PLAY_PAGE)
    tools, takes = window.play.tools.modes, window.play.tools.locking
    assert takes.x() - tools.geometry().right() >= 20


def test_every_page_fits_at_twice_the_scale():
    """In a process of its own, since Qt reads the scale once."""
    chosen = "test_every_page_fits and (1024x640 or 1280x820)"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", __file__, "-k", chosen]
    environment = {**os.environ, "QT_SCALE_FACTOR": "2"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "4 passed" in done.stdout


def test_the_check_finds_what_is_wrong(window: InstrumentWindow):
    """A widget moved over another, out of its parent, and squeezed is found three times."""
    opened(window, (1280, 820), PLAY_PAGE)
    button = window.play.tools.new_take
    before = button.geometry()
    button.setGeometry(window.play.tools.hold.x(), -30, 20, before.height())
    try:
        assert any("New take" in line for line in cut_off(window))
        assert any("New take" in line for line in narrow(window))
        button.setGeometry(window.play.tools.hold.geometry())
        assert any("New take" in line and "Hold" in line for line in overlapping(window))
    finally:
        button.setGeometry(before)


def test_the_wide_arrangement_shows_slots_and_limits_without_a_tab(window: InstrumentWindow):
    opened(window, (1280, 820), PLAY_PAGE)
    assert window.play.arrangement == "wide"
    assert window.play.slots.isVisible() and window.play.limits.isVisible()
    opened(window, (1024, 640), PLAY_PAGE)
    assert window.play.arrangement == "compact"
    assert {"Slots", "Limits"} <= set(window.play.shelf.tabs)
    opened(window, (940, 480), PLAY_PAGE)
    assert window.play.arrangement == "tight"
    opened(window, (1280, 820), PLAY_PAGE)
    assert {"Slots", "Limits"}.isdisjoint(window.play.shelf.tabs)

"""The window over a recording session: reachable, named, obeying at once, safe to break and to close."""

import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_session import READY, FakeSession, clock
from PyQt6.QtCore import QPoint, QPointF, QSettings, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QWidget

from app.demo import demo_phrase
from app.window import theme
from app.window.application import close_on_signals
from app.window.exception_hook import Guard
from app.window.window import InstrumentWindow
from engine.errors import AntiphonError
from engine.snapshot import Notice

pytestmark = [pytest.mark.window, pytest.mark.usefixtures("qt_messages")]

CONTROL_KINDS = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox)


class RecordingSound:
    status = "Sound: test"

    def __init__(self) -> None:
        self.calls: list[str] = []

    def hear(self, events: object) -> None:
        self.calls.append("hear")

    def silence(self) -> None:
        self.calls.append("silence")

    def start(self) -> None:
        self.calls.append("start")

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def window(qapp, session: FakeSession, tmp_path: Path) -> Iterator[InstrumentWindow]:
    theme.apply(qapp)
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    made = InstrumentWindow(session, sound=RecordingSound(), settings=settings)
    made.show()
    QTest.qWaitForWindowActive(made)
    yield made
    made.close()


def controls_of(window: QWidget) -> list[QWidget]:
    found = [w for w in window.findChildren(QWidget) if isinstance(w, CONTROL_KINDS) and w.isVisible()]
    return [w for w in found if w.isEnabled()]


def test_every_control_has_a_name_that_a_screen_reader_can_say(window):
    unnamed = [w for w in controls_of(window) if not w.accessibleName()]
    assert len(controls_of(window)) >= 17
    assert unnamed == []


def test_tab_reaches_every_control(window):
    reached = set()
    for _ in range(60):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
        reached.add(window.focusWidget())
    by_arrows = set(window.panel.modes.values())
    assert reached & by_arrows
    missed = [w.accessibleName() for w in controls_of(window) if w not in reached | by_arrows]
    assert missed == []


def test_arrows_walk_through_the_modes(window, session):
    window.panel.modes["vary"].setFocus()
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Right)
    assert window.focusWidget() is window.panel.modes["morph"]


def test_a_slider_move_reaches_the_session_before_the_event_returns(window, session):
    QTest.keyClick(window.panel.variation.fader, Qt.Key.Key_Right)
    assert session.calls == [("set_controls", {"variation": pytest.approx(0.41)})]


def test_who_touches_the_morph_slider_wants_to_hear_the_morph(window, session):
    QTest.keyClick(window.panel.morph.fader, Qt.Key.Key_End)
    window.tick()
    QTest.keyClick(window.panel.morph.fader, Qt.Key.Key_Home)
    first, second = session.calls
    assert first == ("set_controls", {"mode": "morph", "morph": 1.0})
    assert second == ("set_controls", {"morph": 0.0})


def test_showing_the_sessions_state_does_not_call_the_session(window, session):
    session.state = replace(
        session.state, controls=replace(session.state.controls, variation=0.9, seed=4_000_000_000)
    )
    window.tick()
    assert session.calls == []
    assert window.panel.variation.value == pytest.approx(0.9)
    assert window.panel.seed.value() == 4_000_000_000


def test_double_click_resets_a_slider(window, session):
    fader = window.panel.temperature.fader
    window.panel.temperature.show_value(1.7)
    QTest.mouseDClick(fader, Qt.MouseButton.LeftButton, pos=QPoint(5, 10))
    assert session.calls[-1] == ("set_controls", {"temperature": pytest.approx(0.5)})


@pytest.mark.parametrize(
    ("modifier", "step"), [(Qt.KeyboardModifier.NoModifier, 0.01), (Qt.KeyboardModifier.ShiftModifier, 0.001)]
)
def test_the_wheel_steps_finely(window, session, modifier, step):
    fader = window.panel.variation.fader
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, modifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    fader.wheelEvent(wheel)
    assert session.calls == [("set_controls", {"variation": pytest.approx(0.4 + step)})]


@pytest.mark.parametrize(
    ("key", "call"),
    [
        (Qt.Key.Key_Escape, ("panic",)),
        (Qt.Key.Key_Space, ("play",)),
        (Qt.Key.Key_A, ("store", "A")),
        (Qt.Key.Key_B, ("store", "B")),
        (Qt.Key.Key_N, ("new_take",)),
        (Qt.Key.Key_O, ("set_bypass", True)),
        (Qt.Key.Key_H, ("set_following", False)),
        (Qt.Key.Key_2, ("set_controls", {"mode": "morph"})),
        (Qt.Key.Key_3, ("set_controls", {"mode": "generate"})),
    ],
)
def test_keys_do_what_they_say(window, session, key, call):
    QTest.keyClick(window, key)
    assert session.calls == [call]


def test_undo_and_redo_by_keyboard(window, session):
    session.state = replace(session.state, can_undo=True, can_redo=True)
    window.tick()
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(
        window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert session.calls == [("undo",), ("redo",)]


def test_typing_a_seed_does_not_press_the_mode_keys(window, session):
    window.panel.seed.setFocus()
    window.panel.seed.selectAll()
    QTest.keyClicks(window.panel.seed, "123")
    QTest.keyClick(window.panel.seed, Qt.Key.Key_Return)
    assert session.calls == [("set_controls", {"seed": 123})]
    QTest.keyClick(window, Qt.Key.Key_N)
    assert session.calls[-1] == ("new_take",)


def test_the_demo_makes_the_first_sound_without_a_daw(window, session):
    session.state = replace(session.state, clock=clock(source="internal", status="stopped"))
    window.tick()
    QTest.mouseClick(window.first_sound, Qt.MouseButton.LeftButton)
    assert session.calls == [("demo", True)]
    window.tick()
    assert not window.first_sound.isVisible()


def test_the_demo_leaves_a_daws_clock_alone(window, session):
    session.state = replace(session.state, clock=clock())
    window.tick()
    QTest.keyClick(window, Qt.Key.Key_D)
    assert session.calls == [("demo", True)]
    assert not window.panel.play.isEnabled()


def test_space_stops_what_rolls(window, session):
    session.state = replace(session.state, clock=clock(source="internal"))
    window.tick()
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert session.calls == [("stop",)]


def test_tempo_and_metre_reach_the_session(window, session):
    session.state = replace(session.state, clock=clock(source="internal", status="stopped"))
    window.tick()
    window.panel.tempo.setFocus()
    QTest.keyClick(window.panel.tempo, Qt.Key.Key_Up)
    window.panel.metre.setFocus()
    QTest.keyClick(window.panel.metre, Qt.Key.Key_Down)
    assert session.calls == [("set_tempo", 121.0), ("set_metre", 3.0)]


def test_closing_silences_the_sound_and_closes_the_session_once(window, session):
    window.close()
    window.close()
    assert session.closed == 1
    assert window._sound.calls.count("close") == 1


def test_a_raising_slot_leaves_the_app_alive_and_panicked(window, session, capsys):
    guard = Guard()
    guard.install()
    guard.tell(window.failed.emit)
    try:
        window.panel.new_take.clicked.connect(lambda: 1 / 0)
        QTest.keyClick(window, Qt.Key.Key_N)
    finally:
        guard.uninstall()
    assert ("panic",) in session.calls
    assert "silence" in window._sound.calls
    assert "ZeroDivisionError" in window.banner.text
    assert "ZeroDivisionError" in capsys.readouterr().err
    window.tick()
    assert window.isVisible()


def test_a_raising_thread_panics_in_the_windows_thread(window, session, qtbot, capsys):
    guard = Guard()
    guard.install()
    guard.tell(window.failed.emit)
    try:
        thread = threading.Thread(target=lambda: [][0])
        thread.start()
        thread.join()
    finally:
        guard.uninstall()
    qtbot.waitUntil(lambda: ("panic",) in session.calls)
    assert "IndexError" in window.banner.text


def test_a_notice_says_reason_and_remedy_and_goes_when_it_is_over(window, session):
    session.state = replace(session.state, notices=(Notice("The JACK server went away.", "Start it again."),))
    window.tick()
    assert window.banner.text == "The JACK server went away. Start it again."
    session.state = replace(session.state, notices=())
    window.tick()
    assert window.banner.text == ""


def test_the_rolls_show_the_music_and_the_playheads_move(window, session):
    phrase = demo_phrase()
    session.state = replace(
        READY,
        clock=clock(position_beats=13.0, bpm=60.0),
        heard=phrase,
        playing=phrase,
        playing_since_beats=2.0,
    )
    window.tick()
    assert window.heard.phrase == phrase
    assert window.heard.position == pytest.approx(5.0, abs=0.5)
    assert window.playing.position == pytest.approx(3.0, abs=0.5)
    session.state = replace(session.state, clock=clock(status="stopped"))
    window.tick()
    assert window.playing.position is None


def test_geometry_is_remembered(window, session, tmp_path, qapp):
    window.resize(1200, 733)
    qapp.processEvents()
    window.close()
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    again = InstrumentWindow(FakeSession(), settings=settings)
    assert again.height() == 733
    again.close()


def test_export_with_nothing_playing_says_so(window):
    QTest.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert "Nothing plays yet" in window.banner.text


class Choice:
    """Two models on offer; one of them cannot be loaded."""

    def installed(self) -> dict[str, str]:
        return {"melody_2bar": "melody_2bar", "groove": "/models/groove", "broken": "broken"}

    def load(self, what: str) -> str:
        if what == "broken":
            raise AntiphonError('model "broken" is not installed')
        return f"loaded {what} in {threading.current_thread() is not threading.main_thread()}"


@pytest.fixture
def choosing(qapp, session: FakeSession) -> Iterator[InstrumentWindow]:
    made = InstrumentWindow(session, models=Choice())
    made.show()
    yield made
    made.close()


def choose(window: InstrumentWindow, name: str) -> None:
    chooser = window.top.models
    chooser.setCurrentIndex(chooser.findText(name))
    chooser.activated.emit(chooser.currentIndex())
    for _ in range(500):  # until the thread that loads has answered
        if chooser.isEnabled():
            return
        QTest.qWait(10)
    pytest.fail("the model never came")


def test_another_model_is_loaded_beside_and_handed_to_the_session(choosing, session):
    assert choosing.top.models.currentText() == "melody_2bar"
    choose(choosing, "groove")
    assert ("set_model", "loaded /models/groove in True") in session.calls


def test_a_model_that_cannot_be_loaded_leaves_the_old_one(choosing, session):
    choose(choosing, "broken")
    assert 'model "broken" is not installed' in choosing.banner.text
    assert choosing.top.models.currentText() == "melody_2bar"
    assert not any(call[0] == "set_model" for call in session.calls)


def test_a_model_from_elsewhere_is_named_though_it_is_not_on_offer(choosing, session):
    session.state = replace(READY, model_name="mine")
    choosing.tick()
    assert choosing.top.models.currentIndex() == -1
    assert choosing.top.models.placeholderText() == "mine"


def test_without_models_to_choose_from_there_is_no_chooser(window):
    assert not window.top.models.isVisible()


@pytest.mark.parametrize("mode", ["groove", "drumify", "continue"])
def test_only_the_modes_the_model_does_are_offered(window, session, mode):
    shown = [name for name, button in window.panel.modes.items() if button.isVisible()]
    assert shown == ["vary", "morph", "generate"]
    session.state = replace(READY, modes=(mode,), controls=replace(READY.controls, mode=mode))
    window.tick()
    assert [name for name, button in window.panel.modes.items() if button.isVisible()] == [mode]
    assert window.panel.modes[mode].isChecked()


def test_the_variation_slider_asks_only_for_a_mode_the_model_does(window, session):
    for mode, asked in (("drumify", {"variation": 0.9}), ("continue", {"variation": 0.9})):
        session.state = replace(READY, modes=(mode,), controls=replace(READY.controls, mode=mode))
        window.tick()
        window.panel.variation.moved.emit(0.9)
        assert session.calls[-1] == ("set_controls", asked)
    session.state = replace(READY, controls=replace(READY.controls, mode="morph"))
    window.tick()
    window.panel.variation.moved.emit(0.8)
    assert session.calls[-1] == ("set_controls", {"mode": "vary", "variation": 0.8})


def test_a_signal_closes_it_from_the_event_loop_not_from_wherever_python_is(window, session):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        close_on_signals(window)
        signal.raise_signal(signal.SIGTERM)
        # Here the program may hold the very lock that closing takes.
        assert session.closed == 0
        QTest.qWait(50)
        assert session.closed == 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""What continues, limits and pushes an answer: there when the model can, silent when it is shown."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_session import ATTRIBUTES, READY, FakeSession, continuing
from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QWidget

from app.window import theme
from app.window.character import attribute_tip
from app.window.controls import KeyButton, ValueSlider
from app.window.fields import pitch_name, pitch_named
from app.window.window import InstrumentWindow
from engine.inference.controls import changed

pytestmark = [pytest.mark.window, pytest.mark.usefixtures("qt_messages")]

DRUMS = replace(READY, pitched=False, attributes=ATTRIBUTES)
HUMANIZE = replace(
    READY,
    modes=("groove",),
    pitched=False,
    attributes=ATTRIBUTES,
    controls=changed(READY.controls, mode="groove"),
)


@pytest.fixture
def session() -> FakeSession:
    return FakeSession(replace(READY, attributes=ATTRIBUTES))


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def window(qapp, session: FakeSession, settings: QSettings) -> Iterator[InstrumentWindow]:
    theme.apply(qapp)
    made = InstrumentWindow(session, settings=settings)
    made.show()
    QTest.qWaitForWindowActive(made)
    yield made
    made.close()


@pytest.fixture
def panel(window: InstrumentWindow):
    return window.panel


def show(window: InstrumentWindow, session: FakeSession, state) -> None:
    session.state = state
    window.tick()


def visible(*widgets: QWidget) -> list[bool]:
    return [widget.isVisible() for widget in widgets]


# Continuing ----------------------------------------------------------------------------------


def test_start_and_length_stand_in_the_place_of_sliders_that_say_nothing_to_a_continuation(
    window, session, panel
):
    sliders, own = (panel.variation, panel.morph), (panel.continuing.start, panel.continuing.length)
    assert (visible(*sliders), visible(*own)) == ([True, True], [False, False])
    place = [(slider.x(), slider.y()) for slider in sliders]
    show(window, session, continuing(start="zero", bars=8))
    QTest.qWait(1)
    assert (visible(*sliders), visible(*own)) == ([False, False], [True, True])
    assert [(widget.x(), widget.y()) for widget in own] == place
    assert panel.continuing.start.buttons["zero"].isChecked()
    assert panel.continuing.bars == 8
    assert session.calls == []
    show(window, session, HUMANIZE)
    assert visible(*own) == [False, False]


@pytest.mark.parametrize(
    ("key", "start"), [(Qt.Key.Key_7, "guided"), (Qt.Key.Key_8, "zero"), (Qt.Key.Key_9, "random")]
)
def test_a_key_chooses_what_a_continuation_starts_from(window, session, panel, key, start):
    show(window, session, continuing(start="zero" if start != "zero" else "random"))
    QTest.keyClick(window, key)
    assert session.calls == [("set_controls", {"start": start})]


def test_keys_of_a_continuation_do_nothing_where_the_model_does_not_continue(window, session):
    for key in (Qt.Key.Key_7, Qt.Key.Key_8, Qt.Key.Key_9):
        QTest.keyClick(window, key)
    assert session.calls == []


def test_length_goes_bar_by_bar_and_says_what_zero_means(window, session, panel):
    show(window, session, continuing())
    length = panel.continuing.length
    assert length._value_label.text() == "4 bars, as heard"
    QTest.keyClick(window, Qt.Key.Key_L)
    assert window.focusWidget() is length.fader
    for _ in range(3):
        QTest.keyClick(length.fader, Qt.Key.Key_Right)
        window.tick()
    assert session.calls == [("set_controls", {"bars": bars}) for bars in (1, 2, 3)]
    assert length._value_label.text() == "3 bars"
    QTest.keyClick(length.fader, Qt.Key.Key_End)
    assert session.calls[-1] == ("set_controls", {"bars": 64})
    show(window, session, replace(continuing(), model_bars=2))
    assert length._value_label.text() == "2 bars, as heard"


def test_what_the_model_hears_by_itself_follows_the_model_only_when_none_is_loaded(window, session, panel):
    show(window, session, replace(continuing(), model_bars=0))
    assert panel.continuing.length._value_label.text() == "as heard"


# Key, scale, range, what stays ---------------------------------------------------------------


def test_key_and_scale_are_any_until_chosen(window, session, panel):
    limits = panel.limits
    assert limits.key.currentText() == "any key"
    assert not limits.scale.isEnabled()
    QTest.keyClick(window, Qt.Key.Key_K)
    assert window.focusWidget() is limits.key
    QTest.keyClicks(limits.key, "eb")
    assert session.calls[-1] == ("set_controls", {"key": "Eb"})
    window.tick()
    assert limits.scale.isEnabled()
    QTest.keyClick(limits.key, Qt.Key.Key_Return)
    assert window.focusWidget() is panel.variation.fader
    QTest.keyClick(window, Qt.Key.Key_S)
    QTest.keyClick(limits.scale, Qt.Key.Key_End)
    assert session.calls[-1] == ("set_controls", {"scale": "blues"})
    assert not any(call[0] == "store" for call in session.calls)


def test_a_key_from_elsewhere_is_shown_and_nobody_is_told(window, session, panel):
    limited = changed(session.state.controls, key="F#", scale="dorian", lowest_pitch=48, keep_rhythm=True)
    show(window, session, replace(session.state, controls=limited))
    limits = panel.limits
    assert (limits.key.currentText(), limits.scale.currentText()) == ("F#", "dorian")
    assert limits.lowest.text() == "from C3"
    assert (limits.keep_rhythm.isChecked(), limits.keep_pitches.isChecked()) == (True, False)
    assert session.calls == []


def test_letters_are_the_lists_while_it_has_the_focus_and_the_instruments_after(window, session, panel):
    panel.limits.key.setFocus()
    QTest.keyClick(panel.limits.key, Qt.Key.Key_A)
    assert session.calls == [("set_controls", {"key": "Ab"})]
    panel.limits.key.showPopup()
    panel.limits.key.hidePopup()
    QTest.keyClick(window, Qt.Key.Key_A)
    assert session.calls[-1] == ("store", "A")


def test_the_range_cannot_be_crossed(window, session, panel):
    limits = panel.limits
    limits.lowest.setFocus()
    limits.lowest.selectAll()
    QTest.keyClicks(limits.lowest, "G4")
    QTest.keyClick(limits.lowest, Qt.Key.Key_Return)
    window.tick()
    assert session.calls == [("set_controls", {"lowest_pitch": 67})]
    limits.highest.setValue(60)
    assert session.calls[-1] == ("set_controls", {"highest_pitch": 67})
    limits.lowest.setFocus()
    limits.lowest.selectAll()
    QTest.keyClicks(limits.lowest, "H9")
    QTest.keyClick(limits.lowest, Qt.Key.Key_Return)
    assert limits.lowest.value() == 67


def test_pitch_names_are_read_back():
    assert [pitch_named(pitch_name(pitch)) for pitch in range(128)] == list(range(128))
    assert [pitch_named(name) for name in ("c4", "C♯4", "bb3", "Cb4", "60", "-1", "H4", "")] == [
        60, 61, 58, 59, 60, None, None, None,
    ]  # fmt: skip


def test_who_keeps_the_rhythm_wants_to_hear_it_kept(window, session, panel):
    QTest.keyClick(window, Qt.Key.Key_R)
    assert session.calls[-1] == ("set_controls", {"keep_rhythm": True})
    window.tick()
    QTest.keyClick(window, Qt.Key.Key_3)
    window.tick()
    assert not panel.limits.keep_rhythm.isChecked()
    QTest.keyClick(window, Qt.Key.Key_P)
    assert session.calls[-1] == ("set_controls", {"mode": "vary", "keep_pitches": True})
    window.tick()
    assert panel.limits.keep_rhythm.isChecked()


@pytest.mark.parametrize(
    ("state", "pitches", "keeps", "more"),
    [
        (READY, True, [True, True], True),
        (DRUMS, False, [True, True], True),
        (continuing(), True, [False, False], True),
        (HUMANIZE, False, [False, False], False),
        (replace(HUMANIZE, modes=("drumify",), controls=changed(READY.controls, mode="drumify")), False,
         [True, False], True),
    ],
)  # fmt: skip
def test_only_limits_that_mean_something_to_the_model_are_offered(
    window, session, panel, state, pitches, keeps, more
):
    show(window, session, state)
    limits = panel.limits
    assert visible(*limits.pitch_fields) == [pitches] * 4
    assert visible(limits.keep_rhythm, limits.keep_pitches) == keeps
    assert panel.more.isVisible() is more


# More ----------------------------------------------------------------------------------------


def test_more_is_closed_at_first_and_remembered(window, session, panel, settings, qapp):
    assert not panel.character.isVisible()
    QTest.keyClick(window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert panel.character.isVisible()
    again = InstrumentWindow(FakeSession(session.state), settings=settings)
    again.show()
    assert again.panel.character.isVisible()
    again.panel.more.click()
    again.close()
    assert settings.value("more", True, bool) is False
    assert session.calls == []


def test_there_is_a_slider_for_each_direction_of_the_model(window, session, panel):
    panel.more.click()
    assert list(panel.character.sliders) == ["density", "in_scale", "swagger"]
    show(window, session, replace(session.state, attributes=ATTRIBUTES[:1]))
    assert list(panel.character.sliders) == ["density"]
    show(window, session, continuing())
    assert list(panel.character.sliders) == []
    assert panel.character.busyness.isVisible()


def test_directions_add_up_and_zero_leaves_no_trace(window, session, panel):
    panel.more.click()
    others = replace(session.state, controls=changed(session.state.controls, attributes=(("register", 1.0),)))
    show(window, session, others)
    sliders = panel.character.sliders
    QTest.keyClick(sliders["in_scale"].fader, Qt.Key.Key_End)
    QTest.keyClick(sliders["density"].fader, Qt.Key.Key_Home)
    assert session.calls[-1] == (
        "set_controls",
        {"attributes": (("register", 1.0), ("in_scale", 3.0), ("density", -3.0))},
    )
    window.tick()
    assert sliders["density"].value == -3.0
    QTest.mouseDClick(sliders["density"].fader, Qt.MouseButton.LeftButton)
    assert session.calls[-1] == ("set_controls", {"attributes": (("register", 1.0), ("in_scale", 3.0))})


def test_busyness_is_the_lean_of_the_constraints(window, session, panel):
    panel.more.click()
    QTest.keyClick(panel.character.busyness.fader, Qt.Key.Key_End)
    assert session.calls == [("set_controls", {"density": 1.0})]


def test_a_tip_says_what_was_measured():
    density, in_scale, swagger = (attribute_tip(attribute) for attribute in ATTRIBUTES)
    assert density.endswith("A step of 1 was measured to change it by +0.14 onsets per step.")
    assert in_scale.endswith("by +0.02 share of onsets (+2%).")
    assert swagger == "More swagger to the right, less to the left."


# All of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [replace(READY, attributes=ATTRIBUTES), DRUMS, continuing(key="C")])
def test_tab_reaches_every_control_and_each_has_a_name_and_a_tip(window, session, panel, state):
    show(window, session, replace(READY, attributes=ATTRIBUTES[:1]))
    show(window, session, state)
    panel.more.click()
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox)
    controls = [
        w for w in panel.findChildren(QWidget) if isinstance(w, kinds) and w.isVisible() and w.isEnabled()
    ]
    assert [w for w in controls if not (w.accessibleName() and w.toolTip())] == []
    reached = {*panel.modes.values(), *panel.continuing.start.buttons.values()}  # by arrows
    for _ in range(60):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
        reached.add(window.focusWidget())
    assert [w.accessibleName() for w in controls if w not in reached] == []


def test_nothing_is_cut_off_in_the_smallest_window(window, session, panel):
    panel.more.click()
    window.resize(100, 100)
    window.tell("A notice.")
    QTest.qWait(20)
    shown = [w for kind in (KeyButton, ValueSlider) for w in panel.findChildren(kind) if w.isVisible()]
    assert len(shown) >= 20
    assert [w for w in shown if w.height() < w.minimumSizeHint().height()] == []
    assert window.rect().contains(panel.geometry().translated(panel.parentWidget().pos()))

"""The window over a recording instrument: reachable, named, obeying at once, safe to break and to close."""

import signal
import threading
from pathlib import Path

import msgspec
import pytest
from fake_instrument import (
    CONTINUES,
    HUMANIZES,
    READY,
    FakeInstrument,
    answer,
    captured,
    clock,
    playing,
    with_controls,
    with_document,
    with_live,
)
from msgspec import structs
from msgspec.structs import replace
from PyQt6.QtCore import QMimeData, QPoint, QPointF, QRect, QSize, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent, QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QWidget,
)

from app.demo import demo_phrase
from app.window import theme
from app.window.application import close_on_signals
from app.window.drag_and_drop import fresh_name, is_midi_or_bundle
from app.window.exception_hook import Guard
from app.window.settings_file import LEAST_SIZE, USUAL_SIZE, first_size
from app.window.widgets.button import KeyButton
from app.window.widgets.phrase_card import PhraseCard
from app.window.window import InstrumentWindow
from engine.inference.bundle.manifest import Voice
from engine.inference.constraints import Lock
from engine.inference.controls import Controls
from engine.midi.ports import now_ns
from engine.midifile.read import read_midi
from engine.midifile.write import Part, write_midi
from engine.music.notes import Note, Phrase
from engine.music.style import Style
from engine.parameter import Text
from engine.performer.messages import Heard
from engine.session.default_map import DEFAULT_MAP
from engine.session.document import Binding, Favourite, ModelReference
from engine.session.free_capture import FreeCapture
from engine.session.live import Kept, Notice, Sounded, Sounding, Take, Turn
from engine.session.settings import Settings
from engine.session.snapshot import ModelFacts

pytestmark = [pytest.mark.window, pytest.mark.usefixtures("qt_messages")]

KINDS = (QAbstractButton, QAbstractSlider, QLineEdit, QComboBox)
NO_MODIFIER = Qt.KeyboardModifier.NoModifier
TIGHT = (940, 480)
CONTROL = Qt.KeyboardModifier.ControlModifier
OWN_CLOCK = clock(source="internal", status="stopped")


def controls_of(window: QWidget) -> list[QWidget]:
    found = [w for w in window.findChildren(QWidget) if isinstance(w, KINDS) and w.isVisible()]
    return [w for w in found if w.isEnabled() and w.focusPolicy() != Qt.FocusPolicy.NoFocus]


def wheel(modifier: Qt.KeyboardModifier = NO_MODIFIER, turn: int = 120) -> QWheelEvent:
    return QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton, modifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip


def asked(instrument: FakeInstrument) -> list[tuple]:
    """The calls but for the beginnings and ends of gestures."""
    return [call for call in instrument.calls if call[0] not in ("begin", "end")]


# Reach ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1280, 820), (1024, 640), (940, 480)])
def test_every_control_has_a_name_and_tab_reaches_it(window, show, size):
    window.resize(*size)
    show(playing())
    QTest.qWait(1)
    controls = controls_of(window)
    assert len(controls) >= 20
    assert [w for w in controls if not w.accessibleName()] == []
    reached = set()
    for _ in range(120):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
        reached.add(window.focusWidget())
    assert [w.accessibleName() for w in controls if w not in reached] == []


@pytest.mark.parametrize("page", ["Takes", "Connections", "History", "Settings", "MIDI map", "About"])
def test_tab_reaches_everything_on_a_page(window, show, page):
    sounded = (heard_at(3, 0), heard_at(4, 2))
    favourites = (Favourite(demo_phrase()),)
    opened = window.pages.open(page)
    show(with_live(with_document(playing(), favourites=favourites), takes=takes_of(8), sounded=sounded))
    QTest.qWait(1)
    controls = [*controls_of(opened), *(each for each in opened.findChildren(PhraseCard) if each.isVisible())]
    assert [each for each in controls if not each.accessibleName()] == []
    opened.back.setFocus()
    reached: set[QWidget] = set()
    for _ in range(len(controls) + len(controls_of(window))):
        reached.add(window.focusWidget())
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
    assert set(controls) - reached == set()


# Controls ------------------------------------------------------------------------------------


def test_a_slider_move_reaches_the_instrument_before_the_event_returns(window, instrument):
    QTest.keyClick(window.play.tools.sliders["variation"].fader, Qt.Key.Key_Right)
    assert instrument.calls == [
        ("begin", "variation"),
        ("set", "variation", pytest.approx(0.41)),
        ("end", "variation"),
    ]


def test_a_drag_is_one_gesture(window, instrument):
    fader = window.play.tools.sliders["temperature"].fader
    QTest.mousePress(fader, Qt.MouseButton.LeftButton, pos=QPoint(20, 10))
    for x in (40, 60, 80):
        QTest.mouseMove(fader, QPoint(x, 10))
    QTest.mouseRelease(fader, Qt.MouseButton.LeftButton, pos=QPoint(80, 10))
    assert instrument.calls[0] == ("begin", "temperature")
    assert instrument.calls[-1] == ("end", "temperature")
    assert [call[0] for call in instrument.calls].count("begin") == 1
    assert len(asked(instrument)) >= 2


def test_showing_a_state_asks_for_nothing(window, instrument, show):
    show(with_controls(READY, variation=0.9, seed=4_000_000_000, key="F#", scale="dorian"))
    assert instrument.calls == []
    tools, limits = window.play.tools, window.play.limits
    assert tools.sliders["variation"].value == pytest.approx(0.9)
    assert tools.seed.text() == "4000000000"
    assert (limits.key.currentText(), limits.scale.currentText()) == ("F#", "dorian")


def test_double_click_resets_a_slider(window, instrument, show):
    show(with_controls(READY, temperature=1.7))
    fader = window.play.tools.sliders["temperature"].fader
    QTest.mouseDClick(fader, Qt.MouseButton.LeftButton, pos=QPoint(5, 10))
    assert asked(instrument)[-1] == ("set", "temperature", pytest.approx(0.5))


@pytest.mark.parametrize(
    ("modifier", "step"), [(NO_MODIFIER, 0.01), (Qt.KeyboardModifier.ShiftModifier, 0.001)]
)
def test_the_wheel_steps_a_slider_finely(window, instrument, modifier, step):
    window.play.tools.sliders["variation"].fader.wheelEvent(wheel(modifier))
    assert asked(instrument) == [("set", "variation", pytest.approx(0.4 + step))]


@pytest.mark.parametrize(
    ("key", "modifier", "call"),
    [
        (Qt.Key.Key_Escape, NO_MODIFIER, ("do", "panic")),
        (Qt.Key.Key_Space, NO_MODIFIER, ("do", "play_stop")),
        (Qt.Key.Key_N, NO_MODIFIER, ("do", "new_take")),
        (Qt.Key.Key_O, NO_MODIFIER, ("set", "bypass", True)),
        (Qt.Key.Key_H, NO_MODIFIER, ("set", "hold", True)),
        (Qt.Key.Key_D, NO_MODIFIER, ("set", "demo", True)),
        (Qt.Key.Key_R, NO_MODIFIER, ("set", "keep_rhythm", True)),
        (Qt.Key.Key_2, NO_MODIFIER, ("set", "mode", "morph")),
        (Qt.Key.Key_3, NO_MODIFIER, ("set", "mode", "generate")),
        (Qt.Key.Key_4, CONTROL, ("do", "pick_last.4")),
    ],
)
def test_keys_do_what_they_say(window, instrument, show, key, modifier, call):
    show(with_live(READY, clock=OWN_CLOCK))
    QTest.keyClick(window, key, modifier)
    assert instrument.calls == [call]


def test_keys_of_slots_and_undo(window, instrument, show):
    show(playing())
    QTest.keyClick(window, Qt.Key.Key_A)
    QTest.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert instrument.calls == [("do", "store.A"), ("do", "recall.B"), ("do", "undo")]


def test_a_key_of_something_greyed_says_why(window, instrument, show):
    show(with_live(READY, clock=clock()))
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert instrument.calls == []
    assert window.toast.text.startswith("The DAW's clock runs")
    QTest.mouseClick(window.play.bottom.undo, Qt.MouseButton.LeftButton)
    assert window.toast.text == "There is nothing to undo yet."
    assert window.toast.mood == "hint"


def test_a_key_leads_to_a_slider_and_brings_its_tool_along(window, instrument):
    QTest.keyClick(window, Qt.Key.Key_T)
    assert window.focusWidget() is window.play.tools.sliders["temperature"].fader
    QTest.keyClick(window, Qt.Key.Key_M)
    assert instrument.calls == [("set", "morph", 0.5)]


def test_the_sliders_are_those_of_the_tool(window, show):
    def visible() -> list[str]:
        return [name for name, made in window.play.tools.sliders.items() if made.isVisible()]

    assert visible() == ["variation", "temperature", "density"]
    show(with_controls(READY, mode="morph"))
    assert visible() == ["temperature", "density", "morph"]
    show(with_controls(structs.replace(READY, model=CONTINUES), mode="continue"))
    assert visible() == ["temperature", "density", "bars"]


def test_directions_are_those_of_the_model(window, instrument, show):
    panel = window.play.character
    assert list(panel.sliders) == ["attribute.density", "attribute.in_scale", "attribute.swagger"]
    QTest.keyClick(panel.sliders["attribute.swagger"].fader, Qt.Key.Key_End)
    assert asked(instrument) == [("set", "attribute.swagger", 3.0)]
    show(structs.replace(READY, model=HUMANIZES))
    assert list(panel.sliders) == []


def test_a_direction_that_two_models_have_is_of_the_new_one_alone(window, instrument, show):
    """The slider of the model before is deleted, and must not be shown to."""
    panel = window.play.character
    density = next(each for each in READY.model.attributes if each.name == "density")
    show(structs.replace(READY, model=structs.replace(READY.model, name="other", attributes=(density,))))
    QTest.qWait(1)  # what is to be deleted is
    assert window.field_places["attribute.density"] == [panel.sliders["attribute.density"]]
    show(with_controls(instrument.state, attributes=(("density", 1.0),)))
    assert panel.sliders["attribute.density"].text == "+1.0"


# Typing and choosing -------------------------------------------------------------------------


def type_into(field: QLineEdit, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


@pytest.mark.parametrize(
    ("typed", "tempo"), [("92,5", 92.5), ("92.5", 92.5), ("140 BPM", 140.0), ("400", 400.0)]
)
def test_a_tempo_is_taken_as_it_is_typed(window, instrument, show, typed, tempo):
    show(with_live(READY, clock=OWN_CLOCK))
    type_into(window.top.tempo, typed)
    assert instrument.calls == [("set", "tempo_bpm", tempo)]


@pytest.mark.parametrize("typed", ["1000", "5", "fast"])
def test_a_tempo_that_cannot_be_is_refused_with_a_sentence(window, instrument, show, typed):
    show(with_live(READY, clock=OWN_CLOCK))
    type_into(window.top.tempo, typed)
    assert instrument.calls == []
    assert "a number from 20 to 400" in window.toast.text
    assert "it stays 120.0 BPM" in window.toast.text
    assert window.top.tempo.text() == "120.0 BPM"


def test_esc_while_typing_gives_up_and_does_not_panic(window, instrument):
    seed = window.play.tools.seed
    seed.setFocus()
    seed.selectAll()
    QTest.keyClicks(seed, "123")
    QTest.keyClick(seed, Qt.Key.Key_Escape)
    assert instrument.calls == []
    assert seed.text() == "7"
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_N)
    assert instrument.calls == [("do", "new_take")]


def test_typing_a_seed_does_not_press_the_keys_of_tools(window, instrument):
    type_into(window.play.tools.seed, "123")
    assert instrument.calls == [("set", "seed", 123)]
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_N)
    assert instrument.calls[-1] == ("do", "new_take")


def test_pitches_are_typed_by_name(window, instrument):
    type_into(window.play.limits.lowest, "g4")
    assert instrument.calls == [("set", "lowest_pitch", 67)]
    window.tick()
    type_into(window.play.limits.lowest, "H9")
    assert len(instrument.calls) == 1
    assert "it stays G4" in window.toast.text


def test_the_seed_steps_with_the_arrows_and_the_wheel_leaves_it_alone(window, instrument):
    seed = window.play.tools.seed
    seed.setFocus()
    QTest.keyClick(seed, Qt.Key.Key_Up)
    window.tick()
    QTest.keyClick(seed, Qt.Key.Key_PageDown)
    assert instrument.calls == [("set", "seed", 8), ("set", "seed", 0)]


def test_letters_are_the_lists_while_it_has_the_focus_and_the_instruments_after(window, instrument):
    key = window.play.limits.key
    QTest.keyClick(window, Qt.Key.Key_K)
    assert window.focusWidget() is key
    QTest.keyClicks(key, "eb")
    assert instrument.calls[-1] == ("set", "key", "Eb")
    QTest.keyClick(key, Qt.Key.Key_Return)
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_N)
    assert instrument.calls[-1] == ("do", "new_take")


@pytest.mark.parametrize("name", ["model", "metre"])
def test_a_list_closed_by_esc_gives_the_keys_back(window, instrument, name):
    chooser = getattr(window.top, name)
    chooser.setFocus()
    chooser.showPopup()
    QTest.qWait(20)
    QTest.keyClick(chooser.view(), Qt.Key.Key_Escape)
    QTest.qWait(20)
    assert not chooser.view().isVisible()
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_D)
    assert instrument.calls == [("set", "demo", True)]


def test_the_wheel_over_a_closed_list_or_a_number_does_nothing(window, instrument):
    for field in (window.top.model, window.top.metre, window.play.limits.key, window.top.tempo):
        for turn in (120, -120):
            field.wheelEvent(wheel(turn=turn))
    assert instrument.calls == []


# Tools and models ----------------------------------------------------------------------------


def test_a_tool_of_another_model_is_asked_for_like_any(window, instrument):
    QTest.keyClick(window, Qt.Key.Key_6)
    assert instrument.calls == [("set", "mode", "continue")]


def test_a_tool_that_no_model_does_greys_with_its_reason(window, instrument):
    QTest.mouseClick(window.play.tools.modes.buttons["drumify"], Qt.MouseButton.LeftButton)
    assert instrument.calls == []
    assert window.toast.text == "No installed model does Drumify."


def test_another_model_is_loaded_by_the_instrument(window, instrument):
    chooser = window.top.model
    chooser.setCurrentIndex(chooser.findText("Groove: humanise drums"))
    chooser.activated.emit(chooser.currentIndex())
    assert instrument.calls == [("load_model", "humanize")]


def test_a_value_that_is_none_of_a_lists_is_written_on_it(window, show):
    """What is written is seen in the picture alone: Qt's own painting of it is replaced."""
    (models,) = window.field_places["model"]
    pictures = []
    for name in ("", "a", "b"):
        show(msgspec.structs.replace(READY, model=ModelFacts(name=name, reference=f"/{name}")))
        pictures.append(models.grab().toImage())
    assert pictures[0] != pictures[1] != pictures[2] != pictures[0]


def test_while_a_model_is_loaded_no_other_can_be_chosen(window, show):
    show(with_live(READY, loading="humanize"))
    assert not window.top.model.isEnabled()
    assert "goes on meanwhile" in window.top.model.toolTip()


# Heard bars, slots, takes --------------------------------------------------------------------


def test_a_drag_over_heard_bars_takes_them(window, instrument, show):
    show(with_live(READY, clock=OWN_CLOCK, captured=captured(6)))
    strip = window.play.strip_panel.strip
    cell = strip.width() / strip._places()
    at = [QPoint(round(cell * (n + 0.5)), 10) for n in range(4)]
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=at[1])
    QTest.mouseMove(strip, at[3])
    QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=at[3])
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=at[0])
    assert instrument.calls == [("pick", 2, 3), ("pick", 1, 1)]


def test_bars_are_taken_by_keyboard_too(window, instrument, show):
    show(with_live(READY, captured=captured(3)))
    strip = window.play.strip_panel.strip
    strip.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Return):
        QTest.keyClick(strip, key)
    assert instrument.calls == [("pick", 2, 1)]


def test_shift_and_arrows_take_up_to_sixteen_bars_also_those_out_of_sight(window, instrument, show):
    show(with_live(READY, clock=OWN_CLOCK, captured=captured(40)))
    strip = window.play.strip_panel.strip
    strip.setFocus()
    for _ in range(50):
        QTest.keyClick(strip, Qt.Key.Key_Left)
    assert strip.shown[0].id == 1
    for _ in range(20):
        QTest.keyClick(strip, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    QTest.keyClick(strip, Qt.Key.Key_Left)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert instrument.calls == [("pick", 1, 16), ("pick", 15, 1)]


def test_a_key_with_ctrl_is_a_shortcut_wherever_the_focus_is(window, instrument, show):
    show(with_live(READY, captured=captured(3)))
    strip, button = window.play.strip_panel.strip, window.play.bottom.sound
    for widget in (strip, button, window.play.tools.sliders["variation"].fader):
        widget.setFocus()
        QTest.keyClick(widget, Qt.Key.Key_Left, CONTROL)
    assert [call for call in instrument.calls if call[0] == "do"] == [("do", "offset.earlier")] * 3


def test_the_keys_go_on_from_the_bar_that_was_clicked(window, instrument, show):
    show(with_live(READY, clock=OWN_CLOCK, captured=captured(6)))
    strip = window.play.strip_panel.strip
    QTest.mouseClick(
        strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.width() / strip._places() * 3.5), 10)
    )
    QTest.keyClick(strip, Qt.Key.Key_Right)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert instrument.calls == [("pick", 4, 1), ("pick", 5, 1)]


def test_the_focus_frames_a_bar_and_hides_nothing_of_it(window, instrument, show):
    show(with_live(READY, clock=OWN_CLOCK, captured=captured(3)))
    instrument.events = [Heard(1, 0.0, bytes((0x90, 64, 90)))]
    window.tick()
    strip = window.play.strip_panel.strip
    window.top.setFocus()
    inside = strip._cell(0).adjusted(4, 4, -4, -4).toRect()
    before = strip.grab(inside).toImage()
    strip.setFocus()
    assert strip.hasFocus()
    assert strip.grab(inside).toImage() == before


def test_more_bars_than_there_is_room_for_are_scrolled(window, show):
    show(with_live(READY, clock=OWN_CLOCK, captured=captured(40)))
    strip = window.play.strip_panel.strip
    assert strip.shown[-1].id == 40
    for _ in range(10):
        strip.wheelEvent(wheel(turn=120))
    assert strip.shown[-1].id == 30


def test_live_follows_again(window, instrument):
    QTest.mouseClick(window.play.strip_panel.live, Qt.MouseButton.LeftButton)
    assert instrument.calls == [("do", "live")]


def test_a_slot_stores_when_empty_and_is_answered_when_full(window, instrument, show):
    show(playing())
    cards = window.play.slots.cards
    QTest.mouseClick(cards["D"], Qt.MouseButton.LeftButton)
    QTest.mouseClick(cards["B"], Qt.MouseButton.LeftButton)
    assert instrument.calls == [("do", "store.D"), ("do", "recall.B")]


def test_a_midi_file_dropped_on_a_slot_is_stored_there(window, instrument, show, tmp_path):
    window._files.write(demo_phrase(), 100.0, tmp_path / "in.mid")
    window.play.slots.cards["C"].dropped.emit(str(tmp_path / "in.mid"), True)
    (name, slot, phrase) = instrument.calls[0]
    assert (name, slot, phrase.bars) == ("store", "C", 2)
    assert [n.pitch for n in phrase.notes] == [n.pitch for n in demo_phrase().notes]
    window.play.slots.cards["C"].dropped.emit(str(tmp_path / "missing.mid"), True)
    assert len(instrument.calls) == 1
    assert "missing.mid" in window.toast.text


def test_a_midi_file_dropped_anywhere_is_answered_from_the_first_free_slot(
    window, instrument, show, tmp_path
):
    show(playing())
    window._files.write(demo_phrase(), 100.0, tmp_path / "in.mid")
    window._exchange.take_file(tmp_path / "in.mid")
    assert [call[:2] for call in instrument.calls] == [("store", "D"), ("do", "recall.D")]
    window._exchange.take_file(tmp_path / "no.mid")
    assert len(instrument.calls) == 2


def test_a_dropped_file_of_more_notes_than_a_session_keeps_is_refused(window, instrument, tmp_path):
    crowd = [Note(row % 3800 / 480, 60 + row // 3800, 1 / 480, 80) for row in range(8001)]
    write_midi(tmp_path / "crowd.mid", [Part("Lead", crowd)], bars=2, ppq=480)
    window._exchange.take_file(tmp_path / "crowd.mid")
    assert "8001 notes in bars 1 to 2, 8000 at most" in window.toast.text
    assert not instrument.calls


def test_a_bundle_dropped_anywhere_is_loaded_and_other_files_are_not_taken(window, instrument, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "bundle.json").touch()
    window._exchange.take_file(tmp_path / "mine")
    assert instrument.calls == [("load_model", str(tmp_path / "mine"))]
    taken = [is_midi_or_bundle(tmp_path / name) for name in ("mine", "a.zip", "b.MID", "c.wav", "")]
    assert taken == [True, True, True, False, False]


def dropped_on(widget: QWidget, *paths: Path) -> bool:
    """Drop paths as a file manager does; return whether the drop was taken."""
    data, middle = QMimeData(), QPointF(widget.rect().center())
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, copy = Qt.MouseButton.LeftButton, Qt.DropAction.CopyAction
    entered = QDragEnterEvent(middle.toPoint(), copy, data, buttons, NO_MODIFIER)
    entered.ignore()
    QApplication.sendEvent(widget, entered)
    if entered.isAccepted():
        QApplication.sendEvent(widget, QDropEvent(middle, copy, data, buttons, NO_MODIFIER))
    return entered.isAccepted()


def test_a_style_is_learned_from_a_folder_or_files_that_are_dropped_on_it(window, instrument, tmp_path):
    songs, one, two = tmp_path / "songs", tmp_path / "one.mid", tmp_path / "two.MIDI"
    songs.mkdir()
    for path in (one, two, tmp_path / "notes.txt"):
        path.write_bytes(b"")
    panel = window.play.shape.style_panel
    assert dropped_on(panel, songs)
    assert dropped_on(panel, one, tmp_path / "notes.txt", two)
    assert not dropped_on(panel, tmp_path / "notes.txt")
    assert asked(instrument) == [("learn_style", [songs]), ("learn_style", [one, two])]


def test_of_several_files_dropped_on_the_window_the_first_is_taken_and_that_is_said(
    window, instrument, tmp_path
):
    files = [tmp_path / f"{number}.mid" for number in range(3)]
    for file in files:
        write_midi(file, [Part("Lead", demo_phrase().notes)], bars=2)
    assert dropped_on(window, *files)
    (stored, recalled) = instrument.calls
    assert (stored[:2], recalled) == (("store", "A"), ("do", "recall.A"))
    assert window.toast.text.startswith("0.mid was taken, 2 other files left: drop them on slots")


def test_a_folder_of_songs_dropped_anywhere_is_a_style(window, instrument, tmp_path):
    assert dropped_on(window, tmp_path)
    assert asked(instrument) == [("learn_style", [tmp_path])]


@pytest.mark.parametrize("entry", ["Style from a folder …", "Style from MIDI files …"])
@pytest.mark.parametrize("opener", ["button", "menu"])
def test_a_style_is_asked_for_by_keyboard_without_stopping_anything(
    window, instrument, show, tmp_path, entry, opener
):
    show(playing())
    window.play.shelf.open("Shape")
    if opener == "button":
        window.play.shape.style_panel.buttons["style.files"].setFocus()
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Return)
    else:
        QTest.keyClick(window, Qt.Key.Key_F10)
    menu = next(each for each in window.findChildren(QMenu) if each.isVisible())
    next(each for each in menu.actions() if each.text() == entry).trigger()
    menu.close()
    (dialog,) = (each for each in window.findChildren(QFileDialog) if each.isVisible())
    assert not dialog.isModal()
    dialog.filesSelected.emit([str(tmp_path)])
    assert asked(instrument) == [("learn_style", [tmp_path])]
    dialog.close()


def test_the_style_panel_says_what_the_style_is_and_how_far_its_files_are_read(window, show):
    panel = window.play.shape.style_panel
    show(playing())
    assert panel.source.whole == "no style yet"
    assert not panel.buttons["style.forget"].available
    show(with_live(playing(), reading_style="12 of 80 files"))
    assert panel.source.whole == "reading 12 of 80 files"
    assert panel.buttons["style.forget"].available
    controls = replace(Controls(), style=Style("songs " * 40, 312, 2000))
    show(with_document(playing(), controls=controls))
    assert panel.source.whole == f"{'songs ' * 40}, 312 bars"
    window.play.shelf.open("Shape")
    window.resize(*TIGHT)
    QTest.qWait(1)
    assert panel.source.text().endswith("…")
    assert panel.source.accessibleName() == panel.source.whole
    assert panel.buttons["style.forget"].available


@pytest.mark.parametrize("size", [(1280, 820), (1024, 640), (940, 480)])
def test_what_moves_a_slider_is_written_at_every_size(window, show, size):
    show(with_document(playing(), bindings=DEFAULT_MAP))
    window.resize(*size)
    QTest.qWait(1)
    sliders = window.play.tools.sliders
    written = {name: sliders[name].binding for name in ("variation", "temperature", "density")}
    assert written == {"variation": "CC 20", "temperature": "CC 22", "density": "CC 23"}


# Takes and history ---------------------------------------------------------------------------


def takes_of(count: int) -> tuple[Take, ...]:
    return tuple(Take(Controls(seed=at), demo_phrase(), 1.0) for at in range(count))


def test_a_take_is_heard_once_the_hand_rests_on_it_and_left_with_it(window, show, instrument):
    show(with_live(playing(), takes=takes_of(8)))
    takes = window.play.takes
    takes.cards[2].entered.emit()
    takes.cards[2].left.emit()  # passed over
    assert not takes._dwell.isActive()
    takes.cards[3].entered.emit()
    assert takes._dwell.isActive()
    takes._dwell.timeout.emit()
    takes.cards[3].left.emit()
    takes.cards[4].entered.emit()
    takes._dwell.timeout.emit()
    takes.cards[4].pressed.emit()
    takes.cards[4].left.emit()
    calls = [("hear_take", 3), ("hear_take", None), ("hear_take", 4), ("keep_take", 4)]
    assert instrument.calls == calls


def test_a_card_that_is_note_for_note_another_says_so_instead_of_how_well_it_fits(window, show):
    others = [
        Take(Controls(seed=9), demo_phrase().transposed(2), 0.9),
        Take(Controls(seed=8), demo_phrase(), 0.8),
    ]
    show(with_live(playing(), takes=(*takes_of(1), *others)))
    cards = window.play.takes.cards
    said = [card.accessibleDescription() for card in cards[:3]]
    assert said == ["fits 100%", "fits 90%", "same as 1"]
    assert "move Variation, Morph or the pad" in cards[2].toolTip()
    assert "move Variation" not in cards[0].toolTip()


def test_a_take_is_not_heard_since_another_widget_is_gone(window, show):
    show(with_live(playing(), takes=takes_of(8)))
    window.play.shelf.open("Shape")
    window.play.shelf.tabs["Shape"].setFocus()
    for gone in (window.play.shelf.tabs["Shape"], window.play.takes):
        QTest.keyClick(window, Qt.Key.Key_Tab)  # onto the panel
        window.play.shelf.open("Takes")
        assert not window.play.takes._dwell.isActive(), gone
        window.play.shelf.open("Shape")
    window.play.shelf.open("Takes")
    window.play.takes.cards[0].setFocus(Qt.FocusReason.TabFocusReason)
    assert window.play.takes._dwell.isActive()


def test_the_focus_of_a_widget_that_greys_goes_where_keys_are_the_instruments(window, instrument, show):
    window.play.tools.sliders["temperature"].fader.setFocus()
    window.play.tools.sliders["temperature"].fader.setEnabled(False)
    assert window.focusWidget() is window.play.tools.sliders["variation"].fader


def test_tab_goes_on_from_a_field_that_gave_the_keys_back(window):
    settings = window.pages.open("Settings")
    left = settings.findChildren(QComboBox)[0]
    left.setFocus()
    QTest.keyClick(left, Qt.Key.Key_Return)
    assert window.focusWidget() is settings.back
    QTest.keyClick(settings.back, Qt.Key.Key_Tab)
    went_on = window.focusWidget()
    left.setFocus()
    QTest.keyClick(left, Qt.Key.Key_Tab)
    assert window.focusWidget() is went_on is not settings.back


def test_a_take_is_stored_by_its_menu_as_it_was_before_it_was_shifted(window, show, instrument):
    transposed = with_document(playing(), settings=Settings(transpose=2))
    show(with_live(transposed, takes=takes_of(8)))
    card = window.play.takes.cards[1]
    card.menu_wanted.emit(QPoint(0, 0))
    chosen_in_menu(window, "Store in A")
    assert instrument.calls == [("store", "A", takes_of(8)[1].phrase.transposed(-2))]


@pytest.mark.parametrize("page", ["Takes", "History"])
def test_slots_are_in_reach_of_pages_of_cards(window, show, instrument, page):
    show(playing())
    slots = window.pages.open(page).slots
    window.tick()
    assert slots.cards["B"].phrase is not None
    QTest.mouseClick(slots.cards["D"], Qt.MouseButton.LeftButton)
    assert instrument.calls == [("do", "store.D")]


def test_more_cards_than_a_row_are_on_a_page_of_their_own(window, show, instrument):
    QTest.mouseClick(window.play.cards.buttons["64"], Qt.MouseButton.LeftButton)
    assert ("set", "cards", "64") in instrument.calls
    show(with_live(instrument.state, takes=takes_of(64)))
    page = window.pages.page
    assert page.title == "Takes"
    assert sum(card.isVisible() and card.phrase is not None for card in page.takes.cards) == 64
    show(with_live(instrument.state, takes=takes_of(16)))
    assert [card.isVisible() for card in page.takes.cards] == [True] * 16 + [False] * 48


def test_everything_that_has_sounded_is_written_and_nothing_replaced(window, show, tmp_path):
    phrases = [demo_phrase(), demo_phrase().transposed(5)]
    sounded = tuple(Sounded(at + 1, each, at * 8.0, playing().document) for at, each in enumerate(phrases))
    show(with_live(READY, sounded=sounded))
    window._exchange.write_all(str(tmp_path))
    window._exchange.write_all(str(tmp_path))
    assert window.toast.text == f"Written: 2 files in {tmp_path}"
    names = sorted(path.name for path in tmp_path.glob("*.mid"))
    assert names == [
        "0001-vary-seed-6213-2.mid", "0001-vary-seed-6213.mid",
        "0002-vary-seed-6213-2.mid", "0002-vary-seed-6213.mid",
    ]  # fmt: skip
    written = read_midi(tmp_path / names[3])
    assert {note.pitch for note in written.tracks[0].notes} == {note.pitch for note in phrases[1].notes}
    window._exchange.write_all(str(tmp_path / "missing"))
    assert window.toast.text.startswith("0 of 2 files written")


def test_each_answer_is_written_in_the_voices_of_the_model_that_made_it(window, show, tmp_path):
    band = Phrase.of([Note(0.0, 60, 1.0), Note(0.0, 40, 1.0, 80, 1)], 1)
    document = msgspec.structs.replace(playing().document, model=ModelReference("band"))
    sounded = (Sounded(1, band, 0.0, document), Sounded(2, demo_phrase(), 8.0, playing().document))
    voices = {"band": (Voice(name="tune", program=65), Voice(name="bass", channel=1, program=33))}
    show(with_live(READY, sounded=sounded, voices=voices))
    window._exchange.write_all(str(tmp_path))
    of_band = read_midi(tmp_path / "0001-vary-seed-6213.mid")
    assert [(track.name, track.program) for track in of_band.tracks] == [("Tune", 65), ("Bass", 33)]
    window._exchange.write(band, str(tmp_path / "again.mid"))
    assert [track.name for track in read_midi(tmp_path / "again.mid").tracks] == ["Tune", "Bass"]
    (alone,) = read_midi(tmp_path / "0002-vary-seed-6213.mid").tracks
    assert alone.name not in ("Tune", "Bass")


# The pad -------------------------------------------------------------------------------------


def test_a_drag_on_the_pad_moves_both_parameters_in_one_gesture(window, instrument):
    square = window.play.slots.pad.square
    QTest.mousePress(square, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    QTest.mouseMove(square, QPoint(square.width(), square.height()))
    QTest.mouseRelease(square, Qt.MouseButton.LeftButton)
    assert instrument.calls[0] == ("begin", "pad_x")
    assert instrument.calls[-1] == ("end", "pad_x")
    assert [call[1:] for call in asked(instrument)] == [
        ("pad_x", 0.0), ("pad_y", 0.0), ("pad_x", 1.0), ("pad_y", 1.0),
    ]  # fmt: skip


def test_arrows_step_the_pad_and_its_shares_can_be_read(window, show, instrument):
    show(with_controls(playing(), mode="morph", morph_by="pad", pad_x=0.25, pad_y=0.0))
    square = window.play.slots.pad.square
    assert square.accessibleDescription() == "A 75% · B 25%"
    QTest.keyClick(square, Qt.Key.Key_Right)
    QTest.keyClick(square, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert [call[1:] for call in asked(instrument)] == [("pad_x", 0.26), ("pad_y", 0.1)]
    assert window.play.roll.music.title.startswith("Morph A 75% · B 25%")


def test_the_pad_follows_a_knob_but_not_under_the_hand(window, show):
    square = window.play.slots.pad.square
    QTest.mousePress(square, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    show(with_controls(READY, pad_x=0.9))
    assert square.places["pad_x"] == 0.0
    QTest.mouseRelease(square, Qt.MouseButton.LeftButton)
    show(with_controls(READY, pad_x=0.8))
    assert square.places["pad_x"] == 0.8


def test_the_pad_remembers_where_the_hand_was(window, show):
    square = window.play.slots.pad.square
    for place in (0.6, 0.7, 0.8):
        show(with_controls(READY, pad_x=place))
    assert square.trail == ((0.5, 0.5), (0.6, 0.5), (0.7, 0.5))


def test_the_ends_of_the_line_are_quiet_while_the_pad_is_chosen(window, show):
    (list_of_a,) = (each for each in window.field_places["morph_from"])
    show(with_controls(READY, mode="morph", morph_by="line"))
    assert (list_of_a.property("quiet"), list_of_a.isEnabled()) == (False, True)
    show(with_controls(READY, mode="morph", morph_by="pad"))
    assert (list_of_a.property("quiet"), list_of_a.isEnabled()) == (True, True)


# Chips of what sounded -----------------------------------------------------------------------


def test_chips_show_the_last_answers_each_once_and_play_them_again(window, show, instrument):
    document = READY.document
    phrases = [answer(demo_phrase(), semitones) for semitones in (0, 2, 2)]
    louder = [replace(note, velocity=note.velocity - 1) for note in phrases[2].notes]
    phrases[2] = replace(phrases[2], notes=tuple(louder))  # played otherwise, and still the same tune
    sounded = tuple(Sounded(3 + at, each, 8.0 * at, document) for at, each in enumerate(phrases))
    show(with_document(with_live(READY, sounded=sounded), favourites=(Favourite(phrases[0], Controls()),)))
    shown = [chip for chip in window.play.bottom.chips.chips if chip.isVisible()]
    assert [(chip.number, chip.phrase, chip.caption) for chip in shown] == [
        (5, phrases[2], "not kept"), (3, phrases[0], "kept"),
    ]  # fmt: skip
    QTest.mouseClick(shown[1], Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    for chip in shown:
        QTest.mouseClick(chip, Qt.MouseButton.LeftButton, pos=QPoint(chip.width() - 5, 10))
    assert instrument.calls == [("play_again", 3), ("keep_sounded", 5), ("drop_favourite", 0)]


# Locks ---------------------------------------------------------------------------------------


def at(window: InstrumentWindow, beats: float, pitch: int) -> QPoint:
    """Where a beat and a pitch are on the roll."""
    roll = window.play.roll
    y = roll.places.top() + (roll.axis.row_of_pitch(pitch) + 0.5) * roll.places.row_height()
    return QPoint(round(roll.places.x(beats)), round(y))


def paint(window: InstrumentWindow, start: QPoint, end: QPoint, modifier=NO_MODIFIER) -> None:
    roll = window.play.roll
    QTest.mousePress(roll, Qt.MouseButton.LeftButton, modifier, start)
    QTest.mouseMove(roll, end)
    QTest.mouseRelease(roll, Qt.MouseButton.LeftButton, modifier, end)


def test_a_drag_over_the_roll_locks_whole_steps_and_with_shift_the_pitches_under_it(window, instrument, show):
    show(playing())
    QTest.keyClick(window, Qt.Key.Key_J)
    assert window.play.roll.is_locking
    paint(window, at(window, 2.1, 60), at(window, 3.9, 62))
    paint(window, at(window, 0.3, 67), at(window, 0.9, 62), Qt.KeyboardModifier.ShiftModifier)
    assert instrument.calls == [("lock", Lock(2.0, 4.0)), ("lock", Lock(0.25, 1.0, 62, 67))]


def test_a_click_on_a_lock_lets_it_go_and_beside_one_does_nothing(window, instrument, show):
    lock = Lock(2.0, 4.0)
    controls = replace(playing().document.controls, locks=(lock,))
    show(with_document(playing(), controls=controls))
    window.edit("locking", True)
    paint(window, at(window, 3.0, 60), at(window, 3.0, 60))
    paint(window, at(window, 6.0, 60), at(window, 6.0, 60))
    assert instrument.calls == [("lock", lock)]


def keys(window: InstrumentWindow, *pressed: Qt.Key, shift: bool = False) -> None:
    for key in pressed:
        modifier = Qt.KeyboardModifier.ShiftModifier if shift else NO_MODIFIER
        QTest.keyClick(window.focusWidget(), key, modifier)


def test_a_lock_of_steps_bars_and_rows_is_made_by_keys(window, instrument, show):
    show(playing())
    keys(window, Qt.Key.Key_J)
    roll, key = window.play.roll, Qt.Key
    assert window.focusWidget() is roll
    keys(window, key.Key_PageDown, key.Key_Right, key.Key_Right, key.Key_Left)
    keys(window, key.Key_Right, key.Key_Right, key.Key_Right, shift=True)
    assert roll.accessibleName() == "Playing, bar 2, step 2, 4 steps"
    keys(window, key.Key_Return)
    top = roll.axis.high
    keys(window, key.Key_Down, key.Key_Down)
    keys(window, key.Key_Down, shift=True)
    keys(window, key.Key_Enter)
    assert instrument.calls == [("lock", Lock(4.25, 5.25)), ("lock", Lock(4.25, 5.25, top - 2, top - 1))]
    keys(window, key.Key_J)
    assert window.focusWidget() is not roll
    assert not roll.is_locking


def test_return_lets_go_of_the_lock_under_the_frame_and_space_still_plays(window, instrument, show):
    controls = replace(playing().document.controls, locks=(Lock(0.0, 2.0),))
    show(with_live(with_document(playing(), controls=controls), clock=OWN_CLOCK))
    keys(window, Qt.Key.Key_J, Qt.Key.Key_Return, Qt.Key.Key_Space)
    assert instrument.calls == [("lock", Lock(0.0, 2.0)), ("do", "play_stop")]


# MIDI learn and pages ------------------------------------------------------------------------


def test_all_that_a_message_can_move_is_learned_on_the_page_of_the_map_by_keyboard(window, instrument, show):
    show(with_document(READY, bindings=(Binding("program", 0, 8, "store.B"),)))
    page = window.pages.open("MIDI map")
    window.tick()
    table = READY.table
    others = {name for name, found in table.parameters.items() if isinstance(found, Text) or "." in name}
    assert set(page.buttons) == {*table.parameters, *table.actions} - others
    button = page.buttons["store.B"]
    assert (button.text(), page.buttons["pick_last.4"].text()) == ("program 9 on channel 1", "Learn")
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert instrument.calls == [("learn", "store.B")]
    show(with_live(instrument.state, learning="store.B"))
    assert button.text() == "waits for a message"
    QTest.keyClick(button, Qt.Key.Key_Return)
    assert instrument.calls[1:] == [("unbind", "store.B"), ("learn", "")]


def test_what_waits_for_a_message_waits_no_more_after_esc_or_on_another_page(window, instrument, show):
    window.pages.open("MIDI map")
    show(with_live(READY, learning="store.B"))
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert instrument.calls == [("learn", "")]
    window.pages.open("History")
    assert instrument.calls == [("learn", "")] * 2
    show(READY)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert instrument.calls[2:] == [("do", "panic")]


def test_a_list_that_is_left_on_a_page_gives_the_keys_to_the_page(window, instrument, show):
    page = window.pages.open("Connections")
    window.tick()
    (chords_from,) = window.field_places["chords_from"]
    chords_from.setFocus()
    QTest.keyClick(chords_from, Qt.Key.Key_Escape)
    assert page.back.hasFocus()
    QTest.keyClick(page.back, Qt.Key.Key_End)
    assert instrument.calls == []


def test_the_keys_for_pages_scroll_to_what_no_field_leads_to(window):
    page = window.pages.open("Connections")
    bar = page._scroll.verticalScrollBar()
    QTest.keyClick(page.back, Qt.Key.Key_PageDown)
    assert bar.value() == min(bar.pageStep(), bar.maximum()) > 0
    QTest.keyClick(page.back, Qt.Key.Key_End)
    assert bar.value() == bar.maximum()
    QTest.keyClick(page.back, Qt.Key.Key_Home)
    assert bar.value() == 0


def test_learning_asks_for_the_control_that_is_clicked_and_esc_ends_it(window, instrument, show):
    QTest.keyClick(window, Qt.Key.Key_K, CONTROL)
    layer = window._learning.layer
    assert layer.isVisible()
    place = layer._places["variation"].center()
    QTest.mouseClick(layer, Qt.MouseButton.LeftButton, pos=place)
    assert instrument.calls == [("learn", "variation")]
    show(with_live(READY, learning="variation"))
    assert layer._text.startswith("Variation: turn a knob")
    QTest.mouseClick(layer, Qt.MouseButton.LeftButton, pos=place)
    assert instrument.calls[1:] == [("unbind", "variation"), ("learn", "")]
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert instrument.calls[-1] == ("learn", "")
    assert not layer.isVisible()
    assert ("do", "panic") not in instrument.calls


def test_every_control_in_sight_can_be_learned(window, instrument, show):
    window._learning.begin()
    places = window._learning.layer._places
    assert {"variation", "mode", "new_take", "bypass", "play_stop", "tempo_bpm", "seed"} <= set(places)
    assert set(places) <= {*instrument.state.table.parameters, *instrument.state.table.actions}


def test_pages_open_and_the_keys_of_the_instrument_work_on_them(window, instrument):
    QTest.keyClick(window, Qt.Key.Key_F1)
    assert window.pages.page.title == "Shortcuts"
    QTest.keyClick(window, Qt.Key.Key_N)
    assert instrument.calls == [("do", "new_take")]
    QTest.keyClick(window, Qt.Key.Key_Backspace)
    assert window.pages.page is None


def test_a_page_shows_the_state_when_it_is_opened_though_nothing_changes(window, instrument):
    window.tick()
    page = window.pages.open("Connections")
    window.tick()
    texts = [label.text() for label in page.findChildren(QLabel)]
    assert any(text.startswith("Nothing comes in.") for text in texts)
    assert "Antiphon:Antiphon In" in texts


def test_a_model_is_loaded_from_its_card(window, instrument, show):
    page = window.pages.open("Models")
    window.tick()
    QTest.mouseClick(page.buttons["humanize"], Qt.MouseButton.LeftButton)
    assert instrument.calls == [("load_model", "humanize")]
    show(with_live(READY, loading="humanize"))
    assert page.buttons["humanize"].text() == "Loading …"


@pytest.mark.parametrize(("reference", "text"), [("humanize", "Loaded"), ("/mine/humanize", "Load")])
def test_a_bundle_of_an_installed_ones_name_is_not_that_one(reference, text, window, show):
    page = window.pages.open("Models")
    show(msgspec.structs.replace(READY, model=ModelFacts(name="humanize", reference=reference)))
    assert page.buttons["humanize"].text() == text


@pytest.mark.parametrize("chosen", ["mine/bundle.json", "mine.zip"])
def test_a_bundle_from_anywhere_is_opened(chosen, window, instrument, tmp_path):
    page = window.pages.open("Models")
    QTest.mouseClick(page.open, Qt.MouseButton.LeftButton)
    (dialog,) = page.findChildren(QFileDialog)
    assert not dialog.isModal()
    assert dialog.nameFilters() == ["Bundles (*.zip bundle.json)"]
    dialog.fileSelected.emit(str(tmp_path / chosen))
    assert instrument.calls == [("load_model", str(tmp_path / chosen.removesuffix("/bundle.json")))]
    dialog.close()


def test_a_session_opened_lately_is_gone_on_with(window, instrument, show):
    page = window.pages.open("Sessions")
    show(with_live(READY, kept=Kept(path="/music/a.antiphon", saved=False, recent=("/music/b.antiphon",))))
    assert "/music/a.antiphon · to be saved" in [label.text() for label in page.findChildren(QLabel)]
    (button,) = [b for b in page.findChildren(KeyButton) if b.text() == "b"]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert instrument.calls == [("open_document", Path("/music/b.antiphon"))]


def test_the_look_is_chosen_and_kept(window, settings, qapp):
    page = window.pages.open("Settings")
    QTest.mouseClick(page.look.buttons["light"], Qt.MouseButton.LeftButton)
    assert theme.now() is theme.LIGHT
    assert settings.value("look") == "light"
    QTest.mouseClick(page.look.buttons["dark"], Qt.MouseButton.LeftButton)
    assert theme.now() is theme.DARK


def test_bars_dragged_out_of_the_strip_are_a_phrase(window, instrument, show):
    show(with_live(READY, clock=OWN_CLOCK, captured=captured(6)))
    strip, dragged = window.play.strip_panel.strip, []
    strip.dragged.disconnect()
    strip.dragged.connect(lambda first, count: dragged.append((first, count)))
    cell = strip.width() / strip._places()
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(cell * 1.5), 10))
    QTest.mouseMove(strip, QPoint(round(cell * 2.5), 12))
    QTest.mouseMove(strip, QPoint(round(cell * 2.5), strip.height() + 40))
    QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(cell * 2.5), 90))
    assert dragged == [(2, 2)]
    assert instrument.calls == []


# History -----------------------------------------------------------------------------------------


def chosen_in_menu(window: QWidget, text: str) -> None:
    """Choose an entry of the menu that is open."""
    menu = next(each for each in window.findChildren(QMenu) if each.isVisible())
    next(action for action in menu.actions() if action.text() == text).trigger()
    menu.close()


def heard_at(number: int, semitones: int, transpose: int = 0) -> Sounded:
    document = with_controls(playing(), seed=number).document
    settings = replace(document.settings, transpose=transpose)
    document = msgspec.structs.replace(document, settings=settings)
    return Sounded(number, demo_phrase().transposed(semitones), 0.0, document)


def test_answers_and_favourites_are_played_again_kept_dropped_and_stored(window, instrument, show):
    page = window.pages.open("History")
    sounded = (heard_at(3, 0), heard_at(4, 0), heard_at(5, 7, transpose=7))
    show(with_live(with_document(READY, favourites=(Favourite(demo_phrase()),)), sounded=sounded))
    (kept,), (shifted, plain) = page.favourites.cards, page.sounded.cards
    assert [(card.accessibleName(), card.caption) for card in (plain, shifted)] == [
        ("Vary 30%", "seed 4"),
        ("Vary 30%", "seed 5"),
    ]
    QTest.mouseClick(plain, Qt.MouseButton.LeftButton)
    QTest.mouseClick(kept, Qt.MouseButton.LeftButton)
    for card, entry in (
        (shifted, "Keep among the favourites"),
        (shifted, "Store in B"),
        (kept, "Drop from the favourites"),
    ):
        card.menu_wanted.emit(QPoint(0, 0))
        chosen_in_menu(window, entry)
    assert instrument.calls == [
        ("play_again", 4), ("play_favourite", 0), ("keep_sounded", 5), ("store", "B", demo_phrase()),
        ("drop_favourite", 0),
    ]  # fmt: skip


def test_a_card_of_history_keeps_its_phrase_and_the_focus_while_others_come(window, instrument, show):
    page = window.pages.open("History")
    show(with_live(READY, sounded=(heard_at(3, 0), heard_at(4, 2))))
    first = page.sounded.cards[1]
    QTest.qWait(1)  # it is laid out
    first.setFocus(Qt.FocusReason.TabFocusReason)
    show(with_live(READY, sounded=(heard_at(3, 0), heard_at(4, 2), heard_at(5, 4), heard_at(6, 0))))
    assert window.focusWidget() is first
    assert [page.sounded.cards.index(first), len(page.sounded.cards)] == [0, 3]  # it sounded again, as 6
    QTest.keyClick(first, Qt.Key.Key_Return)
    assert instrument.calls == [("play_again", 6)]
    QTest.qWait(1)
    QTest.keyClick(first, Qt.Key.Key_Tab)
    assert window.focusWidget() is page.sounded.cards[1]
    show(READY)
    assert page.sounded.cards == []


# Notices -------------------------------------------------------------------------------------


def test_a_notice_says_reason_and_remedy_moves_nothing_and_goes_when_it_is_over(window, show):
    QTest.qWait(50)
    before = [w.geometry() for w in window.play.findChildren(QWidget) if w.isVisible()]
    show(with_live(READY, notices=(Notice("The JACK server went away.", "Start it again."),)))
    assert window.toast.text == "The JACK server went away. Start it again."
    QTest.qWait(1)
    assert [w.geometry() for w in window.play.findChildren(QWidget) if w.isVisible()] == before
    show(READY)
    assert window.toast.text == ""


def test_a_hint_fades_and_an_error_stays(window):
    window.notify("A hint.", "hint")
    assert window.toast._timer.isActive()
    window.notify("An error.")
    assert not window.toast._timer.isActive()
    window.toast._dismiss()
    assert window.toast.text == ""


def test_of_several_notices_the_newest_is_shown_and_every_other_can_be_reached(window, show, instrument):
    first, second, third = (Notice(f"Number {at}", about=f"{at}") for at in (1, 2, 3))
    show(with_live(READY, notices=(first,)))
    assert (window.toast.text, window.toast.count) == ("Number 1.", "")
    show(with_live(READY, notices=(first, second, third)))
    assert (window.toast.text, window.toast.count) == ("Number 3.", "1 of 3")
    QTest.mouseClick(window.toast.next, Qt.MouseButton.LeftButton)
    assert (window.toast.text, window.toast.count) == ("Number 2.", "2 of 3")
    show(with_live(READY, notices=(first, second)))  # the third is over; the hand stays where it is
    assert (window.toast.text, window.toast.count) == ("Number 2.", "1 of 2")
    window.toast._dismiss()
    window.tick()
    assert instrument.calls == [("dismiss", "2")]
    assert (window.toast.text, window.toast.count) == ("Number 1.", "")
    window.notify("A hint.", "hint")
    assert (window.toast.text, window.toast.count) == ("A hint.", "1 of 2")
    window.toast._fade()
    assert window.toast.text == "Number 1."


def test_notices_cover_no_button_at_any_size(window, qapp):
    """They float over the roll, also once the window has been resized."""
    window.notify("Every note was ended.")
    for width in (1280, 1024, 900):
        window.resize(width, 820)
        qapp.processEvents()
        roll, toast = window.play.roll, window.toast
        assert QRect(roll.mapTo(window, QPoint()), roll.size()).contains(
            QRect(toast.mapTo(window, QPoint()), toast.size())
        )
    window.pages.open("History")
    window.notify("Nothing has sounded yet.", "hint")
    assert window.centralWidget().rect().contains(window.toast.geometry())


def test_a_hint_that_has_faded_comes_back_only_when_it_is_said_again(window, show):
    hint, other = Notice("Slot A is empty.", mood="hint", about="slots"), Notice("Late.", about="late")
    show(with_live(READY, notices=(hint,)))
    window.toast._fade()
    show(with_live(READY, notices=(hint, other)))
    assert (window.toast.text, window.toast.count) == ("Late.", "")
    show(with_live(READY, notices=()))
    show(with_live(READY, notices=(hint,)))
    assert window.toast.text == "Slot A is empty."


def test_markup_in_a_notice_is_shown_as_it_is(window):
    window.notify("<img src=x> is no model", "bad")
    assert window.toast._text.textFormat() == Qt.TextFormat.PlainText
    assert window.toast.text == "<img src=x> is no model"


# Time and ports ------------------------------------------------------------------------------


def test_the_roll_shows_the_music_and_the_playhead_moves(window, show):
    sounding = Sounding(demo_phrase(), 2.0)
    state = with_live(READY, clock=clock(position_beats=13.0, bpm=60.0), playing=sounding)
    show(state)
    assert window.play.roll.music.playing == demo_phrase()
    assert window.play.roll.position == pytest.approx(3.0, abs=0.5)
    show(with_live(state, clock=clock(status="stopped")))
    assert window.play.roll.position is None


def test_the_roll_is_zoomed_at_the_playhead_by_keys(window, show):
    show(playing())
    roll = window.play.roll
    roll.show_position(4.0)
    before = roll.places.x(4.0)
    QTest.keyClick(window, Qt.Key.Key_Equal, CONTROL)
    assert (roll.places.shown_beats, roll.places.x(4.0)) == (pytest.approx(6.4), pytest.approx(before))
    QTest.keyClick(window, Qt.Key.Key_Minus, CONTROL)
    assert (roll.places.first_beats, roll.places.shown_beats) == (0.0, 0.0)  # all of it


def test_rows_of_another_models_music_go_once_it_plays_no_more(window, show):
    roll, kick = window.play.roll, Phrase.of([Note(0.0, 36, 0.25, 90, 9)], 2)
    show(with_live(playing(), playing=Sounding(kick, 0.0), coming=None))
    assert roll.axis.lanes
    show(structs.replace(with_live(playing(), playing=Sounding(kick, 0.0), coming=None), model=CONTINUES))
    assert roll.axis.lanes  # what plays is still of the model before
    show(structs.replace(with_live(playing(), coming=None), model=CONTINUES))
    assert not roll.axis.lanes


def test_no_note_lights_up_while_the_answer_rests(window, show):
    sounding = Sounding(Phrase.of((Note(0.0, 60, 8.0, 90),), 2), 0.0)
    state = with_live(READY, clock=clock(position_beats=3.0), playing=sounding)
    show(state)
    assert len(window.play.roll._sounding) == 1
    turns = with_document(state, settings=Settings(turns="trade", meanwhile="rest"))
    show(with_live(turns, turn=Turn("player", 0.0, 16.0)))
    assert window.play.roll._sounding == frozenset()
    assert window.play.roll.position is not None


def test_without_ports_lamp_and_playhead_do_not_pretend(window, show):
    state = with_live(playing(), ports=structs.replace(READY.live.ports, backend=""))
    window.edit("sound", False)
    show(state)
    assert window.top.lamp_text == "no ports"
    assert window.play.roll.position is None
    assert window.top.inputs.text == "In: no port."
    show(playing())
    assert window.top.lamp_text == "locked"


def test_title_and_port_line_say_the_real_clients_name(window, show):
    show(READY)
    assert window.windowTitle() == "Antiphon"
    ports = structs.replace(
        READY.live.ports, input_name="Antiphon-01:Antiphon In", output_name="Antiphon-01:Antiphon Out"
    )
    show(with_live(READY, ports=ports))
    assert window.windowTitle() == "Antiphon (Antiphon-01)"
    assert window.top.inputs.text == "In: Antiphon-01: Antiphon In."


def test_what_comes_in_is_drawn_at_once_while_nothing_rolls(window, instrument, show):
    free = FreeCapture().with_message(now_ns(), bytes((0x90, 64, 90)))
    show(with_live(READY, clock=OWN_CLOCK, free=free))
    assert [note.pitch for note in window.play.strip_panel.strip._live.notes] == [64]


def test_the_sound_button_is_lit_only_while_something_can_sound(window, sound):
    button = window.play.bottom.sound
    assert (button.text(), button.isChecked()) == ("Sound on", True)
    sound.status = "Sound off: not installed yet"
    window.tick()
    assert (button.text(), button.isChecked()) == ("Sound off", False)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert sound.calls.count("turn_on") == 1
    sound.status = "Sound: built-in tones"
    window.tick()
    assert (button.text(), window.toast.text) == ("Sound on", "Sound: built-in tones")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    window.tick()
    assert (button.text(), sound.calls[-1]) == ("Sound off", "silence")


# Size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "screen", [(1280, 820), (1366, 768), (1024, 640), (960, 540), (1920, 1080), (3840, 2160)]
)
def test_the_first_start_fits_the_screen(window, screen):
    size = first_size(QSize(*screen))
    assert size.width() <= min(screen[0], USUAL_SIZE.width())
    assert size.height() <= min(screen[1] - 40, USUAL_SIZE.height())
    assert LEAST_SIZE.width() <= 960
    assert LEAST_SIZE.height() <= 600
    window.resize(size)
    assert window.size() == size


def test_geometry_is_kept(window, instrument, settings, qapp):
    window.resize(1200, 733)
    qapp.processEvents()
    window.close()
    again = InstrumentWindow(FakeInstrument(), settings=settings)
    assert again.height() == 733
    again.close()


# Files ---------------------------------------------------------------------------------------


def test_export_with_nothing_playing_says_so(window):
    QTest.keyClick(window, Qt.Key.Key_E, CONTROL)
    assert "Nothing plays yet" in window.toast.text


def test_export_reports_the_file_it_wrote(window, show, tmp_path):
    show(playing())
    window._exchange.write(demo_phrase(), str(tmp_path / "out1"))
    assert window.toast.text == f"Written: {tmp_path / 'out1.mid'}"
    assert read_midi(tmp_path / "out1.mid").bars == 2
    window._exchange.write(demo_phrase(), str(tmp_path / "nowhere" / "out"))
    assert "out.mid: cannot be written" in window.toast.text
    assert window.toast.mood == "bad"


def test_a_file_that_nobody_was_asked_about_is_not_overwritten(window, show, tmp_path):
    """Asked about `take.1`, which is not there, the player has said nothing of `take.1.mid` or `take.mid`."""
    show(playing())
    for kept in ("take.mid", "take.1.mid"):
        (tmp_path / kept).write_bytes(b"kept")
    window._exchange.write(demo_phrase(), str(tmp_path / "take.1"))
    assert window.toast.text == f"Written: {tmp_path / 'take.1-2.mid'}"
    assert {path.read_bytes() for path in (tmp_path / "take.mid", tmp_path / "take.1.mid")} == {b"kept"}


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    taken = tmp_path / "antiphon.mid"
    assert fresh_name(taken) == taken
    taken.touch()
    (tmp_path / "antiphon-2.mid").touch()
    assert fresh_name(taken) == tmp_path / "antiphon-3.mid"


# Life ----------------------------------------------------------------------------------------


def test_closing_silences_the_sound_and_closes_the_instrument_once(window, instrument, sound):
    window.close()
    window.close()
    assert instrument.closed == 1
    assert sound.calls.count("close") == 1


def test_a_raising_slot_leaves_the_app_alive_and_panicked(window, instrument, sound, capsys):
    guard = Guard()
    guard.install()
    guard.listen(window.failed.emit)
    try:
        window.play.tools.new_take.clicked.connect(lambda: 1 / 0)
        QTest.mouseClick(window.play.tools.new_take, Qt.MouseButton.LeftButton)
    finally:
        guard.uninstall()
    assert ("do", "panic") in instrument.calls
    assert "silence" in sound.calls
    assert "ZeroDivisionError" in window.toast.text
    assert "ZeroDivisionError" in capsys.readouterr().err
    window.tick()
    assert window.isVisible()


def test_a_raising_thread_panics_in_the_windows_thread(window, instrument, qtbot, capsys):
    guard = Guard()
    guard.install()
    guard.listen(window.failed.emit)
    try:
        thread = threading.Thread(target=lambda: [][0])
        thread.start()
        thread.join()
    finally:
        guard.uninstall()
    qtbot.waitUntil(lambda: ("do", "panic") in instrument.calls)
    assert "IndexError" in window.toast.text


def test_a_signal_closes_it_from_the_event_loop_not_from_wherever_python_is(window, instrument):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        close_on_signals(window)
        signal.raise_signal(signal.SIGTERM)
        # Here the program may hold the very lock that closing takes.
        assert instrument.closed == 0
        QTest.qWait(50)
        assert instrument.closed == 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("field", ["export", "session.open", "session.save_as"])
def test_asking_for_a_file_stops_nothing(window, instrument, show, field):
    show(playing())
    window.edit(field, True)
    (dialog,) = window.findChildren(QFileDialog)
    assert dialog.isVisible()
    assert not dialog.isModal()
    dialog.close()
    window.edit("new_take", True)
    assert instrument.calls == [("do", "new_take")]


def test_export_suggests_a_fresh_name_and_asks_before_it_overwrites(window, show, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "antiphon.mid").touch()
    show(playing())
    window.edit("export", True)
    (dialog,) = window.findChildren(QFileDialog)
    assert [Path(name).name for name in dialog.selectedFiles()] == ["antiphon-2.mid"]
    assert dialog.defaultSuffix() == "mid"
    assert not dialog.testOption(QFileDialog.Option.DontConfirmOverwrite)
    dialog.close()

"""Names from outside, of models, ports and attributes, are shown as they are: never as markup."""

import pytest
from fake_instrument import MELODY, FakeInstrument, playing, with_live
from msgspec.structs import replace
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QWidget

from app.window.widgets.lamp import set_tip
from engine.inference.bundle.manifest import Attribute
from engine.session.live import Notice, Ports

pytestmark = [pytest.mark.window, pytest.mark.usefixtures("qt_messages")]

MARKUP = "<img src='file:///etc/passwd'><b>x</b>"
MODEL = replace(
    MELODY,
    name=MARKUP,
    reference=MARKUP,
    attributes=(Attribute(name=MARKUP, unit=MARKUP, effects={MARKUP: 1.0}),),
)


@pytest.fixture
def instrument():
    return FakeInstrument(replace(playing(), model=MODEL))


def test_no_label_or_tip_of_the_window_reads_names_as_markup(window, instrument, show):
    ports = Ports(backend="jack", input_name=MARKUP, output_name=MARKUP)
    notices = (Notice(MARKUP, MARKUP, "bad", 0, "test"),)
    show(with_live(replace(playing(), model=MODEL), ports=ports, notices=notices))
    widgets = window.findChildren(QWidget)
    shown = [w for w in widgets if MARKUP in f"{w.toolTip()}{w.accessibleName()}{w.accessibleDescription()}"]
    shown += [w for w in widgets if isinstance(w, QLabel) and MARKUP in w.text()]
    assert shown, "the names must come to the window at all"
    for widget in widgets:
        assert "<img" not in widget.toolTip() or not Qt.mightBeRichText(widget.toolTip())
        if isinstance(widget, QLabel):
            assert widget.textFormat() == Qt.TextFormat.PlainText, widget.text()


@pytest.mark.parametrize(
    ("text", "tip"),
    [
        ("one\ntwo", "one\ntwo"),
        ("a < b & c", "a < b & c"),
        ("<b>x</b> & y\nz", "<qt>&lt;b&gt;x&lt;/b&gt; &amp; y<br>z</qt>"),
    ],
)
def test_a_tip_shows_what_it_is_given(qapp, text, tip):
    widget = QWidget()
    set_tip(widget, text)
    assert widget.toolTip() == tip

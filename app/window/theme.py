"""Colours, type and the style sheet: dark, calm, readable from an arm's length away."""

import colorsys

from PyQt6.QtGui import QColor, QFont, QPalette
from PyQt6.QtWidgets import QApplication

GROUND = QColor("#0e1014")
PANEL = QColor("#15181e")
RAISED = QColor("#1d2129")
LINE = QColor("#2a303a")
TEXT = QColor("#ece9e2")
QUIET = QColor("#8d95a3")
FAINT = QColor("#596170")
HEARD = QColor("#56b6c2")
PLAYING = QColor("#f0b35a")
COMING = QColor("#c39bea")
GOOD = QColor("#7fc98b")
WAITING = QColor("#e6c15a")
BAD = QColor("#f0655a")

FAMILIES = ("Inter", "SF Pro Text", "Segoe UI", "Cantarell", "Noto Sans", "DejaVu Sans")

SHEET = f"""
QWidget {{ color: {TEXT.name()}; background: transparent; }}
QMainWindow, QWidget#ground, QMenu {{ background: {GROUND.name()}; }}
QFrame#bar, QFrame#panel {{ background: {PANEL.name()}; border-radius: 10px; }}
QLabel[role="title"] {{ color: {QUIET.name()}; }}
QLabel[role="quiet"] {{ color: {QUIET.name()}; }}
QLabel[role="faint"] {{ color: {FAINT.name()}; }}
QSpinBox, QDoubleSpinBox, QComboBox {{
    background: {RAISED.name()}; border: 1px solid {LINE.name()}; border-radius: 7px;
    padding: 0 10px; min-height: 42px; selection-background-color: {PLAYING.name()};
    selection-color: {GROUND.name()};
}}
QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {{ border-color: {TEXT.name()}; }}
QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{ color: {QUIET.name()}; }}
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {{
    width: 0; border: none;
}}
QComboBox::drop-down {{ border: none; width: 18px; }}
QComboBox QAbstractItemView {{
    background: {RAISED.name()}; border: 1px solid {LINE.name()}; outline: none;
    selection-background-color: {LINE.name()}; selection-color: {TEXT.name()};
}}
QToolTip {{
    background: {RAISED.name()}; color: {TEXT.name()}; border: 1px solid {LINE.name()}; padding: 5px;
}}
"""


def font(points: float, *, bold: bool = False, figures: bool = False) -> QFont:
    """Return the interface font at a size; `figures` asks for digits of one width."""
    chosen = QFont()
    chosen.setFamilies(list(FAMILIES))
    chosen.setPointSizeF(points)
    chosen.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    if figures:
        chosen.setStyleHint(QFont.StyleHint.SansSerif)
        chosen.setFeature(QFont.Tag("tnum"), 1)
    return chosen


def mixed(colour: QColor, other: QColor, share: float) -> QColor:
    """Blend `share` (0 to 1) of `other` into `colour`."""
    pairs = zip(colour.getRgb()[:3], other.getRgb()[:3], strict=True)
    return QColor(*(round(a + (b - a) * share) for a, b in pairs))


def channel_colour(base: QColor, channel: int, first_channel: int) -> QColor:
    """Turn the hue of `base` a little for every further MIDI channel."""
    if channel == first_channel:
        return base
    hue, light, depth = colorsys.rgb_to_hls(base.redF(), base.greenF(), base.blueF())
    turned = colorsys.hls_to_rgb((hue + 0.13 * (channel - first_channel)) % 1.0, light, depth)
    return QColor.fromRgbF(*turned)


def apply(application: QApplication) -> None:
    """Give the whole application its palette, font and style sheet."""
    application.setStyle("Fusion")
    palette = QPalette()
    for role, colour in (
        (QPalette.ColorRole.Window, GROUND),
        (QPalette.ColorRole.Base, RAISED),
        (QPalette.ColorRole.Button, RAISED),
        (QPalette.ColorRole.Text, TEXT),
        (QPalette.ColorRole.WindowText, TEXT),
        (QPalette.ColorRole.ButtonText, TEXT),
        (QPalette.ColorRole.Highlight, PLAYING),
        (QPalette.ColorRole.HighlightedText, GROUND),
        (QPalette.ColorRole.PlaceholderText, FAINT),
    ):
        palette.setColor(role, colour)
    application.setPalette(palette)
    application.setFont(font(11))
    application.setStyleSheet(SHEET)

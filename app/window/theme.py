"""Colours, type and the style sheet: a dark and a light theme, readable from an arm's length away.

Every colour that carries text has a contrast of at least 4.5:1 to the surfaces it stands on, every
line, lamp and note that means something at least 3:1 (WCAG 2.1); `tests/app/window/test_theme.py` holds both.
"""

import msgspec
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication

TEXT_CONTRAST = 4.5
LINE_CONTRAST = 3.0


class Theme(msgspec.Struct, frozen=True, kw_only=True):
    """The colours of one look."""

    name: str
    ground: QColor
    """Behind everything."""
    panel: QColor
    """Surface of a bar, a roll or a group of controls."""
    raised: QColor
    """Plate of a button or a field."""
    text: QColor
    quiet: QColor
    """Second-rank text, keys, units and the text of what cannot be used now."""
    edge: QColor
    """Border of what can be used, groove of a slider, bar line."""
    faint: QColor
    """Separators and guide lines that repeat what is said elsewhere."""
    shade: QColor
    """Rows of black keys."""
    heard: QColor
    playing: QColor
    coming: QColor
    good: QColor
    waiting: QColor
    bad: QColor
    voices: tuple[QColor, ...]
    """Melody, bass, drums and one more part of an answer, told apart at a glance."""
    softest: float
    """Share of its colour that a note of velocity 1 is painted with; velocity 127 takes all of it."""

    @property
    def surfaces(self) -> tuple[QColor, ...]:
        """What text and lines stand on."""
        return self.ground, self.panel, self.raised

    @property
    def inks(self) -> tuple[QColor, ...]:
        """Colours that text is written in."""
        return (
            self.text, self.quiet, self.heard, self.playing,
            self.coming, self.good, self.waiting, self.bad, *self.voices,
        )  # fmt: skip

    def mood(self, name: str) -> QColor:
        """Return the colour of a mood: `good`, `waiting`, `bad`, `hint` or `quiet`."""
        return {
            "good": self.good,
            "waiting": self.waiting,
            "bad": self.bad,
            "hint": self.heard,
        }.get(name, self.quiet)

    def note(self, colour: QColor, velocity: int) -> QColor:
        """Return what a note is filled with: softer notes are paler, never below 3:1."""
        return mixed(self.panel, colour, self.softest + (1 - self.softest) * velocity / 127)

    def voice(self, channel: int) -> QColor:
        """Return the colour of an answer's part: channel 10 is drums, 2 is bass, others melody."""
        return self.voices[{9: 2, 1: 1}.get(channel, 3 if channel > 1 else 0)]


DARK = Theme(
    name="dark",
    ground=QColor("#0e1014"), panel=QColor("#15181e"), raised=QColor("#1f242d"),
    text=QColor("#ece9e2"), quiet=QColor("#a3abb8"), edge=QColor("#697283"),
    faint=QColor("#2a303a"), shade=QColor("#111318"),
    heard=QColor("#56b6c2"), playing=QColor("#f0b35a"), coming=QColor("#c39bea"),
    good=QColor("#7fc98b"), waiting=QColor("#e6c15a"), bad=QColor("#f47a70"),
    voices=(QColor("#f0b35a"), QColor("#ef8a7a"), QColor("#9ccc74"), QColor("#e3a7d0")),
    softest=0.62,
)  # fmt: skip
LIGHT = Theme(
    name="light",
    ground=QColor("#e6e8ec"), panel=QColor("#f5f6f8"), raised=QColor("#ffffff"),
    text=QColor("#1a1d23"), quiet=QColor("#535a66"), edge=QColor("#798191"),
    faint=QColor("#d3d7de"), shade=QColor("#e9ebef"),
    heard=QColor("#0b6a76"), playing=QColor("#964f00"), coming=QColor("#7338b8"),
    good=QColor("#1c6b30"), waiting=QColor("#755700"), bad=QColor("#b3261e"),
    voices=(QColor("#964f00"), QColor("#b0303f"), QColor("#3c6a12"), QColor("#9a2f78")),
    softest=0.82,
)  # fmt: skip

FAMILIES = ("Inter", "SF Pro Text", "Segoe UI", "Cantarell", "Noto Sans", "DejaVu Sans")
APPLIED = "antiphon-theme"
"""Property of the application: name of the theme it has."""
FOLLOWS = "antiphon-follows"
"""Property of the application: whether it hears of the desktop's changes already."""


class _InUse(msgspec.Struct):
    theme: Theme
    scheme: str


_in_use = _InUse(DARK, "system")
"""One for the whole application, as Qt's palette is."""


def now() -> Theme:
    """Return the theme in use."""
    return _in_use.theme


def contrast(one: QColor, other: QColor) -> float:
    """Return the contrast ratio of two colours, 1 to 21, as WCAG 2.1 defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: QColor) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


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


def with_alpha(colour: QColor, alpha: int) -> QColor:
    """Return a colour with an alpha of 0 to 255."""
    clear = QColor(colour)
    clear.setAlpha(alpha)
    return clear


def chosen(scheme: str) -> Theme:
    """Return the theme of a setting: `dark`, `light`, or that of the desktop."""
    if scheme not in ("dark", "light"):
        hints = QGuiApplication.styleHints()
        light = hints is not None and hints.colorScheme() == Qt.ColorScheme.Light
        return LIGHT if light else DARK
    return LIGHT if scheme == "light" else DARK


def follow(application: QApplication, scheme: str = "system") -> None:
    """Apply the theme of a setting now; `system` also follows the desktop from then on."""
    _in_use.scheme = scheme
    apply(application, chosen(scheme))
    hints = QGuiApplication.styleHints()
    if hints is not None and not application.property(FOLLOWS):
        application.setProperty(FOLLOWS, True)
        hints.colorSchemeChanged.connect(lambda _: apply(application, chosen(_in_use.scheme)))


def apply(application: QApplication, theme: Theme = DARK) -> None:
    """Give the whole application a theme: palette, font and style sheet."""
    if application.property(APPLIED) == theme.name:
        return  # a style sheet is worked out anew for every widget there is
    application.setProperty(APPLIED, theme.name)
    _in_use.theme = theme
    application.setStyle("Fusion")
    palette = QPalette()
    for role, colour in (
        (QPalette.ColorRole.Window, theme.ground),
        (QPalette.ColorRole.Base, theme.raised),
        (QPalette.ColorRole.AlternateBase, theme.panel),
        (QPalette.ColorRole.Button, theme.raised),
        (QPalette.ColorRole.Text, theme.text),
        (QPalette.ColorRole.WindowText, theme.text),
        (QPalette.ColorRole.ButtonText, theme.text),
        (QPalette.ColorRole.ToolTipBase, theme.raised),
        (QPalette.ColorRole.ToolTipText, theme.text),
        (QPalette.ColorRole.Highlight, theme.playing),
        (QPalette.ColorRole.HighlightedText, theme.ground),
        (QPalette.ColorRole.PlaceholderText, theme.quiet),
        (QPalette.ColorRole.Link, theme.heard),
    ):
        palette.setColor(role, colour)
    application.setPalette(palette)
    application.setFont(font(11))
    application.setStyleSheet(sheet(theme))


def sheet(theme: Theme) -> str:
    """Return the style sheet of a theme."""
    names = {
        name: colour.name()
        for name, colour in msgspec.structs.asdict(theme).items()
        if isinstance(colour, QColor)
    }
    return _SHEET.format(**names)


_SHEET = """
QWidget {{ color: {text}; background: transparent; }}
QMainWindow, QWidget#ground, QMenu, QDialog {{ background: {ground}; }}
QFrame#bar, QFrame#panel {{ background: {panel}; border-radius: 10px; }}
QLabel[role="title"], QLabel[role="quiet"] {{ color: {quiet}; }}
QComboBox, QLineEdit {{
    background: {raised}; border: 1px solid {edge}; border-radius: 7px; padding: 0 7px;
    selection-background-color: {playing}; selection-color: {ground};
}}
QComboBox:focus, QLineEdit:focus {{ border: 2px solid {text}; padding: 0 6px; }}
QComboBox:disabled, QLineEdit:disabled {{
    color: {quiet}; border-color: {faint}; background: {panel};
}}
QComboBox[quiet="true"], QLineEdit[quiet="true"] {{ color: {quiet}; }}
QComboBox::drop-down {{ border: none; width: 16px; }}
QComboBox QAbstractItemView {{
    background: {raised}; border: 1px solid {edge}; outline: none;
    selection-background-color: {faint}; selection-color: {text};
}}
QMenu {{ background: {raised}; border: 1px solid {edge}; padding: 6px; }}
QMenu::item {{ padding: 6px 26px 6px 14px; border-radius: 5px; }}
QMenu::item:selected {{ background: {faint}; }}
QMenu::item:disabled {{ color: {quiet}; }}
QMenu::separator {{ height: 1px; background: {faint}; margin: 5px 8px; }}
QFrame#card {{ background: {raised}; border: 1px solid {faint}; border-radius: 8px; }}
QFrame#drop {{ border: 2px solid transparent; border-radius: 7px; }}
QFrame#drop[target="true"] {{ border-color: {heard}; }}
QScrollArea {{ border: none; }}
QScrollBar:vertical {{ width: 12px; background: transparent; }}
QScrollBar::handle:vertical {{ background: {edge}; border-radius: 4px; margin: 2px; min-height: 24px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {edge}; padding: 5px; }}
"""

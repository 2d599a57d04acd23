"""What the window keeps between starts: where it was, and texts; damage never stops a start."""

from collections.abc import MutableMapping

from PyQt6.QtCore import QByteArray, QSettings, QSize

USUAL_SIZE = QSize(1280, 820)
LEAST_SIZE = QSize(940, 480)
SCALES = {"small": 0.9, "normal": 1.0, "large": 1.2, "larger": 1.45}
"""How large everything is drawn, by the text size that is chosen."""
SCALE_FACTOR = "QT_SCALE_FACTOR"
"""Qt's variable for that, read once when the application is made."""
SCREEN_MARGIN = QSize(16, 56)
"""What the desktop's frame and title bar take."""


def saved_geometry(settings: QSettings | None) -> QByteArray:
    """Return where the window last was; empty for a first start or a file that holds something else."""
    try:
        saved = settings.value("geometry") if settings is not None else None
    except Exception:  # PyQt unpacks Python objects, and what those raise when damaged is anything
        saved = None
    return saved if isinstance(saved, QByteArray) else QByteArray()


def read_setting(settings: QSettings | None, name: str, usual: str) -> str:
    """Return a text of the settings file, or the usual one where it holds none or something else."""
    try:
        found = settings.value(name, usual) if settings is not None else usual
    except Exception:  # PyQt unpacks Python objects, and what those raise when damaged is anything
        found = usual
    return found if isinstance(found, str) else usual


def set_scale(environment: MutableMapping[str, str], text_size: str) -> None:
    """Let Qt draw everything at a text size; a scale that the player has set for Qt stays."""
    scale = SCALES.get(text_size, 1.0)
    if scale != 1.0:
        environment.setdefault(SCALE_FACTOR, f"{scale:g}")


def first_size(available: QSize) -> QSize:
    """Return the size of the first start: the usual one, or what a smaller screen has room for."""
    return USUAL_SIZE.boundedTo(available - SCREEN_MARGIN).expandedTo(LEAST_SIZE.boundedTo(available))

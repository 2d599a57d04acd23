"""Which keys a focused widget keeps from the instrument's shortcuts."""

from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QKeyEvent

ENTERING = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})
PRESSING = ENTERING | {Qt.Key.Key_Space}
LEAVING = ENTERING | {Qt.Key.Key_Escape}
WALKING = ENTERING | {Qt.Key.Key_Left, Qt.Key.Key_Right}


def is_kept(event: QEvent | None, keys: frozenset[Qt.Key], *, typing: bool = False) -> bool:
    """Accept and return True for a shortcut that the focused widget wants to have as a key.

    Args:
        event: any event of the widget.
        keys: the keys it wants whatever the modifiers.
        typing: whether it wants what writes something as well.
    """
    if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.ShortcutOverride:
        return False
    if event.key() in keys or (typing and _writes(event)):
        event.accept()
        return True
    return False


def _writes(event: QKeyEvent) -> bool:
    """Return whether a key press writes something; with Ctrl, Alt or Meta it does not."""
    plain = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    return plain == Qt.KeyboardModifier.NoModifier and event.text().isprintable() and bool(event.text())

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
        keys: the keys it wants, with Shift too; with Ctrl, Alt or Meta they are shortcuts of the window.
        typing: whether it wants what writes something as well.
    """
    if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.ShortcutOverride:
        return False
    held = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    if held != Qt.KeyboardModifier.NoModifier:
        return False
    if event.key() in keys or (typing and event.text().isprintable() and bool(event.text())):
        event.accept()
        return True
    return False

"""The last line of defence: an exception anywhere silences the music and is shown; the program goes on."""

import faulthandler
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType

Listener = Callable[[str], None]
REPEAT_S = 1.0
"""The same failure is shown again only after this long: a broken frame fails 60 times a second."""


class Guard:
    """Catches what nobody caught. Install it before QApplication: PyQt aborts without a hook."""

    def __init__(self) -> None:
        self._listener: Listener | None = None
        self._last = ("", -REPEAT_S)
        self._before = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        """Put the hooks in place and turn on faulthandler for crashes below Python."""
        if sys.stderr is not None and not faulthandler.is_enabled():
            faulthandler.enable()
        sys.excepthook = self._caught
        threading.excepthook = self._caught_in_thread

    def uninstall(self) -> None:
        """Put the old hooks back."""
        sys.excepthook, threading.excepthook = self._before

    def listen(self, listener: Listener | None) -> None:
        """Choose who is called with one line; called in the thread that raised."""
        self._listener = listener

    def _caught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = f"{kind.__name__}: {error}" if str(error) else kind.__name__
        if self._is_repeated(text):
            return
        traceback.print_exception(kind, error, trace)
        if issubclass(kind, KeyboardInterrupt) or self._listener is None:
            return
        try:
            self._listener(text)
        except Exception:  # the hook is the last resort: nothing may leave it
            traceback.print_exc()

    def _is_repeated(self, text: str) -> bool:
        now_s = time.monotonic()
        repeated = text == self._last[0] and now_s - self._last[1] < REPEAT_S
        if not repeated:
            self._last = (text, now_s)
        return repeated

    def _caught_in_thread(self, caught: threading.ExceptHookArgs) -> None:
        if caught.exc_value is not None:
            self._caught(caught.exc_type, caught.exc_value, caught.exc_traceback)

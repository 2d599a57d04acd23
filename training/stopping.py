"""Why a run ends before its last step: a person or system asks, or nothing gets better any more."""

import signal
import threading
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Self

from training.errors import TrainingError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedError(TrainingError):
    """A run that was asked to stop, and has saved where it stands."""

    def __init__(self, signal_number: int, message: str) -> None:
        super().__init__(message)
        self.status = 128 + signal_number
        """Exit status that shells expect."""


class StopSignals:
    """Turns Ctrl+C and SIGTERM into a question that the loop asks between steps.

    While `at_once` is set (an evaluation, before which all was saved), and at the second signal,
    KeyboardInterrupt is raised instead. Outside the main thread, where no handler can be set, nothing is
    ever asked.
    """

    def __init__(self) -> None:
        self.asked = 0
        """The signal that came, 0 for none."""
        self.at_once = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._take) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = bool(self.asked), number
        if again or self.at_once:
            raise KeyboardInterrupt


@dataclass(slots=True)
class Patience:
    """Counts evaluations without a lower validation loss."""

    evaluations: int
    """So many are allowed; 0 for any number."""
    best_loss: float = float("inf")
    best_step: int = 0
    worse: int = 0
    """Evaluations since the best one."""

    def take(self, loss: float, step: int) -> bool:
        """Take in one evaluation; return whether it is the best so far."""
        better = loss < self.best_loss
        if better:
            self.best_loss, self.best_step, self.worse = loss, step, 0
        else:
            self.worse += 1
        return better

    @property
    def is_over(self) -> bool:
        """Whether the run should end."""
        return 0 < self.evaluations <= self.worse

"""The controls and the stored phrases, with undo and redo."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.inference.controls import Controls
from engine.music.notes import Phrase

UNDO_STEPS = 100
JOINED_NS = 500_000_000
"""Changes of the same control closer than this are one step of undo: a drag, not its pixels."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What undo and redo bring back."""

    controls: Controls
    stored: Mapping[str, Phrase]
    """Phrases by slot name."""


class Edits:
    """The present edit and the ones around it. Not thread-safe; its owner locks."""

    def __init__(self, controls: Controls) -> None:
        self.now = Edit(controls, {})
        self._undo: list[Edit] = []
        self._redo: list[Edit] = []
        self._last: tuple[frozenset[str], int] = (frozenset(), 0)

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""
        return bool(self._redo)

    def control(self, controls: Controls, names: frozenset[str], now_ns: int) -> None:
        """Set controls; `names` are those that changed."""
        before, when_ns = self._last
        joined = bool(self._undo) and names == before and now_ns - when_ns < JOINED_NS
        self._commit(replace(self.now, controls=controls), joined)
        self._last = names, now_ns

    def store(self, slot: str, phrase: Phrase) -> None:
        """Put a phrase into a slot."""
        self._commit(replace(self.now, stored={**self.now.stored, slot: phrase}), joined=False)

    def adapt(self, controls: Controls) -> None:
        """Set controls that the circumstances ask for, not the player; no step of undo."""
        self.now = replace(self.now, controls=controls)

    def undo(self) -> bool:
        """Take back the last change; return False if there is none."""
        return self._step(self._undo, self._redo)

    def redo(self) -> bool:
        """Bring back what was undone last; return False if there is nothing."""
        return self._step(self._redo, self._undo)

    def _commit(self, edit: Edit, joined: bool) -> None:
        if not joined:
            self._undo.append(self.now)
            del self._undo[:-UNDO_STEPS]
        self._redo.clear()
        self._last = (frozenset(), 0)
        self.now = edit

    def _step(self, source: list[Edit], target: list[Edit]) -> bool:
        if not source:
            return False
        target.append(self.now)
        self.now = source.pop()
        self._last = (frozenset(), 0)
        return True

"""The part of the roll that the keys would lock: a frame of whole steps, over all rows or some. No Qt."""

import msgspec
from msgspec.structs import replace

from app.window.axis import Axis
from app.window.widgets.roll_places import STEP_BEATS, locked_rows
from engine.inference.constraints import Lock


class LockFrame(msgspec.Struct, frozen=True, kw_only=True):
    """Steps from `start` on, and rows from the top; without rows it is over all of them."""

    start: int = 0
    steps: int = 1
    top: int | None = None
    rows: int = 1

    def moved(self, steps: int, length_beats: float, *, wider: bool = False) -> "LockFrame":
        """Return it moved by so many steps within the phrase, or with `wider` its end moved."""
        whole = round(length_beats / STEP_BEATS)
        if wider:
            return replace(self, steps=min(max(1, self.steps + steps), whole - self.start))
        return replace(self, start=min(max(0, self.start + steps), whole - self.steps))

    def lowered(self, rows: int, of: int, *, wider: bool = False) -> "LockFrame":
        """Return it moved down by so many of `of` rows, or with `wider` its lower edge moved.

        Over all rows it comes to the top one from above and to the lowest from below; beyond them it is over
        all again.
        """
        if self.top is None:
            return replace(self, top=0 if rows > 0 else of - 1, rows=1)
        if wider:
            return replace(self, rows=min(max(1, self.rows + rows), of - self.top))
        top = self.top + rows
        return replace(self, top=top) if 0 <= top <= of - self.rows else replace(self, top=None, rows=1)

    def within(self, length_beats: float, axis: Axis) -> "LockFrame":
        """Return it as far as there is music of a length and as there are rows for it."""
        whole = round(length_beats / STEP_BEATS)
        start = min(self.start, whole - 1)
        lost = self.top is not None and self.top + self.rows > axis.rows
        kept = replace(self, start=start, steps=min(self.steps, whole - start))
        return replace(kept, top=None, rows=1) if lost else kept

    def lock(self, axis: Axis) -> Lock:
        """Return the lock of it: of the time, or of the pitches or lanes of its rows."""
        start, end = self.start * STEP_BEATS, (self.start + self.steps) * STEP_BEATS
        if self.top is None:
            return Lock(start, end)
        return locked_rows(axis, start, end, self.top, self.top + self.rows - 1) or Lock(start, end)

    def words(self, axis: Axis, beats_per_bar: float) -> str:
        """Return where it is, as `bar 1, step 3, 2 steps`, and its rows."""
        per_bar = round(beats_per_bar / STEP_BEATS)
        bar, step = divmod(self.start, per_bar)
        length = "" if self.steps == 1 else f", {self.steps} steps"
        rows = "" if self.top is None else f", {self._row_words(axis)}"
        return f"bar {bar + 1}, step {step + 1}{length}{rows}"

    def _row_words(self, axis: Axis) -> str:
        top = self.top or 0
        names = [axis.row_name(row) for row in (top, top + self.rows - 1)]
        return names[0] if self.rows == 1 else f"{names[1]} to {names[0]}"

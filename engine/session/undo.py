"""Undo and redo: the document before and after each step, with a label."""

import msgspec
from msgspec.structs import replace

from engine.session.document import Document

STEPS_KEPT = 200
JOINED_NS = 500_000_000
"""Changes with the same join key closer than this are one step: a turn of a knob, not its values."""


class Step(msgspec.Struct, frozen=True):
    """One change that the player can take back."""

    label: str
    join: str
    """Changes with the same key that follow each other are one step; empty: always a step of its own."""
    before: Document
    after: Document
    at_ns: int

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the document's fields that it changed; undoing it leaves the others alone."""
        names = Document.__struct_fields__
        return tuple(name for name in names if getattr(self.before, name) is not getattr(self.after, name))


class Undo(msgspec.Struct, frozen=True):
    """The steps behind the present document and those that were taken back."""

    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    def committed(self, step: Step, *, held: bool = False) -> "Undo":
        """Return the history with one more step, joined to the last where their keys are the same.

        Args:
            step: what changed.
            held: within a gesture: joined however long it lasts.
        """
        last = self.past[-1] if self.past else None
        near = last is not None and (held or step.at_ns - last.at_ns < JOINED_NS)
        if last is not None and near and step.join and step.join == last.join and not self.future:
            before = _with_fields(step.before, last.before, last.fields)
            return Undo((*self.past[:-1], replace(step, before=before)))
        return Undo((*self.past, step)[-STEPS_KEPT:])

    def undone(self, now: Document) -> tuple["Undo", Document]:
        """Return the history and the document without the last step; IndexError if there is none."""
        step = self.past[-1]
        document = _with_fields(now, step.before, step.fields)
        back = Step(step.label, "", document, now, step.at_ns)
        return Undo(self.past[:-1], (*self.future, back)), document

    def redone(self, now: Document) -> tuple["Undo", Document]:
        """Return the history and the document with the step undone last; IndexError if there is none."""
        step = self.future[-1]
        document = _with_fields(now, step.after, step.fields)
        again = Step(step.label, "", now, document, step.at_ns)
        return Undo((*self.past, again), self.future[:-1]), document

    @property
    def undo_label(self) -> str:
        """What undo would take back; empty for nothing."""
        return self.past[-1].label if self.past else ""

    @property
    def redo_label(self) -> str:
        """What redo would bring back; empty for nothing."""
        return self.future[-1].label if self.future else ""


def _with_fields(document: Document, other: Document, names: tuple[str, ...]) -> Document:
    """Return a document with some fields of another."""
    return msgspec.structs.replace(document, **{name: getattr(other, name) for name in names})

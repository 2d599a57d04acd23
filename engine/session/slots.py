"""What the player does to the slots of the document: store, clear, swap."""

from collections.abc import Mapping
from typing import TypeVar

from engine.errors import RenderError
from engine.inference.controls import STORED, SlotName
from engine.music.notes import Phrase
from engine.session.document import UNKNOWN, Surroundings
from engine.session.document_limits import check_phrase
from engine.session.locks import unshifted
from engine.session.state import State

Held = TypeVar("Held")


def slot_named(name: str) -> SlotName:
    """Return the slot of a name; RenderError if there is none."""
    for slot in STORED:
        if slot == name:
            return slot
    raise RenderError(f"slot {name!r} does not exist; the slots are {', '.join(STORED)}")


def check_filled(state: State, slot: SlotName) -> None:
    """Refuse a slot that holds nothing (RenderError)."""
    if slot not in state.document.slots:
        raise RenderError(f"slot {slot} is empty")


def stored(state: State, slot: str, phrase: Phrase, now_ns: int, known: Surroundings = UNKNOWN) -> State:
    """Put a phrase into a slot with what is known of its harmony.

    Raises:
        RenderError: there is no such slot, or the phrase is longer than a slot holds.
    """
    name = slot_named(slot)
    check_phrase(phrase)
    slots = {**state.document.slots, name: phrase}
    surroundings = {**state.document.slot_surroundings, name: known}
    return state.cleared("action").committed(
        now_ns, f"Store in {name}", slots=slots, slot_surroundings=surroundings
    )


def changed_slot(state: State, verb: str, slot: SlotName, now_ns: int) -> State:
    """Put the source (`store`) or what plays (`store_answer`) into a slot, or empty it (`clear`).

    Raises:
        RenderError: there is nothing to put there, or nothing in it.
    """
    document = state.document
    if verb == "store":
        if document.source is None:
            raise RenderError("nothing was heard yet, so there is nothing to store")
        source = document.source
        return stored(state, slot, source.phrase, now_ns, source.surroundings)
    if verb == "store_answer":
        return stored(state, slot, unshifted(state, "store"), now_ns)
    check_filled(state, slot)
    left = {name: phrase for name, phrase in document.slots.items() if name != slot}
    known = {name: each for name, each in document.slot_surroundings.items() if name != slot}
    return state.committed(now_ns, f"Clear {slot}", slots=left, slot_surroundings=known)


def swapped(state: State, first: SlotName, second: SlotName, now_ns: int) -> State:
    """Exchange what two slots hold; RenderError if both are empty."""
    if not {first, second} & set(state.document.slots):
        raise RenderError(f"slots {first} and {second} are both empty")
    slots = _exchanged(state.document.slots, first, second)
    known = _exchanged(state.document.slot_surroundings, first, second)
    return state.committed(now_ns, f"Swap {first} and {second}", slots=slots, slot_surroundings=known)


def _exchanged(held: Mapping[SlotName, Held], first: SlotName, second: SlotName) -> dict[SlotName, Held]:
    """Return what slots hold with two of them exchanged; an empty one stays out."""
    moved = {first: second, second: first}
    return {moved.get(name, name): each for name, each in held.items()}

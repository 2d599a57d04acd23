"""What has sounded: a list of renderings, each with the document it came from, to play again or keep."""

import msgspec
from msgspec.structs import replace

from engine.errors import RenderError
from engine.modes.catalogue import slots_of
from engine.music.notes import Phrase
from engine.performer.messages import PatternStarted
from engine.session.document import Document, Favourite
from engine.session.intents import Answered
from engine.session.live import Sounded
from engine.session.state import State

SOUNDED_KEPT = 256
ASKED_KEPT = 16
SHORTEST_BEATS = 1.0
"""A rendering that sounded for less is left out of the list: a slider passed over it."""
FAVOURITES_KEPT = 500


def with_asked(state: State) -> State:
    """Remember the document that the request asked for last was made from."""
    if state.asked is None:
        return state
    asked = (*state.asked_from, (state.asked, state.document))[-ASKED_KEPT:]
    return replace(state, asked_from=asked)


def with_answer(state: State, answer: Answered) -> State:
    """Remember which document the pattern sent last came from."""
    made_from = next(
        (document for request, document in state.asked_from if request is answer.request), state.document
    )
    sent = {number: document for number, document in state.sent_from.items() if number in state.sent}
    return replace(state, sent_from={**sent, state.last_pattern: made_from})


def with_started(state: State, event: PatternStarted) -> State:
    """Add the pattern that began to what has sounded; one that it cut short at once is left out."""
    document, playing = state.sent_from.get(event.pattern_id), state.live.playing
    if document is None or playing is None or not playing.phrase.notes:
        return state
    sounded = state.live.sounded
    if sounded and 0 <= event.at_beats - sounded[-1].at_beats < SHORTEST_BEATS:
        sounded = sounded[:-1]
    if sounded and sounded[-1].number == event.pattern_id:  # the transport jumped, the pattern is the same
        return state
    new = Sounded(event.pattern_id, playing.phrase, event.at_beats, document)
    return state.with_live(sounded=(*sounded, new)[-SOUNDED_KEPT:])


def played_again(state: State, number: int, now_ns: int) -> State:
    """Bring back everything that a rendering that has sounded was made from, as a step of undo.

    Slots that it was not made from stay as they are.

    Raises:
        RenderError: it is not in the list.
    """
    found = _sounded(state, number)
    return _again(state, _favourite_of(found.phrase, found.document), f"Play {number} again", now_ns)


def favourite_again(state: State, index: int, now_ns: int) -> State:
    """Bring back everything that a favourite was made from, in the same way.

    Raises:
        RenderError: there is no such favourite, or it is not known what it was made from.
    """
    made = _favourite(state, index)
    known = {*made.slots, *(("heard",) if made.source is not None else ())}
    if not known.issuperset(slots_of(made.controls, made.slots)):
        raise RenderError("what it was made from was not kept with it; drag it to a slot and answer that")
    return _again(state, made, f"Play favourite {index + 1}", now_ns)


def _again(state: State, made: Favourite, label: str, now_ns: int) -> State:
    """Answer with what a phrase was made from; a slot that would join in is emptied."""
    document = state.document
    slots = {**document.slots, **made.slots}
    joining = set(slots_of(made.controls, slots)) - set(made.slots)
    known = {**document.slot_surroundings, **made.slot_surroundings}
    return state.committed(
        now_ns,
        label,
        controls=made.controls,
        slots={name: each for name, each in slots.items() if name not in joining},
        slot_surroundings={name: each for name, each in known.items() if name not in joining},
        source=made.source or document.source,
        locked=made.locked,
        model=made.model,
        settings=msgspec.structs.replace(document.settings, hold=True, transpose=made.transpose),
    )


def _favourite_of(phrase: Phrase, document: Document) -> Favourite:
    used = slots_of(document.controls, document.slots)
    return Favourite(
        phrase,
        document.controls,
        document.model,
        {name: each for name, each in document.slots.items() if name in used},
        {name: each for name, each in document.slot_surroundings.items() if name in used},
        document.locked,
        document.source,
        document.settings.transpose,
    )


def _sounded(state: State, number: int) -> Sounded:
    found = next((each for each in state.live.sounded if each.number == number), None)
    if found is None:
        raise RenderError(f"rendering {number} is not in the list of what has sounded")
    return found


def with_favourite(state: State, now_ns: int) -> State:
    """Keep what plays among the favourites of the document.

    Raises:
        RenderError: nothing plays yet.
    """
    playing = state.live.playing
    if playing is None or not playing.phrase.notes:
        raise RenderError("nothing plays yet, so there is nothing to keep")
    sounded = (each.document for each in reversed(state.live.sounded) if each.phrase == playing.phrase)
    return _kept(state, _favourite_of(playing.phrase, next(sounded, state.document)), now_ns)


def with_sounded_kept(state: State, number: int, now_ns: int) -> State:
    """Keep a rendering that has sounded among the favourites; RenderError if it is not in the list."""
    found = _sounded(state, number)
    return _kept(state, _favourite_of(found.phrase, found.document), now_ns)


def _kept(state: State, new: Favourite, now_ns: int) -> State:
    if any(each.phrase == new.phrase for each in state.document.favourites):
        raise RenderError("it is among the favourites already")
    favourites = (*state.document.favourites, new)[-FAVOURITES_KEPT:]
    return state.committed(now_ns, "Keep favourite", favourites=favourites)


def without_favourite(state: State, index: int, now_ns: int) -> State:
    """Drop one of the favourites; RenderError if there is none."""
    _favourite(state, index)
    favourites = state.document.favourites
    return state.committed(
        now_ns, "Drop favourite", favourites=(*favourites[:index], *favourites[index + 1 :])
    )


def _favourite(state: State, index: int) -> Favourite:
    favourites = state.document.favourites
    if not 0 <= index < len(favourites):
        raise RenderError(f"there is no favourite {index + 1}; {len(favourites)} are kept")
    return favourites[index]

"""Locks: parts of what plays that every further answer keeps."""

from engine.errors import RenderError
from engine.inference.constraints import Lock
from engine.inference.controls import changed
from engine.music.notes import Phrase
from engine.session.live import Sounding
from engine.session.state import State


def bar_locked(state: State, now_ns: int) -> State:
    """Lock the bar of the answer that the song is in; unlock it where just that bar is locked."""
    playing, position = _playing(state, "lock"), state.shown.position_beats(now_ns) or 0.0
    bar_beats = playing.phrase.beats_per_bar
    bar = (position - playing.since_beats) % playing.phrase.length_beats // bar_beats
    return locked(state, Lock(bar * bar_beats, (bar + 1) * bar_beats), now_ns)


def locked(state: State, lock: Lock, now_ns: int) -> State:
    """Lock a part of what plays; just that part once more unlocks it."""
    phrase = unshifted(state, "lock")
    locks = state.shown.locks
    if lock in locks:
        left = tuple(each for each in locks if each != lock)
        return with_locks(state, left, state.document.locked if left else None, "Unlock", now_ns)
    # What plays holds the older locks' notes already.
    return with_locks(state, tuple(sorted((*locks, lock))), phrase, "Lock", now_ns)


def with_locks(state: State, locks: tuple[Lock, ...], held: Phrase | None, label: str, now_ns: int) -> State:
    """Lock parts of the phrase that holds their notes, and no others; none of nothing."""
    controls = changed(state.document.controls, locks=locks)
    return state.committed(now_ns, label, controls=controls, locked=held)


def _playing(state: State, verb: str) -> Sounding:
    if state.live.playing is None:
        raise RenderError(f"nothing plays yet, so there is nothing to {verb}")
    return state.live.playing


def unshifted(state: State, verb: str) -> Phrase:
    """Return what plays without the transposition, which comes last; RenderError if nothing plays."""
    return _playing(state, verb).phrase.transposed(-state.document.settings.transpose)

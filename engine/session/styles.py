"""The style that takes are pulled to: learned from what was heard or from files, and forgotten."""

from msgspec.structs import replace

from engine.errors import RenderError
from engine.inference.controls import changed
from engine.music.style import FEWEST_NOTES, NO_STYLE, Style, style_of
from engine.session import intents as i
from engine.session.live import Mood
from engine.session.state import Effect, ReadStyle, State
from engine.text import counted

HEARD_STYLE = "what was heard"
REMEDY = "Style says how far takes are pulled there."
MEANWHILE = "The music goes on meanwhile."
STEP = 10
"""Files after which the notice says how many have been read."""
STAYS = "The style stays as it was."

Updated = tuple[State, tuple[Effect, ...]]


def learned(state: State, now_ns: int) -> Updated:
    """Learn from the bars that are kept, each run of them that follow each other for itself.

    Raises:
        RenderError: they have too few notes.
    """
    runs = state.live.captured.runs()
    style = style_of(((each.phrase, each.surroundings.key) for each in runs), HEARD_STYLE)
    if style.notes < FEWEST_NOTES:
        raise RenderError("too little was heard to learn a style from; play some bars first")
    state, ended = abandoned(state)
    text = f"Learned from {counted(style.bars, 'bar')} that were heard."
    return _with_style(state, style, text, "hint", now_ns), ended


def forgotten(state: State, now_ns: int) -> Updated:
    """Pull takes to no style any more, and read no files for one.

    Raises:
        RenderError: none was learned, and none is being read.
    """
    known = bool(state.document.controls.style.bars)
    if not known and not state.live.reading_style:
        raise RenderError("no style has been learned")
    state, ended = abandoned(state)
    if not known:
        return state, ended
    controls = changed(state.document.controls, style=NO_STYLE)
    return state.committed(now_ns, "Forget style", controls=controls), ended


def asked(state: State, what: i.LearnStyle, now_ns: int) -> Updated:
    """Begin to read MIDI files for a style, in place of those that are being read."""
    number = state.style_asked + 1
    state = replace(state, style_asked=number).with_live(reading_style="files")
    text = "MIDI files are being read for a style."
    state = state.noted("style", text, MEANWHILE, "waiting", now_ns=now_ns)
    return state, (ReadStyle(number, what.paths),)


def abandoned(state: State) -> Updated:
    """Read no files for a style any more, if some are being read."""
    if not state.live.reading_style:
        return state, ()
    number = state.style_asked + 1
    state = replace(state, style_asked=number).with_live(reading_style="")
    return state.cleared("style"), (ReadStyle(number),)


def from_files(state: State, what: i.StyleProgress | i.StyleRead | i.StyleRefused, now_ns: int) -> State:
    """Return the state after word of the reading of files; of one that was overtaken nothing is taken."""
    if what.number != state.style_asked or not state.live.reading_style:
        return state
    if isinstance(what, i.StyleProgress):
        return _with_progress(state, what, now_ns)
    state = state.with_live(reading_style="")
    if isinstance(what, i.StyleRefused):
        return state.noted("style", what.reason, STAYS, now_ns=now_ns)
    mood: Mood = "waiting" if what.ignored else "hint"  # what was not used stays until it was seen
    return _with_style(state, what.style, f"{what.style.name}: {what.said}", mood, now_ns)


def _with_progress(state: State, what: i.StyleProgress, now_ns: int) -> State:
    """Note how far the reading is; the notice says it now and then, unless the player has put it away."""
    text = f"{what.done} of {counted(what.of, 'file')}"
    state = state.with_live(reading_style=text)
    if what.done % STEP or all(notice.about != "style" for notice in state.live.notices):
        return state
    return state.noted("style", f"{text} have been read for a style.", MEANWHILE, "waiting", now_ns=now_ns)


def _with_style(state: State, style: Style, text: str, mood: Mood, now_ns: int) -> State:
    controls = changed(state.document.controls, style=style)
    state = state.noted("style", text, REMEDY, mood, now_ns=now_ns)
    return state.committed(now_ns, "Learn style", controls=controls)

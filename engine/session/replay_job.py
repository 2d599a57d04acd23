"""Puts music of a performance together out of its log, for a session that plays it again."""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path

from engine.music.notes import Phrase
from engine.session.replay import ModelFor, Rendered, replayed
from engine.session.replay_change import Change
from engine.session.session_log import read_performance
from engine.session.state import Replay


def put_together(
    wanted: Replay, path: Path, model_for: ModelFor, progress: Callable[[str], None]
) -> Generator[None, None, Phrase]:
    """Return the music that is wanted; yields after every answer that is rendered again.

    Args:
        wanted: from which bar, with what change, with what was heard or without.
        path: file of the session whose performance it is.
        model_for: finds models.
        progress: takes one line on how far it is.

    Raises:
        AntiphonError: the log cannot be read, there is no such bar, or the change means nothing.
    """
    performance = read_performance(path)
    change = Change.read(wanted.change) if wanted.change else None
    phrases: Mapping[int, Phrase] = {}
    if change is not None:
        rendered = Rendered(performance, change, wanted.from_bar, model_for)
        for done in rendered.steps():
            progress(f"The replay is being put together: {done} of {len(rendered.patterns)} answers.")
            yield
        phrases = rendered.phrases
    bar = None if change is None else wanted.from_bar
    music = replayed(performance, wanted.from_bar, change_bar=bar, phrases=phrases)
    heard = music.heard.notes if wanted.with_heard else ()
    notes = (*music.answers.notes, *heard)
    return Phrase.of(notes, music.answers.bars, music.answers.metre)

"""The limits of what a document holds: the same where it is kept and where it is read again."""

from engine.errors import RenderError
from engine.inference.controls import LONGEST_BARS, STORED
from engine.music.notes import Note, Phrase
from engine.music.style import Style
from engine.parameter import Text
from engine.session.document import Document, Favourite
from engine.session.parameters import SETTINGS

MOST_NOTES = 100_000
LONGEST_BAR_BEATS = 16
LONGEST_PLAYED_BARS = 10_000
"""Of what is kept of what plays: a replay of a whole performance may be among it."""
MOST_COUNTED = 2**40
"""Bars or notes that a style was learned from; all music there is has fewer."""
PITCH_CLASSES = 12


def check_document(document: Document) -> None:
    """Refuse what no player can have set or played (RenderError): it was changed by hand or by a fault."""
    for name, parameter in SETTINGS.items():
        if not isinstance(parameter, Text):  # one that is not understood is said where it is used
            parameter.check(getattr(document.settings, name))
    parts: tuple[Document | Favourite, ...] = (document, *document.favourites)
    for part in parts:
        if not part.slots.keys() <= set(STORED):
            raise RenderError(f"slots {sorted(part.slots)}")
        sources = [part.source.phrase] if part.source else []
        for phrase in (*part.slots.values(), *sources):
            check_phrase(phrase)
        if part.locked is not None:
            check_phrase(part.locked, LONGEST_PLAYED_BARS)
        _check_style(part.controls.style)
    for favourite in document.favourites:
        check_phrase(favourite.phrase, LONGEST_PLAYED_BARS)


def check_phrase(phrase: Phrase, longest_bars: int = LONGEST_BARS) -> None:
    """Refuse a phrase that a slot cannot hold (RenderError)."""
    playable = phrase.metre.is_playable and phrase.beats_per_bar <= LONGEST_BAR_BEATS
    if not 1 <= phrase.bars <= longest_bars or not playable:
        limits = f"1 to {longest_bars} bars of at most {LONGEST_BAR_BEATS} quarter notes"
        raise RenderError(f"a phrase of {phrase.bars} bars in {phrase.metre} cannot be kept; {limits} can")
    if len(phrase.notes) > MOST_NOTES or not all(_plays(note, phrase) for note in phrase.notes):
        raise RenderError("a note that no instrument plays")


def _plays(note: Note, phrase: Phrase) -> bool:
    return (
        0 <= note.pitch <= 127
        and 1 <= note.velocity <= 127
        and 0 <= note.channel <= 15
        and -phrase.beats_per_bar <= note.start_beats <= phrase.length_beats
        and 0 < note.duration_beats <= 2 * phrase.length_beats
    )


def _check_style(style: Style) -> None:
    """Refuse counts that no music has (RenderError)."""
    counts = [style.bars, style.notes, *style.onsets, *style.classes]
    counts += [times - 1 for *_, times in style.moves]  # a move that never came is not among them
    whole = not style.bars or (style.onsets and len(style.classes) == PITCH_CLASSES)
    if not whole or not all(0 <= count <= MOST_COUNTED for count in counts):
        raise RenderError("a style that no music has")
    notes = [note for phrase in style.phrases for note in phrase]
    if not all(step >= 0 and steps > 0 and 0 <= pitch <= 127 for step, steps, pitch in notes):
        raise RenderError("a style with a note that no instrument plays")

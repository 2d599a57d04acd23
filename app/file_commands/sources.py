"""What a model takes from a MIDI file: its parts, put together as one phrase, and lines that say which."""

from collections.abc import Callable
from functools import partial
from math import ceil
from pathlib import Path
from shlex import quote

import msgspec
from msgspec.structs import replace

from app.bundle_cards import hearing_bars, hearing_chords
from app.file_commands.kit_choice import kit_of_drums
from app.file_commands.parts import DRUM_MODELS, Part, notes_of, parts_and_bars, refuse_silence
from app.file_commands.surroundings import chords_under, key_around
from app.file_commands.written_setting import setting_after, setting_of
from app.model_library import InstalledModels
from engine.inference.controls import Mode
from engine.inference.model import Model
from engine.inference.windows import AnySlot, LongSlot, encode_phrase, laid_back
from engine.midifile.bar_choice import Length, bars_that_fit
from engine.midifile.read import read_midi
from engine.midifile.song import Run
from engine.midifile.window import Window, refuse_crowd
from engine.midifile.write import Setting
from engine.music.left_out import BESIDE_LINE, UNMAPPED, LeftOut, left_out
from engine.music.metre import Metre
from engine.music.metre_fit import MetreFit, fit_of
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.text import counted, printable

Say = Callable[[str], None]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What of a file is wanted, where the choice is not left to the program."""

    track: str | None = None
    """Number or name of the track; of a trio also several, as in `melody=2,bass=3,drums=10`."""
    first_bar: int | None = None
    """Number of the first bar, counted from 1."""
    length: int | None = None
    """How many bars of the model's metre to take; longer than the model they are answered in its windows."""
    kit: str | None = None
    """Name of the drum kit, or path of a drum map."""
    keep_pedal: bool = False
    """Leave notes as their keys were held, and write the pedals; else these lengthen them."""
    controllers: bool = True
    """Write the controllers, pressure and bend of the source too."""


NOTHING_ASKED = Asked()


class Source(msgspec.Struct, frozen=True):
    """A phrase out of a file."""

    model: Model
    """That hears it, reading drums as the file's kit has them."""
    slot: AnySlot
    bars: int
    """Length of the phrase in bars of the file's metre; the model hears it in its own."""
    metre: Metre
    setting: Setting
    """What a written answer takes over."""
    following: Setting
    """What music that follows takes over."""
    stem: str
    """File name without its ending."""
    silent: frozenset[int] = frozenset()
    """Channels of the parts that the file has not: nothing is written for them either."""

    @property
    def fit(self) -> MetreFit:
        """How its bars stand in the model's."""
        return fit_of(self.model.representation, self.slot.phrase)

    def answer(self, phrase: Phrase, bars: int | None = None) -> Phrase:
        """Return what a model wrote, in the file's metre, cut to `bars` (of None: as many as the source)."""
        own = phrase
        if phrase.metre != self.metre:
            own = laid_back(phrase, self.fit)
        length = self.bars if bars is None else bars
        notes = [note for note in own.notes if note.start_beats < length * own.beats_per_bar]
        return Phrase.of(notes, length, own.metre)


def read_source(
    path: Path, model: Model, say: Say, asked: Asked = NOTHING_ASKED, mode: Mode | None = None
) -> Source:
    """Read the phrase that a model takes from a file, and say which tracks and bars it is.

    Args:
        path: the MIDI file.
        model: decides which tracks, and how many beats.
        say: is given one line about the choice, and one for each fault of the file, each thing that
            the model does not hear and each that was done to make it fit.
        asked: what is wanted of the file.
        mode: what it is for; the model's usual one where it is None.

    Raises:
        AntiphonError: the file cannot be read, or has no such track or bars.
    """
    song = read_midi(path, keep_pedal=asked.keep_pedal)

    def remark(text: str) -> None:
        say(f"{printable(path.name)}: {text}")

    for warning in song.warnings:
        remark(warning)
    remedy = partial(_remedy_of_long_bars, model, mode or model.modes[0])
    length = Length(asked.length or model.bars, model.metres, model.representation.name, model.bars, remedy)
    parts, taken, why = parts_and_bars(song, model, length, asked.track, asked.first_bar)
    tracks = [track for part in parts for track in part.tracks]
    refuse_crowd(taken, tracks)
    chosen = [part for part in parts if part.chosen]
    played = [notes_of(taken, part) for part in chosen]
    refuse_silence(taken, parts, length)
    remark(_choice_line(parts, played, taken, why))
    phrase = _phrase(taken, chosen, taken.bars)
    if lengthened := sum(taken.lengthened(track) for track in tracks):
        remark(f"{counted(lengthened, 'note')} lengthened by the pedals")
    model = _kitted(model, phrase, asked.kit, remark).for_phrase(phrase)
    model = model.at_tempo(60e6 / taken.tempos()[0][1])
    own = _bars_heard(taken, length._replace(bars=model.bars))
    bars = min(_bars_heard(taken, length), own * ceil(phrase.bars / own))
    phrase = _filled(phrase, taken, chosen, bars, remark)
    if notice := fit_of(model.representation, phrase).notice:
        remark(notice)
    slot = encode_phrase(model, phrase, key_around(taken), chords_under(taken, tracks))
    heard = [window.phrase for window in slot.windows] if isinstance(slot, LongSlot) else [phrase]
    for each in heard:
        for clause in left_out(each, model.representation):
            remark(f"not heard by the model: {clause}{_remedy(clause, mode or model.modes[0])}")
    silent = frozenset(part.channel for part in parts if not part.chosen)
    setting = setting_of(taken, parts, bars, asked.controllers, remark)
    return Source(
        model=model,
        slot=slot,
        bars=bars,
        metre=phrase.metre,
        setting=setting,
        following=setting_after(taken, setting),
        stem=path.stem,
        silent=silent,
    )


def _choice_line(parts: list[Part], played: list[list[Note]], taken: Window, why: str) -> str:
    """Return which tracks and bars were taken, which of the parts rest in them, and their tempo."""
    sounding = [part for part in parts if part.chosen]
    rests = [part.name for part, notes in zip(sounding, played, strict=True) if not notes]
    without = f", without {' and '.join(rests)}" if rests else ""
    (_, first), *changes = taken.tempos()
    more = (
        f", {len(changes)} changes of tempo" if len(changes) > 1 else ", a change of tempo" if changes else ""
    )
    return f"{'; '.join(map(str, parts))}; {taken.label}, {why}{without}; {60e6 / first:.1f} bpm{more}"


def _remedy(lost: LeftOut, mode: Mode) -> str:
    """Return what lets a model hear what is left out, to follow its reason; empty for nothing."""
    if lost.reason == UNMAPPED:
        return "; --kit names another kit or a map of your own"
    if lost.reason != BESIDE_LINE:
        return ""
    hearer = hearing_chords(InstalledModels().cards(), mode)
    return f"; chords are heard by --model {quote(hearer)}" if hearer else ""


def _remedy_of_long_bars(model: Model, mode: Mode, bars: int) -> str:
    """Return what lets bars be heard that take so many of a model's, or that nothing does."""
    if bars <= model.bars:
        return f"take as many with --length {bars}" if bars else "choose another file"
    hearer = hearing_bars(InstalledModels().cards(), mode, model.representation.name, bars)
    if not hearer:
        return "no model that is installed hears bars as long; choose another file"
    return f"--model {quote(hearer)} hears them"


def _kitted(model: Model, phrase: Phrase, asked_kit: str | None, say: Say) -> Model:
    """Return the model reading drums by their kit, which is said where it is not plain General MIDI."""
    if model.representation.name not in (*DRUM_MODELS, "trio"):
        return model
    everything = model.representation.name in DRUM_MODELS
    drums = [note.pitch for note in phrase.notes if everything or note.channel == DRUM_CHANNEL]
    kit, why = kit_of_drums(asked_kit, drums)
    if why:
        say(why)
    return model.with_kit(kit.led_by(drums))


def _bars_heard(taken: Window, length: Length) -> int:
    """Return how many bars of the window's metre go into a model's length."""
    run = Run(taken.first_bar, taken.bars, taken.start_ticks, taken.song.bar(taken.first_bar).metre)
    return bars_that_fit(run, length)


def _phrase(taken: Window, parts: list[Part], bars: int) -> Phrase:
    """Return what parts play in the first bars of a window."""
    first = replace(taken, bars=bars)
    return Phrase.of([note for part in parts for note in notes_of(first, part)], bars, taken.metre)


def _filled(phrase: Phrase, taken: Window, parts: list[Part], bars: int, say: Say) -> Phrase:
    """Repeat a phrase that is shorter than what the model takes, and say so.

    The last time is cut out of the file anew: what stands shortly before its bar line may belong to the next.
    """
    if phrase.bars >= bars:
        return phrase
    has, takes = counted(phrase.bars, "bar"), counted(bars, "bar")
    say(f"{has} only, repeated to the {takes} that the model takes")
    copies, rest = divmod(bars, phrase.bars)
    whole = phrase.tiled(copies * phrase.bars)
    if not rest:
        return whole
    length = whole.length_beats
    last = (
        replace(note, start_beats=note.start_beats + length) for note in _phrase(taken, parts, rest).notes
    )
    return Phrase.of([*whole.notes, *last], bars, whole.metre)

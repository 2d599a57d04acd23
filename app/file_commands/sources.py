"""What a model takes from a MIDI file: its parts, put together as one phrase, and lines that say which."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import partial
from math import ceil
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from app.bundle_cards import hearing_bars, hearing_chords
from app.file_commands.kit_choice import kit_of_drums
from app.file_commands.surroundings import chords_under, key_around
from app.model_library import InstalledModels
from engine.errors import MidiFileError
from engine.inference.controls import Mode
from engine.inference.model import Model
from engine.inference.windows import AnySlot, LongSlot, encode_phrase, laid_back
from engine.midi.messages import PROGRAM
from engine.midifile.bar_choice import Length, bars_that_fit, choose_bars, playable
from engine.midifile.controllers import Message, without_gestures
from engine.midifile.read import read_midi
from engine.midifile.song import Run, Song, Track
from engine.midifile.track_choice import (
    TRIO_CHANNELS,
    Chosen,
    choose_drums,
    choose_melody,
    choose_piano,
    choose_pitched,
    choose_trio,
    find_track,
)
from engine.midifile.window import Window, refuse_crowd, window
from engine.midifile.write import Setting, Tempos
from engine.music.left_out import BESIDE_LINE, UNMAPPED, LeftOut, left_out
from engine.music.metre import Metre
from engine.music.metre_fit import MetreFit, fit_of
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.triplets import felt_metre
from engine.text import counted, printable

DRUM_MODELS = ("drums", "groove")
"""Representations that take the drums of a file."""
PITCHED_CHANNEL = 0
"""Where a model of one voice has it."""
ABSENT = {
    "melody": "no melody track: melody stays silent",
    "bass": "no bass track: bass stays silent",
    "drums": "no drum track: drums stay silent",
}

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


class Part(NamedTuple):
    """One voice of the phrase that a model takes."""

    chosen: Chosen | None
    """None where the file has no such part."""
    name: str
    """Empty where it is the only one."""
    channel: int
    """Where the model has it."""

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Its tracks, none where the file has no such part."""
        return self.chosen.tracks if self.chosen else ()

    def __str__(self) -> str:
        if self.chosen is None:
            return ABSENT[self.name]
        return f"{self.name} {self.chosen.label}, {self.chosen.why}".lstrip()


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
    name = printable(path.name)
    song = read_midi(path, keep_pedal=asked.keep_pedal)
    for warning in song.warnings:
        say(f"{name}: {warning}")
    remedy = partial(_remedy_of_long_bars, model, mode or model.modes[0])
    length = Length(asked.length or model.bars, model.metres, model.representation.name, model.bars, remedy)
    parts, taken, why = _chosen(song, model, asked, length)
    refuse_crowd(taken, [track for part in parts for track in part.tracks])
    played = [_notes(taken, part) for part in parts if part.chosen]
    _check_sounding(taken, parts, length)
    rests = [
        part.name for part, notes in zip((p for p in parts if p.chosen), played, strict=True) if not notes
    ]
    without = f", without {' and '.join(rests)}" if rests else ""
    chosen = "; ".join(map(str, parts))
    say(f"{name}: {chosen}; {taken.label}, {why}{without}; {_tempo_line(taken)}")
    phrase = Phrase.of([note for notes in played for note in notes], taken.bars, taken.metre)
    if lengthened := sum(taken.lengthened(track) for part in parts for track in part.tracks):
        say(f"{name}: {counted(lengthened, 'note')} lengthened by the pedals")
    model = _kitted(model, phrase, asked, name, say).in_metre(felt_metre(phrase))
    model = model.at_tempo(60e6 / taken.tempos()[0][1])
    tracks = [track for part in parts for track in part.tracks]
    own = _bars_heard(taken, length._replace(bars=model.bars))
    bars = min(_bars_heard(taken, length), own * ceil(phrase.bars / own))
    phrase = _filled(phrase, bars, name, say)
    if notice := fit_of(model.representation, phrase).notice:
        say(f"{name}: {notice}")
    slot = encode_phrase(model, phrase, key_around(taken), chords_under(taken, tracks))
    heard = [window.phrase for window in slot.windows] if isinstance(slot, LongSlot) else [phrase]
    for each in heard:
        for clause in left_out(each, model.representation):
            say(f"{name}: not heard by the model: {clause}{_remedy(clause, mode or model.modes[0])}")
    silent = frozenset(part.channel for part in parts if not part.chosen)
    setting = _setting(taken, parts, bars, asked, name, say)
    return Source(
        model=model,
        slot=slot,
        bars=bars,
        metre=phrase.metre,
        setting=setting,
        following=_following(taken, setting),
        stem=path.stem,
        silent=silent,
    )


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


# Parts and bars -----------------------------------------------------------------------------


def _chosen(song: Song, model: Model, asked: Asked, length: Length) -> tuple[list[Part], Window, str]:
    """Return the parts and bars of the first sequence of a song that has them, and why these bars."""
    sequences: Sequence[Song] = song.sequences or (song,)
    if asked.track and song.sequences:
        wanted = find_track(song, asked.track.rpartition("=")[2])
        sequences = (song.sequence_of(wanted.tracks[0]),)
    refusal: MidiFileError | None = None
    for sequence in sequences:
        try:
            return _chosen_of(sequence, model, asked, length)
        except MidiFileError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _chosen_of(song: Song, model: Model, asked: Asked, length: Length) -> tuple[list[Part], Window, str]:
    """Return the parts and bars of a song: tracks that do not play in any bars that fit are passed over."""
    usable = song if asked.first_bar is not None else playable(song, length)
    parts = _parts(usable if not asked.track else song, model, asked.track)
    if asked.first_bar is None:
        taken, why = choose_bars(song, [part.tracks for part in parts if part.chosen], length)
        return parts, taken, why
    first = song.bar(asked.first_bar - 1)
    run = Run(first.index, 1, first.start_ticks, first.metre)
    bars = bars_that_fit(run, length)
    if not bars:
        raise MidiFileError(
            f"{song.name}: bar {asked.first_bar} is in {first.metre}, longer than "
            f"{counted(min(length.bars, length.window_bars), 'bar')} of {length.metres[0]}; "
            f"{length.remedy(length.fit(run).model_bars)}"
        )
    return parts, window(song, first.index, bars), "as asked"


def _parts(song: Song, model: Model, track: str | None) -> list[Part]:
    kind = model.representation.name
    if kind == "trio":
        chosen = choose_trio(song, track)
        return [Part(chosen.get(name), name, channel) for name, channel in TRIO_CHANNELS.items()]
    channel = DRUM_CHANNEL if kind in DRUM_MODELS else PITCHED_CHANNEL
    if track:
        return [Part(find_track(song, track), "", channel)]
    if kind == "pianoroll":
        choose = choose_pitched if "continue" in model.modes else choose_piano
        return [Part(choose(song), "", channel)]
    return [Part(_choose_one(song, model), "", channel)]


def _choose_one(song: Song, model: Model) -> Chosen:
    if model.representation.name not in DRUM_MODELS:
        return choose_melody(song)
    try:
        return choose_drums(song)
    except MidiFileError:
        if "drumify" not in model.modes:
            raise
        return choose_melody(song)  # any rhythm may be tapped


def _check_sounding(taken: Window, parts: Sequence[Part], length: Length) -> None:
    """Refuse bars in which nothing sounds, with a remedy that there is."""
    tracks = [track for part in parts for track in part.tracks]
    if any(len(taken.phrase(track).notes) for track in tracks):
        return
    which = ", ".join(part.chosen.label for part in parts if part.chosen)
    song = taken.song
    other, _ = choose_bars(song, [part.tracks for part in parts if part.chosen], length)
    remedy = "choose another track with --track"
    if any(other.onsets(track) for track in tracks):
        remedy = f"choose others with --bar, such as --bar {other.first_bar + 1}"
    raise MidiFileError(f"{song.name}: {taken.label} of {which} are silent; {remedy}")


def _notes(taken: Window, part: Part) -> list[Note]:
    """Return a part's notes in some bars, on the channel the model has it on.

    What is asked for as drums from another channel stays off the drum channel: the kit says what is one.
    """
    notes = []
    for track in part.tracks:
        is_pads = part.channel == DRUM_CHANNEL and not track.is_drum
        channel = PITCHED_CHANNEL if is_pads else part.channel
        notes += [replace(note, channel=channel) for note in taken.phrase(track).notes]
    return _struck_once(notes) if len(part.tracks) > 1 and part.channel != DRUM_CHANNEL else notes


def _struck_once(notes: Iterable[Note]) -> list[Note]:
    """Make of several tracks what one player could play: a key struck again ends the note before.

    Of notes that strike a key together the longest stays.
    """
    kept: dict[tuple[int, int], list[Note]] = {}
    for note in sorted(notes, key=lambda note: (note.start_beats, -note.duration_beats)):
        of_key = kept.setdefault((note.channel, note.pitch), [])
        if of_key and of_key[-1].start_beats == note.start_beats:
            continue
        if of_key and of_key[-1].end_beats > note.start_beats:
            of_key[-1] = replace(of_key[-1], duration_beats=note.start_beats - of_key[-1].start_beats)
        of_key.append(note)
    return [note for of_key in kept.values() for note in of_key]


# Into the model's metre, and what the written file takes over ---------------------------------


def _kitted(model: Model, phrase: Phrase, asked: Asked, name: str, say: Say) -> Model:
    """Return the model reading drums by their kit, which is said where it is not plain General MIDI."""
    if model.representation.name not in (*DRUM_MODELS, "trio"):
        return model
    everything = model.representation.name in DRUM_MODELS
    drums = [note.pitch for note in phrase.notes if everything or note.channel == DRUM_CHANNEL]
    kit, why = kit_of_drums(asked.kit, drums)
    if why:
        say(f"{name}: {why}")
    return model.with_kit(kit.led_by(drums))


def _bars_heard(taken: Window, length: Length) -> int:
    """Return how many bars of the window's metre go into a model's length."""
    run = Run(taken.first_bar, taken.bars, taken.start_ticks, taken.song.bar(taken.first_bar).metre)
    return bars_that_fit(run, length)


def _filled(phrase: Phrase, bars: int, name: str, say: Say) -> Phrase:
    """Repeat a phrase that is shorter than what the model takes, and say so."""
    if phrase.bars >= bars:
        return phrase
    has, takes = counted(phrase.bars, "bar"), counted(bars, "bar")
    say(f"{name}: {has} only, repeated to the {takes} that the model takes")
    return phrase.tiled(bars)


def _tempo_line(taken: Window) -> str:
    (_, first), *changes = taken.tempos()
    more = (
        f", {len(changes)} changes of tempo" if len(changes) > 1 else ", a change of tempo" if changes else ""
    )
    return f"{60e6 / first:.1f} bpm{more}"


def _setting(taken: Window, parts: Sequence[Part], bars: int, asked: Asked, name: str, say: Say) -> Setting:
    """Return resolution, tempo map, metre, channels, programs and messages of the bars that were taken."""
    leads = {part.channel: max(part.tracks, key=taken.onsets) for part in parts if part.chosen}
    messages = {
        channel: _repeated(taken.messages(lead), taken, bars) if asked.controllers else ()
        for channel, lead in leads.items()
    }
    if kept := sum(_moving(of_it) for of_it in messages.values()):
        say(f"{name}: {counted(kept, 'controller message')} of the source written too")
    others = [
        track for part in parts for track in part.tracks if track.channel != leads[part.channel].channel
    ]
    if asked.controllers and (lost := sum(_moving(taken.messages(track)) for track in others)):
        say(
            f"{name}: {counted(lost, 'controller message')} of other channels left out: "
            "a part is written on one channel"
        )
    return Setting(
        ppq=taken.song.ppq,
        tempos=_repeated_tempos(taken, bars),
        metre=taken.metre,
        channels={channel: lead.channel for channel, lead in leads.items() if channel != DRUM_CHANNEL},
        programs={
            channel: taken.program(lead)
            for channel, lead in leads.items()
            if (channel == DRUM_CHANNEL) == lead.is_drum
        },
        messages=messages,
    )


def _moving(messages: Sequence[Message]) -> int:
    """Count the messages that are no programs."""
    return sum(message.data[0] != PROGRAM for message in messages)


def _repeated(messages: Sequence[Message], taken: Window, bars: int) -> tuple[Message, ...]:
    """Repeat messages with the bars, until they fill `bars`."""
    length = Fraction(taken.bar_ticks, taken.song.ppq)
    return tuple(
        Message(message.start_beats + first * length, message.data)
        for first in range(0, bars, taken.bars)
        for message in messages
        if message.start_beats + first * length < bars * length
    )


def _repeated_tempos(taken: Window, bars: int) -> Tempos:
    length = Fraction(taken.bar_ticks, taken.song.ppq)
    return tuple(
        (at + first * length, microseconds)
        for first in range(0, bars, taken.bars)
        for at, microseconds in taken.tempos()
        if at + first * length < bars * length
    )


def _following(taken: Window, setting: Setting) -> Setting:
    """Return what music after the bars takes over: their last tempo and the state they leave behind."""
    messages = {channel: without_gestures(tuple(of_it)) for channel, of_it in setting.messages.items()}
    tempos = ((Fraction(0), taken.last_tempo().microseconds),)
    return replace(setting, tempos=tempos, messages=messages)

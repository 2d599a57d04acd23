"""What a model takes from a MIDI file: its parts, put together as one phrase, and a line that says which."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from engine.errors import MidiFileError
from engine.inference.model import Model
from engine.inference.slots import Slot, encode_slot
from engine.midifile.read import read_midi
from engine.midifile.song import Song
from engine.midifile.track_choice import (
    TRIO_CHANNELS,
    Chosen,
    choose_bars,
    choose_drums,
    choose_melody,
    choose_pitched,
    choose_trio,
    find_track,
)
from engine.music.notes import Note, Phrase

DRUM_MODELS = ("drums", "groove")
"""Representations that take the drums of a file."""
ABSENT = {
    "melody": "no melody track: melody stays silent",
    "bass": "no bass track: bass stays silent",
    "drums": "no drum track: drums stay silent",
}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A phrase out of a file."""

    slot: Slot
    bpm: float
    stem: str
    """File name without its ending."""
    silent: frozenset[int] = frozenset()
    """Channels of the parts that the file has not: nothing is written for them either."""


class Part(NamedTuple):
    """One voice of the phrase that a model takes."""

    chosen: Chosen | None
    """None where the file has no such part."""
    name: str = ""
    """Empty where it is the only one."""
    channel: int | None = None
    """Where the model has it; None: as in the file."""

    def __str__(self) -> str:
        if self.chosen is None:
            return ABSENT[self.name]
        return f"{self.name} {self.chosen.label}, {self.chosen.why}".lstrip()


def read_source(
    path: Path, model: Model, say: Say, *, track: str | None = None, first_bar: int | None = None
) -> Source:
    """Read the phrase that a model takes from a file, and say which tracks and bars it is.

    Args:
        path: the MIDI file.
        model: decides which tracks, and how many bars.
        say: told one line about the choice, and one for each fault of the file.
        track: number or name of the track to take, instead of what looks right; of a trio also
            several, as in `melody=2,bass=3,drums=10`.
        first_bar: number of the first bar, counted from 1, instead of the first full ones.

    Raises:
        AntiphonError: the file cannot be read, or has no such track or bars.
    """
    song = read_midi(path)
    for warning in song.warnings:
        say(f"{path.name}: {warning}")
    parts = _parts(song, model, track)
    phrase, bars = _cut(song, [part for part in parts if part.chosen], model.bars, first_bar)
    say(f"{path.name}: {'; '.join(map(str, parts))}; {bars}; {song.bpm:.1f} bpm")
    silent = frozenset(part.channel for part in parts if part.channel is not None and not part.chosen)
    return Source(encode_slot(model, phrase), song.bpm, path.stem, silent)


def _parts(song: Song, model: Model, track: str | None) -> list[Part]:
    kind = model.representation.name
    if kind == "trio":
        chosen = choose_trio(song, track)
        return [Part(chosen.get(name), name, channel) for name, channel in TRIO_CHANNELS.items()]
    if kind == "pianoroll":
        return [Part(find_track(song, track) if track else choose_pitched(song), channel=0)]
    return [Part(find_track(song, track) if track else _choose_one(song, model))]


def _choose_one(song: Song, model: Model) -> Chosen:
    if model.representation.name not in DRUM_MODELS:
        return choose_melody(song)
    try:
        return choose_drums(song)
    except MidiFileError:
        if "drumify" not in model.modes:
            raise
        return choose_melody(song)  # any rhythm may be tapped


def _cut(song: Song, parts: Sequence[Part], bars: int, first_bar: int | None) -> tuple[Phrase, str]:
    """Return the phrase of the parts there are, and which bars and why."""
    if first_bar is not None:
        first, why = first_bar - 1, "as asked"
    else:
        first, bars, why = choose_bars(song, [part.chosen.tracks for part in parts if part.chosen], bars)
    span = f"bar {first + 1}" if bars == 1 else f"bars {first + 1} to {first + bars}"
    notes = [_notes(song, part, first, bars) for part in parts]
    if not any(notes):
        which = ", ".join(part.chosen.label for part in parts if part.chosen)
        raise MidiFileError(f"{song.name}: {span} of {which} are silent; choose others with --bar")
    rests = [part.name for part, played in zip(parts, notes, strict=True) if not played]
    silent = f", without {' and '.join(rests)}" if rests else ""
    return Phrase.of([note for played in notes for note in played], bars), f"{span}, {why}{silent}"


def _notes(song: Song, part: Part, first_bar: int, bars: int) -> list[Note]:
    """Return a part's notes in some bars, on the channel the model has it on."""
    tracks = part.chosen.tracks if part.chosen else ()
    notes = [note for track in tracks for note in song.phrase(track, first_bar, bars).notes]
    if part.channel is not None:
        notes = [replace(note, channel=part.channel) for note in notes]
    return _struck_once(notes) if len(tracks) > 1 else notes


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

"""The parts that a model takes of a song, and the bars they are taken from."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from engine.errors import MidiFileError
from engine.inference.model import Model
from engine.midifile.bar_choice import Length, bars_that_fit, choose_bars, playable
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
from engine.midifile.window import Window, window
from engine.music.notes import DRUM_CHANNEL, Note
from engine.text import counted

DRUM_MODELS = ("drums", "groove")
"""Representations that take the drums of a file."""
PITCHED_CHANNEL = 0
"""Where a model of one voice has it."""
ABSENT = {
    "melody": "no melody track: melody stays silent",
    "bass": "no bass track: bass stays silent",
    "drums": "no drum track: drums stay silent",
}


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


def parts_and_bars(
    song: Song, model: Model, length: Length, track: str | None = None, first_bar: int | None = None
) -> tuple[list[Part], Window, str]:
    """Return the parts and bars of the first sequence of a song that has them, and why these bars.

    Args:
        song: where they are looked for.
        model: decides which tracks make parts.
        length: how many bars it takes.
        track: number or name of the track, as in `Asked.track`; None leaves the choice to the program.
        first_bar: number of the first bar, counted from 1; None likewise.

    Raises:
        MidiFileError: there are no such parts or bars.
    """
    sequences: Sequence[Song] = song.sequences or (song,)
    if track and song.sequences:
        wanted = find_track(song, track.rpartition("=")[2])
        sequences = (song.sequence_of(wanted.tracks[0]),)
    refusal: MidiFileError | None = None
    for sequence in sequences:
        try:
            return _of_sequence(sequence, model, length, track, first_bar)
        except MidiFileError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _of_sequence(
    song: Song, model: Model, length: Length, track: str | None, first_bar: int | None
) -> tuple[list[Part], Window, str]:
    """Return the parts and bars of a song: tracks that do not play in any bars that fit are passed over."""
    usable = song if first_bar is not None else playable(song, length)
    parts = _parts(usable if not track else song, model, track)
    if first_bar is None:
        taken, why = choose_bars(song, [part.tracks for part in parts if part.chosen], length)
        return parts, taken, why
    first = song.bar(first_bar - 1)
    run = Run(first.index, 1, first.start_ticks, first.metre)
    bars = bars_that_fit(run, length)
    if not bars:
        raise MidiFileError(
            f"{song.name}: bar {first_bar} is in {first.metre}, longer than "
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


def refuse_silence(taken: Window, parts: Sequence[Part], length: Length) -> None:
    """Raise MidiFileError where nothing of the parts sounds in some bars, with a remedy that there is."""
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


def notes_of(taken: Window, part: Part) -> list[Note]:
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

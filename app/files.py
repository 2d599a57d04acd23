"""Vary, morph, generate and continue on MIDI files: the same rendering as live, without ports or clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import AntiphonError, MidiFileError
from engine.inference.controls import VARIATION_MODES, Controls, Mode, Start
from engine.inference.model import Model
from engine.inference.render import Slot, encode_slot, render_batch
from engine.midifile import (
    ChosenTrack,
    Song,
    choose_bars,
    choose_drums,
    choose_melody,
    find_track,
    read_midi,
    write_phrase,
)
from engine.music.notes import Phrase

DRUM_MODELS = ("drums", "groove")
"""Representations that take the drum track of a file."""
LARGEST_COUNT = 1000

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A phrase out of a file."""

    slot: Slot
    bpm: float
    stem: str
    """File name without its ending."""


def read_source(
    path: Path, model: Model, say: Say, *, track: str | None = None, first_bar: int | None = None
) -> Source:
    """Read the phrase that a model takes from a file, and say which track and bars it is.

    Args:
        path: the MIDI file.
        model: decides which kind of track, and how many bars.
        say: told one line about the choice, and one for each fault of the file.
        track: number or name of the track to take, instead of the one that looks right.
        first_bar: number of the first bar, counted from 1, instead of the first full ones.

    Raises:
        AntiphonError: the file cannot be read, or has no such track or bars.
    """
    song = read_midi(path)
    for warning in song.warnings:
        say(f"{path.name}: {warning}")
    chosen = find_track(song, track) if track else _choose_track(song, model)
    phrase, bars = _cut(song, chosen, model.bars, first_bar)
    say(f"{path.name}: {chosen.track.label}, {chosen.why}; {bars}; {song.bpm:.1f} bpm")
    return Source(encode_slot(model, phrase), song.bpm, path.stem)


def _choose_track(song: Song, model: Model) -> ChosenTrack:
    if model.representation.name not in DRUM_MODELS:
        return choose_melody(song)
    try:
        return choose_drums(song)
    except MidiFileError:
        if "drumify" not in model.modes:
            raise
        return choose_melody(song)  # any rhythm may be tapped


def _cut(song: Song, chosen: ChosenTrack, bars: int, first_bar: int | None) -> tuple[Phrase, str]:
    if first_bar is not None:
        first, why = first_bar - 1, "as asked"
    else:
        first, bars, why = choose_bars(song, chosen.track, bars)
    phrase = song.phrase(chosen.track, first, bars)
    if not phrase.notes:
        raise MidiFileError(
            f"{song.name}: bars {first + 1} to {first + bars} of {chosen.track.label} are silent; "
            "choose others with --bar"
        )
    span = f"bar {first + 1}" if bars == 1 else f"bars {first + 1} to {first + bars}"
    return phrase, f"{span}, {why}"


def vary(
    model: Model,
    source: Source,
    folder: Path,
    say: Say,
    *,
    count: int,
    variation: float,
    temperature: float,
    seed: int,
) -> list[Path]:
    """Write `count` variations of a phrase, with the seeds from `seed` on.

    A drummer's model does what it is for: it grooves the phrase or drums to its rhythm.
    """
    mode: Mode = next((mode for mode in model.modes if mode in VARIATION_MODES), "vary")
    takes = [
        Controls(mode=mode, variation=variation, temperature=temperature, seed=seed + number, source="A")
        for number in range(_counted(count))
    ]
    phrases = render_batch(model, {"A": source.slot}, takes)
    labels = [f"seed {take.seed}" for take in takes]
    return _write_all(folder, f"{source.stem}-{mode}", phrases, labels, source.bpm, say)


def carry_on(
    model: Model,
    source: Source,
    folder: Path,
    say: Say,
    *,
    bars: int,
    count: int,
    start: Start,
    temperature: float,
    seed: int,
) -> list[Path]:
    """Write `count` continuations of a phrase, `bars` bars each, with the seeds from `seed` on."""
    takes = [
        Controls(
            mode="continue",
            start=start,
            bars=bars,
            temperature=temperature,
            seed=seed + number,
            source="A",
        )
        for number in range(_counted(count))
    ]
    phrases = render_batch(model, {"A": source.slot}, takes)
    labels = [f"{start}, seed {take.seed}" for take in takes]
    return _write_all(folder, f"{source.stem}-continue", phrases, labels, source.bpm, say)


def morph(
    model: Model, first: Source, second: Source, folder: Path, say: Say, *, steps: int, seed: int
) -> list[Path]:
    """Write a walk from one phrase to another in `steps` files, both ends included; tempo of the first."""
    if steps < 2:
        raise AntiphonError(f"--steps {steps}: a walk has two ends, so choose 2 or more")
    shares = [step / (_counted(steps) - 1) for step in range(steps)]
    takes = [Controls(mode="morph", morph=share, seed=seed) for share in shares]
    phrases = render_batch(model, {"A": first.slot, "B": second.slot}, takes)
    labels = [f"{share:.0%} of the way" for share in shares]
    return _write_all(folder, f"{first.stem}-to-{second.stem}", phrases, labels, first.bpm, say)


def generate(
    model: Model, folder: Path, say: Say, *, count: int, temperature: float, seed: int, bpm: float
) -> list[Path]:
    """Write `count` phrases drawn from the model's prior, with the seeds from `seed` on."""
    takes = [
        Controls(mode="generate", temperature=temperature, seed=seed + number)
        for number in range(_counted(count))
    ]
    phrases = render_batch(model, {}, takes)
    labels = [f"seed {take.seed}" for take in takes]
    return _write_all(folder, f"{model.name}-generate", phrases, labels, bpm, say)


def _counted(count: int) -> int:
    if not 1 <= count <= LARGEST_COUNT:
        raise AntiphonError(f"{count} files: choose 1 to {LARGEST_COUNT}")
    return count


def _write_all(
    folder: Path, stem: str, phrases: Sequence[Phrase], labels: Sequence[str], bpm: float, say: Say
) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AntiphonError(f"{folder}: cannot be made a folder ({reason}); choose another place") from None
    digits = len(str(len(phrases)))
    written = []
    for number, (phrase, label) in enumerate(zip(phrases, labels, strict=True), start=1):
        path = folder / f"{stem}-{number:0{digits}}.mid"
        write_phrase(path, phrase, bpm=bpm)
        say(f"{path}: {label}, {len(phrase.notes)} notes in {phrase.bars} bars")
        written.append(path)
    return written

"""Vary, morph, generate and continue on MIDI files: the same rendering as live, without ports or clock."""

import os
from collections.abc import Iterable, Mapping, Sequence, Set
from fractions import Fraction
from functools import reduce
from operator import and_
from pathlib import Path

from msgspec.structs import replace

from app.file_commands.sources import Say, Source
from app.track_names import voicing
from engine.errors import AntiphonError
from engine.given_places import output_folder
from engine.inference.controls import LARGEST_SEED, LONGEST_BARS, Controls
from engine.inference.model import Model
from engine.inference.render import render_batch
from engine.inference.windows import AnySlot, encode_phrase, laid_back
from engine.midifile.write import Setting, write_phrase
from engine.modes.pad import pad_weights
from engine.music.metre import Metre
from engine.music.metre_fit import fit_to
from engine.music.notes import Phrase
from engine.text import counted, printable

LARGEST_COUNT = 1000
LONGEST_STEM_BYTES = 200
"""Of the names of written files; most file systems have 255 bytes for a name."""


def from_source(
    model: Model,
    source: Source,
    folder: Path,
    say: Say,
    *,
    count: int,
    controls: Controls,
    transpose: int = 0,
) -> list[Path]:
    """Write `count` answers to a phrase in the controls' mode, with the seeds from theirs on."""
    if controls.mode == "continue":
        return _continue(model, source, folder, say, count=count, controls=controls, transpose=transpose)
    takes = _takes(replace(controls, source="A"), count)
    rendered = _without(source.silent, render_batch(source.model, {"A": source.slot}, takes))
    phrases = [source.answer(phrase).transposed(transpose) for phrase in rendered]
    labels = [f"seed {take.seed}" for take in takes]
    setting = source.setting
    if controls.mode == "accompany":  # what is accompanied keeps its own channel, where no voice is
        phrases = [_together(source.slot.phrase.transposed(transpose), phrase) for phrase in phrases]
        setting = replace(setting, channels={})
    settings = [setting] * len(phrases)
    return _write_all(model, folder, f"{source.stem}-{controls.mode}", phrases, labels, settings, say)


def _together(melody: Phrase, accompaniment: Phrase) -> Phrase:
    """Return a melody with its accompaniment, of the accompaniment's length."""
    length = accompaniment.length_beats
    own = [note for note in melody.notes if note.start_beats < length]
    return Phrase.of([*own, *accompaniment.notes], accompaniment.bars, accompaniment.metre)


def _continue(
    model: Model,
    source: Source,
    folder: Path,
    say: Say,
    *,
    count: int,
    controls: Controls,
    transpose: int,
) -> list[Path]:
    """Write `count` continuations of a phrase, of the controls' bars in its own metre each."""
    bars = controls.bars or source.bars
    model_bars = source.fit.model_bars_for(bars)
    if model_bars > LONGEST_BARS:
        fitting = int(bars * LONGEST_BARS / model_bars)
        raise AntiphonError(f"--bars {bars}: too long in the file's metre; choose {fitting} or fewer")
    takes = _takes(replace(controls, source="A", bars=bars), count)
    rendered = render_batch(source.model, {"A": source.slot}, takes)
    phrases = [source.answer(phrase, bars).transposed(transpose) for phrase in rendered]
    labels = [f"{controls.start}, seed {take.seed}" for take in takes]
    settings = [source.following] * len(phrases)
    return _write_all(model, folder, f"{source.stem}-continue", phrases, labels, settings, say)


def morph(
    model: Model,
    first: Source,
    second: Source,
    folder: Path,
    say: Say,
    *,
    steps: int,
    controls: Controls,
    transpose: int = 0,
) -> list[Path]:
    """Write a walk from one phrase to another in `steps` files, both ends included.

    Tempo, metre and length are those of the first, resolution, channels and programs of the nearer.

    Raises:
        AntiphonError: `steps` is less than 2, or a file cannot be written.
    """
    if steps < 2:
        raise AntiphonError(f"--steps {steps}: a walk has two ends, so choose 2 or more")
    shares = [step / (_counted(steps) - 1) for step in range(steps)]
    takes = [replace(controls, morph=share, morph_from="A", morph_to="B") for share in shares]
    rendered = render_batch(first.model, {"A": first.slot, "B": _heard_by(first.model, second)}, takes)
    heard = _without(first.silent & second.silent, rendered)
    phrases = [first.answer(phrase).transposed(transpose) for phrase in heard]
    labels = [f"{share:.0%} of the way" for share in shares]
    ends = first.setting, replace(second.setting, tempos=first.setting.tempos, metre=first.setting.metre)
    settings = [ends[share >= 0.5] for share in shares]
    return _write_all(model, folder, f"{first.stem}-to-{second.stem}", phrases, labels, settings, say)


def _heard_by(model: Model, source: Source) -> AnySlot:
    """Return the slot of a source as a model hears it that may be in another of its metres."""
    if source.model.representation.grid == model.representation.grid:
        return source.slot
    return encode_phrase(model, source.slot.phrase, source.slot.key, source.slot.harmony)


def pad(
    model: Model,
    corners: Mapping[str, Source],
    folder: Path,
    say: Say,
    *,
    controls: Controls,
    transpose: int = 0,
) -> list[Path]:
    """Write the blend of the phrases at the corners A to D at the controls' place on the pad.

    Tempo, metre, length, resolution, channels and programs are those of the corner with the largest share.
    """
    shares = pad_weights(controls.pad_x, controls.pad_y, corners)
    near = corners[max(shares, key=lambda name: shares[name])]
    slots = {name: _heard_by(near.model, source) for name, source in corners.items()}
    rendered = render_batch(near.model, slots, [replace(controls, morph_by="pad")])
    silent = reduce(and_, (source.silent for source in corners.values()))
    phrases = [near.answer(phrase).transposed(transpose) for phrase in _without(silent, rendered)]
    label = ", ".join(f"{share:.0%} of {name}" for name, share in shares.items())
    return _write_all(model, folder, f"{corners['A'].stem}-pad", phrases, [label], [near.setting], say)


def generate(
    model: Model,
    folder: Path,
    say: Say,
    *,
    count: int,
    controls: Controls,
    bpm: float,
    metre: Metre | None = None,
    transpose: int = 0,
) -> list[Path]:
    """Write `count` phrases made from no source, the first with the controls' seed; return their paths.

    They are in `metre`, in the model's own where that is None. Where the model knows another one only, they
    are laid into bars of it, and that is said.
    """
    metre = metre or model.representation.grid.metre
    model = model.in_metre(metre)
    fit = fit_to(model.representation, metre)
    if fit.notice:
        say(fit.notice)
    takes = _takes(replace(controls, bars=fit.model_bars_for(controls.bars)), count)
    written = (phrase.transposed(transpose) for phrase in render_batch(model, {}, takes))
    phrases = [phrase if phrase.metre == metre else laid_back(phrase, fit) for phrase in written]
    labels = [f"seed {take.seed}" for take in takes]
    setting = Setting(tempos=((Fraction(0), round(60e6 / bpm)),), metre=metre)
    return _write_all(model, folder, f"{model.name}-{controls.mode}", phrases, labels, [setting] * count, say)


def _takes(controls: Controls, count: int) -> list[Controls]:
    return [replace(controls, seed=(controls.seed + n) % (LARGEST_SEED + 1)) for n in range(_counted(count))]


def _counted(count: int) -> int:
    if not 1 <= count <= LARGEST_COUNT:
        raise AntiphonError(f"{count} files: choose 1 to {LARGEST_COUNT}")
    return count


def _without(channels: Set[int], phrases: Iterable[Phrase]) -> list[Phrase]:
    """Leave out what a model adds where the sources have no such part."""
    return [
        replace(phrase, notes=tuple(note for note in phrase.notes if note.channel not in channels))
        for phrase in phrases
    ]


def _write_all(
    model: Model,
    folder: Path,
    stem: str,
    phrases: Sequence[Phrase],
    labels: Sequence[str],
    settings: Sequence[Setting],
    say: Say,
) -> list[Path]:
    stem = _fitting(stem)
    named = voicing(model.bundle.manifest.voices)
    if model.bundle.manifest.task == "accompany":
        named = {**named, "names": {0: "Melody", **named["names"]}}
    first = first_free_number(folder, stem)
    digits = len(str(first + len(phrases) - 1))
    written = []
    rows = zip(phrases, labels, settings, strict=True)
    with output_folder(folder):
        for number, (phrase, label, setting) in enumerate(rows, start=first):
            path = folder / f"{stem}-{number:0{digits}}.mid"
            write_phrase(path, phrase, setting=setting, **named)
            length = f"{counted(len(phrase.notes), 'note')} in {counted(phrase.bars, 'bar')}"
            say(f"{printable(str(path))}: {label}, {length}")
            written.append(path)
    return written


def _fitting(stem: str) -> str:
    """Return a file's stem cut in its middle, where there is no room for its number in a file name."""
    data, half = os.fsencode(stem), LONGEST_STEM_BYTES // 2
    if len(data) <= LONGEST_STEM_BYTES:
        return stem
    return "...".join(part.decode("utf-8", "ignore") for part in (data[:half], data[-half:]))


def first_free_number(folder: Path, stem: str) -> int:
    """Return the number after the largest of the files `stem-number.mid`, so that none is overwritten."""
    names = (path.stem.removeprefix(f"{stem}-") for path in folder.glob("*.mid"))
    return max((int(name) for name in names if name.isdecimal()), default=0) + 1

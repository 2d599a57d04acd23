"""Draws what every shipped model plays beside held-out music: the piano rolls of docs/MODELS.md.

usage: python scripts/rolls.py FOLDER -o docs/images [--picture NAME]...

FOLDER holds sets of MIDI files with a manifest.csv (path, set, split), as `antiphon-train corpus build` reads
one; what is drawn are its test files, read and answered as `antiphon vary` and the other commands do.
"""

import argparse
import csv
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace
from PIL import Image

from app.file_commands.sources import Asked, Source, read_source
from engine.errors import AntiphonError
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render_batch
from engine.inference.windows import AnySlot, encode_phrase
from engine.installed_bundles import SHIPPED
from engine.midifile.read import read_midi
from engine.midifile.track_choice import pitched
from engine.midifile.window import window
from engine.music.accompaniment import CHORDS_CHANNEL
from engine.music.groove import quantised
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from training.evaluation.rolls import roll_grid

MELODIES = ("lieder", "pop909", "openewld", "quartets", "lieder", "openewld")
FIRST_BAR = 9
"""Bar of each file that is drawn from."""
HEARD_BARS, FOLLOWING_BARS = 4, 20
SNARE = 38
COLOURS = 32
"""Of a picture: a third of the bytes of one with all."""


class Shown(NamedTuple):
    """What a column, or a few rows, of a picture are of."""

    path: Path
    source: Source

    @property
    def phrase(self) -> Phrase:
        """The held-out music."""
        return self.source.slot.phrase

    def answer(self, controls: Controls, **slots: AnySlot) -> Phrase:
        """Return what the model answers."""
        given = {"heard": self.source.slot, "A": self.source.slot, **slots}
        return render_batch(self.source.model, given, [controls])[0]

    def heard_by(self, model: Model) -> AnySlot:
        """Return it as a model hears it."""
        slot = self.source.slot
        return encode_phrase(model, slot.phrase, slot.key, slot.harmony)

    def arranged(self) -> Phrase:
        """Return all pitched tracks of the file in the same bars; the melody's on a channel of its own."""
        taken = window(read_midi(self.path), FIRST_BAR - 1, self.phrase.bars)
        tracks = [taken.phrase(track).notes for track in pitched(taken.song)]
        melody = {(note.start_beats, note.pitch) for note in self.phrase.notes}
        notes = [
            replace(note, channel=0 if (note.start_beats, note.pitch) in melody else CHORDS_CHANNEL)
            for track in tracks
            for note in track
        ]
        return Phrase.of(notes, self.phrase.bars, self.phrase.metre)


Row = tuple[str, list[Phrase]]


def vary_rows(model: Model, shown: Sequence[Shown]) -> list[Row]:
    """Return held-out music, variations, morphs to the next column, and draws."""
    rows = [("held-out music", [each.phrase for each in shown])]
    rows += [
        (f"vary {amount}", [each.answer(Controls(variation=amount)) for each in shown])
        for amount in (0.2, 0.4, 0.6, 0.9)
    ]
    following = [*shown[1:], shown[0]]
    for share in (0.25, 0.5, 0.75):
        controls = Controls(mode="morph", morph=share)
        mixed = [
            each.answer(controls, B=other.heard_by(each.source.model))
            for each, other in zip(shown, following, strict=True)
        ]
        rows.append((f"morph {share} to the next", mixed))
    for first in (0, len(shown)):
        takes = [Controls(mode="generate", seed=first + place) for place in range(len(shown))]
        rows.append(("draws", list(render_batch(model, {}, takes))))
    return rows


def slider_rows(model: Model, shown: Sequence[Shown]) -> list[Row]:
    """Return held-out music, and what Density and Register make of it."""
    rows = [("held-out music", [each.phrase for each in shown])]
    for name, amount in (("density", -1.0), ("density", 1.0), ("register", -0.5), ("register", 0.5)):
        controls = Controls(variation=0.0, attributes=((name, amount),))
        rows.append((f"{name} {amount:+g}", [each.answer(controls) for each in shown]))
    return rows


def groove_rows(model: Model, shown: Sequence[Shown]) -> list[Row]:
    """Return drums as played, as they are heard, and as played by the model with two seeds."""
    spec = model.representation
    played = [each.phrase for each in shown]
    flat = [spec.decode(quantised(spec.encode(phrase))) for phrase in played]
    rows = [("held-out drummers", played), ("what is heard", flat)]
    return rows + _two_seeds(shown, Controls(mode="groove", variation=0.5))


def drumify_rows(model: Model, shown: Sequence[Shown]) -> list[Row]:
    """Return drums as played, the rhythm that is tapped of them, and what is written to it with two seeds."""
    rows = [("held-out drummers", [each.phrase for each in shown])]
    rows.append(("taps", [taps(model, each.phrase) for each in shown]))
    return rows + _two_seeds(shown, Controls(mode="drumify"))


def continue_rows(model: Model, shown: Sequence[Shown]) -> list[Row]:
    """Return how music goes on, and what is written after its first bars, by turns."""
    rows: list[Row] = []
    for each in shown:
        slot = each.source.slot
        heard = first_bars(each.phrase, HEARD_BARS)
        slots = {"heard": encode_phrase(each.source.model, heard, slot.key, slot.harmony)}
        rows.append(("as it goes on", [each.phrase]))
        for temperature in (0.5, 1.0):
            controls = Controls(mode="continue", bars=FOLLOWING_BARS, temperature=temperature)
            (written,) = render_batch(each.source.model, slots, [controls])
            rows.append((f"Continue, T {temperature}", [joined(heard, written)]))
    return rows


def accompany_rows(model: Model, shown: Sequence[Shown]) -> list[Row]:
    """Return songs as arranged, and their melodies with the chords, bass and drums written to them."""
    rows: list[Row] = []
    for each in shown:
        rows.append(("as arranged", [each.arranged()]))
        for seed in (0, 1):
            written = each.answer(Controls(mode="accompany", seed=seed))
            both = Phrase.of([*each.phrase.notes, *written.notes], written.bars, written.metre)
            rows.append((f"Accompany, seed {seed}", [both]))
    return rows


def _two_seeds(shown: Sequence[Shown], controls: Controls) -> list[Row]:
    seeded = [replace(controls, seed=seed) for seed in (0, 1)]
    return [(f"{each.mode}, seed {each.seed}", [one.answer(each) for one in shown]) for each in seeded]


def taps(model: Model, phrase: Phrase) -> Phrase:
    """Return what of drums is tapped: a snare at every step with a hit."""
    grid = model.representation.grid
    steps = sorted({grid.nearest_step(note.start_beats) for note in phrase.notes})
    notes = [Note(step * grid.step_beats, SNARE, grid.step_beats, 90, DRUM_CHANNEL) for step in steps]
    return Phrase.of(notes, phrase.bars, phrase.metre)


def first_bars(phrase: Phrase, bars: int) -> Phrase:
    """Return the first bars of a phrase."""
    end = bars * phrase.beats_per_bar
    notes = [
        replace(note, duration_beats=min(note.duration_beats, end - note.start_beats))
        for note in phrase.notes
        if note.start_beats < end
    ]
    return Phrase.of(notes, bars, phrase.metre)


def joined(first: Phrase, then: Phrase) -> Phrase:
    """Return one phrase after the other."""
    later = [replace(note, start_beats=note.start_beats + first.length_beats) for note in then.notes]
    return Phrase.of([*first.notes, *later], first.bars + then.bars, first.metre)


Rows = Callable[[Model, Sequence[Shown]], list[Row]]
PICTURES: dict[str, tuple[str, Rows, tuple[str, ...], int]] = {
    "words_2bar": ("words_2bar", vary_rows, MELODIES, 2),
    "melody_2bar": ("melody_2bar", vary_rows, MELODIES, 2),
    "sentences_16bar": ("sentences_16bar", vary_rows, MELODIES[1:4], 16),
    "piano_2bar": ("piano_2bar", vary_rows, ("pop909", "lieder", "pop909", "pop909"), 2),
    "piano_sliders": ("piano_2bar", slider_rows, ("pop909", "lieder", "pop909"), 2),
    "drums_2bar": ("drums_2bar", vary_rows, ("gmd",) * 5, 2),
    "groove_2bar": ("groove_2bar", vary_rows, ("gmd",) * 5, 2),
    "groove_4bar": ("groove_4bar", vary_rows, ("gmd",) * 4, 4),
    "groove_humanize_2bar": ("groove_humanize_2bar", groove_rows, ("gmd",) * 5, 2),
    "groove_drumify_2bar": ("groove_drumify_2bar", drumify_rows, ("gmd",) * 5, 2),
    "pianoroll_continue": (
        "pianoroll_continue",
        continue_rows,
        ("pop909", "quartets", "lieder"),
        HEARD_BARS + FOLLOWING_BARS,
    ),
    "sentences_continue": (
        "sentences_16bar",
        continue_rows,
        ("pop909", "openewld", "lieder"),
        HEARD_BARS + FOLLOWING_BARS,
    ),
    "accompany_2bar": ("accompany_2bar", accompany_rows, ("pop909", "pop909", "pop909"), 8),
}
"""By file name: model, what is drawn, sets that its columns are from, and bars."""


def shown_of(model: Model, held_out: dict[str, list[Path]], sets: Sequence[str], bars: int) -> list[Shown]:
    """Return music from each of some sets, out of files that are far apart; what cannot be used, and what of
    one name is there already, is passed over."""
    found: list[Shown] = []
    for place, name in enumerate(sets):
        files = held_out[name]
        start = place * len(files) // len(sets)
        candidates = (_shown(path, model, bars) for path in islice(cycle(files), start, start + len(files)))
        names = {each.path.stem for each in found}
        found.append(next(each for each in candidates if each is not None and each.path.stem not in names))
    return found


def _shown(path: Path, model: Model, bars: int) -> Shown | None:
    """Return bars of a file; None where a model cannot use them or next to nothing is there."""
    try:
        asked = Asked(first_bar=FIRST_BAR, length=bars)
        shown = Shown(path, read_source(path, model, lambda line: None, asked))
    except AntiphonError:
        return None
    return shown if shown.phrase.bars == bars and len(shown.phrase.notes) >= 2 * bars else None


def held_out_files(folder: Path) -> dict[str, list[Path]]:
    """Return the test files of each set that a manifest names."""
    found: dict[str, list[Path]] = {}
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["split"] == "test":
                found.setdefault(row["set"], []).append(folder / row["path"])
    return found


def main() -> None:
    """Draw the pictures that are asked for, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--picture", action="append", choices=PICTURES, help="one of them; may be repeated")
    asked = parser.parse_args()
    held_out = held_out_files(asked.folder)
    for name in asked.picture or PICTURES:
        bundle, rows_of, sets, bars = PICTURES[name]
        model = Model.load(SHIPPED / bundle, precision="float")
        shown = shown_of(model, held_out, sets, bars)
        rows = rows_of(model, shown)
        titles = [each.path.stem for each in shown] if len(rows[0][1]) == len(shown) else ()
        phrases = [row for _, row in rows]
        figure = roll_grid(phrases, [label for label, _ in rows], titles, together="none")
        drawn = BytesIO()
        figure.savefig(drawn, dpi=80)
        Image.open(drawn).convert("RGB").quantize(COLOURS).save(asked.output / f"{name}.png", optimize=True)
        print(asked.output / f"{name}.png")


if __name__ == "__main__":
    main()

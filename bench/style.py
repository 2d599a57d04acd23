"""How far takes are pulled towards a style: the critic of melodies it has not seen, and the key.

    python bench/style.py FOLDER [--model engine/bundles/words_2bar] [--takes 256]

Every second file of the folder is learned from; a critic is fitted on the others. Takes are drawn from
nothing, and varied from such draws at .6 and .3, at several amounts of
style; `best` is the best of eight by rank.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.errors import MidiFileError
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.ranking import ranked
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.midifile.read import read_midi
from engine.midifile.style_files import phrases_of, read_style
from engine.music.key import Key
from engine.music.key_finding import key_of
from engine.music.notes import Phrase
from engine.music.style import Style
from training.evaluation.musicality.critic import Critic
from training.evaluation.musicality.lines import Line


def line_of(phrase: Phrase) -> Line:
    """Return the highest notes of a phrase as the critic reads them."""
    return Line.of(phrase.notes)


def in_key(phrase: Phrase, key: Key | None) -> float:
    """Return the share of a phrase's notes in a key, its own where none is given."""
    key = key or key_of(phrase)
    return float(np.mean([key.allows(note.pitch) for note in phrase.notes])) if key and phrase.notes else 1.0


def held_out(files: list[Path]) -> list[Line]:
    """Return the melodies of some files in windows."""
    lines = []
    for file in files:
        try:
            lines += [line_of(window) for window, _ in phrases_of(read_midi(file))]
        except MidiFileError:
            continue
    return lines


def measured(model: Model, controls: Controls, critic: Critic, takes: int) -> str:
    """Return nats a note and share in key of first takes and of the best of eight."""
    slots, key, first, best = {}, None, [], []
    for at in range(0, takes, 8):
        if controls.mode == "vary":
            source = render(model, {}, Controls(mode="generate", seed=at))
            slots, key = {"heard": encode_slot(model, source)}, key_of(source)
        found = ranked(model, slots, replace(controls, seed=1000 + at), 8)
        first += [each.phrase for each in found if len(each.phrase.notes) > 1]
        best.append(found[0].phrase)
    cells = []
    for phrases in (first, best):
        nats = critic.mean_nats([line_of(phrase) for phrase in phrases])
        notes = np.mean([len(phrase.notes) / phrase.bars for phrase in phrases])
        kept = np.mean([in_key(phrase, key) for phrase in phrases])
        cells.append(f"{nats:.2f} nats, {kept:.3f} in key, {notes:.1f} notes a bar")
    return " | ".join(cells)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="engine/bundles/words_2bar")
    parser.add_argument("--takes", type=int, default=256)
    parser.add_argument("--files", type=int, default=120)
    asked = parser.parse_args()
    files = sorted(asked.folder.rglob("*.mid"))[: asked.files]
    with tempfile.TemporaryDirectory() as folder:
        for file in files[::2]:
            (Path(folder) / file.name).symlink_to(file.resolve())
        began = time.perf_counter()
        style = read_style(Path(folder), print)
        print(f"learned in {time.perf_counter() - began:.1f} s")
    lines = held_out(files[1::2])
    critic = Critic.fit(lines)
    own = held_out(files[::2])
    print(f"what was learned from: {critic.mean_nats(own):.2f} nats under the critic of the others")
    model = Model.load(asked.model, precision="float", provider="CPUExecutionProvider")
    for mode, variation in (("generate", 0.0), ("vary", 0.6), ("vary", 0.3)):
        for amount in (0.0, 0.25, 0.5, 1.0):
            controls = Controls(
                mode=mode, variation=variation, style=style if amount else Style(), style_amount=amount
            )
            print(
                f"{mode} {variation:.1f} style {amount:.0%}: {measured(model, controls, critic, asked.takes)}"
            )


if __name__ == "__main__":
    main()

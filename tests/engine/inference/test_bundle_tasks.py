"""Bundles of drummers and continuations through every check of the engine, on onnxruntime."""

from collections import Counter

import msgspec
import numpy as np
import pytest
import tinybundle

from engine.errors import BundleError, RenderError
from engine.inference.bundle.graph_specs import graph_specs
from engine.inference.bundle.store import load_bundle, save_bundle
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.modes.catalogue import modes_of
from engine.music.notes import Note, Phrase

CHORD = Phrase.of([Note(0, pitch, 7.9, 55) for pitch in (60, 64, 67)], 2)
BEAT = Phrase.of([Note(i + 0.05, 36 + 2 * (i % 2), 0.2, 60, 9) for i in range(8)], 2)


@pytest.mark.parametrize(
    ("task", "mode"), [("humanize", "groove"), ("drumify", "drumify"), ("continue", "continue")]
)
def test_a_bundle_says_what_it_can_be_asked_for(task, mode, tmp_path):
    model = Model.load(str(tinybundle.write_task(tmp_path, task)))
    assert model.modes == (mode,)
    with pytest.raises(RenderError, match=f"tiny_{task} does not generate; it can {mode}"):
        render(model, {}, Controls(mode="generate"))


def test_a_bundle_without_a_task_reproduces_what_it_hears(tmp_path):
    folder = tinybundle.write(tmp_path)
    text = (folder / "bundle.json").read_text().replace('  "task": "autoencode",\n', "")
    assert '"task"' not in text
    (folder / "bundle.json").write_text(text)
    assert modes_of(load_bundle(folder).manifest.task) == ("vary", "morph", "generate")


def test_a_continuation_takes_and_writes_any_number_of_steps(tmp_path):
    model = Model.load(str(tinybundle.write_task(tmp_path, "continue")))
    mu, _ = model.encode(np.zeros((3, 5, 88), np.float32))
    assert mu.shape == (3, 88)
    assert model.decode(mu, np.zeros((7, 3, 88), np.float32)).shape == (7, 3, 88)
    with pytest.raises(RenderError, match=r"perturbation float32 \[7, 2, 88\] is not float32 \[7, 3, 88\]"):
        model.decode(mu, np.zeros((7, 2, 88), np.float32))
    with pytest.raises(RenderError, match=r"\[0, 3, 88\]"):
        model.decode(mu, np.zeros((0, 3, 88), np.float32))
    with pytest.raises(RenderError, match=r"x float32 \[3, 88\] is not"):
        model.encode(np.zeros((3, 88), np.float32))


def test_a_chord_goes_on_for_eight_bars(tmp_path):
    model = Model.load(str(tinybundle.write_task(tmp_path, "continue")))
    slots = {"heard": encode_slot(model, CHORD)}
    after = render(model, slots, Controls(mode="continue", bars=8, temperature=0.0))
    # There is chance at temperature 0 too, and the bundle is not very sure: what was heard goes on most.
    beats = Counter[int]()
    for note in after.notes:
        beats[note.pitch] += note.duration_beats
    others = [length for pitch, length in beats.items() if pitch not in (60, 64, 67)]
    assert (after.bars, {note.velocity for note in after.notes}) == (8, {55})
    assert sum(beats[pitch] for pitch in (60, 64, 67)) / 3 > 1.2 * sum(others) / len(others)


def test_a_beat_gets_the_bundles_feel_by_halves(tmp_path):
    model = Model.load(str(tinybundle.write_task(tmp_path, "humanize")))
    slots = {"heard": encode_slot(model, BEAT)}
    half = render(model, slots, Controls(mode="groove", variation=0.25))
    assert {note.velocity for note in half.notes} == {94}  # halfway from 60 to 127, to even
    assert {round(note.start_beats % 1, 6) for note in half.notes} == {0.025}


def test_steps_are_fixed_where_they_must_be(tmp_path):
    ours = load_bundle(tinybundle.write_task(tmp_path / "one", "continue"))
    assert graph_specs(ours.representation, 88)[0].inputs[0].shape == ("B", 32, 88)
    assert ours.manifest.encoder.inputs[0].shape == ("B", "T", 88)
    fixed = graph_specs(ours.representation, 88)[1]
    wrong = msgspec.structs.replace(ours.manifest, decoder=fixed)
    save_bundle(tmp_path / "two", wrong, dict(ours.graphs))
    with pytest.raises(BundleError, match=r"decoder\.inputs: perturbation float32 \[32, 'B', 88\] is not"):
        load_bundle(tmp_path / "two")

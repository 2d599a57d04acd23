"""Two bars of piano, all keys that sound: from a run to what the engine plays with its bundle."""

import pytest
import tinyrun

from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.music.notes import Note, Phrase
from export.bundle import Options, export_run
from export.bundle_check import check_bundle
from export.run import load_run


def chord(start_beats: float, duration_beats: float, *pitches: int) -> list[Note]:
    return [Note(start_beats, pitch, duration_beats) for pitch in pitches]


SONG = Phrase.of([*chord(0, 2, 48, 60, 64, 67), *chord(2, 2, 53, 60, 65), *chord(4, 4, 55, 59, 62, 67)], 2)
OTHER = Phrase.of([*chord(0, 4, 50, 57, 62), *chord(4, 1, 45, 61), *chord(5, 3, 64, 69)], 2)


def keys(phrase: Phrase) -> list[tuple[float, int, float]]:
    return sorted((note.start_beats, note.pitch, note.duration_beats) for note in phrase.notes)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("piano")
    run = load_run(tinyrun.write(folder / "run", tinyrun.model_config("pianoroll", encoder="mixer")))
    manifest = export_run(run, None, folder / "bundle", Options(int8=False), lambda stage: None)
    assert (manifest.task, manifest.kind, manifest.width, manifest.streams) == ("autoencode", "vae", 88, ())
    return folder / "bundle"


def test_the_bundle_is_proven_from_the_disk(bundle):
    measured = check_bundle(bundle)
    assert measured["float_choices"] == 2 * (1 + 3 + 64) * 32 * 88
    assert measured["float_near_ties"] < 10


def test_the_engine_varies_morphs_and_draws_chords(bundle):
    model = Model.load(str(bundle))
    assert model.modes == ("vary", "morph", "generate")
    slots = {
        "heard": encode_slot(model, SONG),
        "A": encode_slot(model, SONG),
        "B": encode_slot(model, OTHER),
    }
    assert keys(render(model, slots, Controls(mode="vary", variation=0.0))) == keys(SONG)
    assert keys(render(model, slots, Controls(mode="morph", morph=0.0))) == keys(SONG)
    assert keys(render(model, slots, Controls(mode="morph", morph=1.0))) == keys(OTHER)
    far = render(model, slots, Controls(mode="vary", variation=1.0, temperature=1.0, seed=3))
    assert far.bars == 2
    assert keys(far) != keys(SONG)
    drawn = [render(model, slots, Controls(mode="generate", temperature=1.0, seed=3)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0].notes

"""Grooves that take tempo, style and drummer: what is passed, where it counts, what is said else."""

import json

import pytest
import tinybundle
from msgspec import structs
from msgspec.structs import replace

from engine.errors import BundleError
from engine.inference.bundle.store import load_bundle
from engine.inference.controls import CONTROLS, Controls
from engine.inference.features import DRUMMER_CHOICE
from engine.inference.model import Model
from engine.modes.catalogue import counting, counts, modes_with
from engine.music import drum_styles
from engine.music.drum_styles import DRUM_STYLES
from engine.music.notes import Note, Phrase
from engine.session.document import Document, HeardPhrase
from engine.session.model_facts import facts_of
from engine.session.renderer import Renderer
from engine.session.request import request_of
from engine.session.snapshot import ModelFacts, Snapshot

CONDITIONED = ModelFacts(
    name="conditioned", task="humanize", representation="groove", pitched=False, drummer_choice=True
)
DEAF = structs.replace(CONDITIONED, name="deaf", drummer_choice=False)
ASKED = Controls(mode="groove", drum_style="funk", drummer=7)


@pytest.fixture(scope="module")
def conditioned_model(tmp_path_factory) -> Model:
    folder = tmp_path_factory.mktemp("conditioned") / "bundle"
    return Model.load(tinybundle.write_task(folder, "humanize", drum_styles.PLAYING_CONDITIONS))


def session(model: ModelFacts) -> Snapshot:
    beat = Phrase.of([Note(float(place), 36, 0.2, 90, 9) for place in range(8)], 2)
    return Snapshot(document=Document(controls=ASKED, source=HeardPhrase(beat, 0)), model=model)


@pytest.mark.parametrize("name", ["drum_style", "drummer"])
def test_style_and_drummer_count_in_groove_with_a_model_that_takes_them(name: str) -> None:
    parameter = CONTROLS[name]
    assert modes_with(parameter) == ("groove",)
    assert counts(parameter, "groove", CONDITIONED.features)
    assert not counts(parameter, "groove", DEAF.features)
    assert session(CONDITIONED).why_not(parameter) == ""
    assert session(DEAF).why_not(parameter).startswith("deaf cannot play as a drummer")
    vary = Snapshot(model=ModelFacts(name="words"))
    assert vary.why_not(parameter) == "Counts in Groove"


def test_a_model_that_takes_no_drummer_is_asked_for_nobody() -> None:
    assert counting(ASKED, {DRUMMER_CHOICE}, ()) == ASKED
    assert counting(ASKED, set(), ()) == Controls(mode="groove")


def test_the_songs_tempo_goes_along_for_a_model_conditioned_on_it() -> None:
    taking, deaf = (request_of(session(model), 0) for model in (CONDITIONED, DEAF))
    assert taking is not None and deaf is not None
    assert (taking.bpm, deaf.bpm) == (120.0, 0.0)
    assert not taking.same_music(structs.replace(taking, bpm=121.0))


def test_a_controller_goes_through_the_styles_from_any_on() -> None:
    style = CONTROLS["drum_style"]
    assert [style.at(place) for place in (0.0, 0.06, 1.0)] == [None, DRUM_STYLES[0], DRUM_STYLES[-1]]
    assert (style.text(None), style.text("hiphop"), style.parse("Afro-Cuban")) == (
        "any",
        "hip-hop",
        "afrocuban",
    )
    assert CONTROLS["drummer"].text(0) == "any"


def test_what_is_asked_for_reaches_the_model(conditioned_model) -> None:
    """Velocity is a tenth of 7; at 100 bpm in funk, the sixth style, a hit is .1 + .06 half steps early."""
    assert facts_of(conditioned_model).drummer_choice
    asked = request_of(session(facts_of(conditioned_model)), 0)
    assert asked is not None
    asked = structs.replace(
        asked, controls=replace(asked.controls, variation=1.0, temperature=0.0), bpm=100.0
    )
    answer = Renderer().answer(conditioned_model, asked)
    assert {note.velocity for note in answer.notes} == {round(0.7 * 127)}
    assert [note.start_beats for note in answer.notes[1:]] == pytest.approx(
        [place - 0.16 / 2 / 4 for place in range(1, 8)], abs=1e-6
    )
    slower = Renderer().answer(conditioned_model, structs.replace(asked, bpm=50.0))
    assert slower.notes[1].start_beats == pytest.approx(1 - 0.11 / 2 / 4, abs=1e-6)


def test_a_model_at_a_tempo_is_itself_where_nothing_changes(conditioned_model, tmp_path) -> None:
    assert conditioned_model.at_tempo(0.0) is conditioned_model
    assert conditioned_model.at_tempo(90.0) is not conditioned_model
    deaf = Model.load(tinybundle.write_task(tmp_path, "humanize"))
    assert deaf.at_tempo(90.0) is deaf


@pytest.mark.parametrize("some", [("tempo",), ("tempo", "drummer", "style")])
def test_a_bundle_takes_all_in_order_or_nothing(some, tmp_path) -> None:
    folder = tinybundle.write_task(tmp_path / "whole", "humanize", drum_styles.PLAYING_CONDITIONS)
    file = folder / "bundle.json"
    content = json.loads(file.read_text()) | {"conditions": some}
    file.write_text(json.dumps(content))
    with pytest.raises(BundleError, match="tempo, style, drummer are of grooves, all or none"):
        load_bundle(folder)

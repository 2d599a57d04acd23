"""Every shipped model in every metre on offer, in all it does: an answer in that metre, all in place."""

from typing import get_args

import pytest

from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.installed_bundles import SHIPPED
from engine.modes.catalogue import slots_of
from engine.music.metre import Metre
from engine.music.metre_fit import fit_for
from engine.music.notes import Note, Phrase
from engine.session.model_facts import facts_of
from engine.session.renderer import Renderer
from engine.session.request import Request
from engine.session.settings import Metre as Named

METRES = [Metre.named(name) for name in get_args(Named)]
BUNDLES = sorted(path.name for path in SHIPPED.iterdir() if (path / "bundle.json").is_file())
SCALE = (60, 64, 62, 67, 65, 69, 67, 72, 71, 67)


@pytest.fixture(scope="module", params=BUNDLES)
def model(request: pytest.FixtureRequest) -> Model:
    return Model.load(SHIPPED / request.param, precision="float")


def tune(metre: Metre, bars: int) -> Phrase:
    """Return eighths of a scale with a rest in each bar, and a drum on each pulse."""
    eighths = round(bars * metre.beats_per_bar * 2)
    line = [Note(n / 2, SCALE[n % len(SCALE)], 0.45, 60 + n % 9) for n in range(eighths) if n % 5 != 3]
    pulses = [
        Note(n * metre.pulse_beats, (36, 42, 38)[n % 3], 0.2, 80, 9) for n in range(bars * metre.pulses)
    ]
    return Phrase.of([*line, *pulses], bars, metre)


def asked(controls: Controls, metre: Metre, **phrases: Phrase) -> Request:
    return Request(
        model="",
        controls=controls,
        phrases=phrases,
        bypassed=None,
        anchor_beats=0.0,
        starts_at="step",
        metre=metre,
    )


@pytest.mark.parametrize("metre", METRES, ids=str)
def test_every_tool_answers_in_the_metre_that_is_played(model: Model, metre: Metre) -> None:
    played, renderer = tune(metre, 4), Renderer()
    for mode in model.modes:
        bars = 2 if mode == "continue" else 0
        controls = Controls(mode=mode, variation=0.5, seed=3, morph=0.5, bars=bars)
        held = {"heard": played, "A": played, "B": tune(metre, 2)}
        phrases = {name: held[name] for name in slots_of(controls, held)}
        answer = renderer.answer(model, asked(controls, metre, **phrases))
        assert answer.metre == metre, mode
        assert answer.notes, mode
        assert all(-0.2 < note.start_beats < answer.length_beats for note in answer.notes), mode
        assert all(note.duration_beats > 0 for note in answer.notes), mode
        if mode not in ("generate", "continue"):
            assert answer.bars >= played.bars


@pytest.mark.parametrize("metre", METRES, ids=str)
def test_variation_zero_is_what_was_played(model: Model, metre: Metre) -> None:
    if "vary" not in model.modes:
        pytest.skip("does not vary")
    played, renderer = tune(metre, 4), Renderer()
    answer = renderer.answer(model, asked(Controls(variation=0.0, seed=1), metre, heard=played))
    kept = tuple(note for note in answer.notes if note.start_beats < played.length_beats)
    assert kept == model.representation.admitted(played).notes


def test_what_does_not_fit_is_said(model: Model) -> None:
    facts = facts_of(model)
    for metre in METRES:
        notice = fit_for(metre, facts.representation, facts.metres).notice
        assert (notice == "") == (metre in facts.metres)
        assert not notice or str(metre) in notice


def shuffle(model: Model) -> Phrase:
    """Return two bars of 4/4 in swung eighths, on hats for a model of drums."""
    starts = [beat + part for beat in range(8) for part in (0, 2 / 3)]
    if model.representation.name == "drums":
        hats = [Note(start, 42, 0.1, 80, 9) for start in starts]
        return Phrase.of([*hats, *(Note(beat, (36, 38)[beat % 2], 0.1, 90, 9) for beat in range(8))], 2)
    return Phrase.of([Note(s, SCALE[n % len(SCALE)], 0.3, 80) for n, s in enumerate(starts)], 2)


@pytest.mark.parametrize("variation", [0.0, 0.4, 0.8])
def test_a_shuffle_is_answered_by_a_shuffle(model: Model, variation: float) -> None:
    in_triplets = Metre(6, 8) in model.metres or model.representation.name == "drums"
    if not in_triplets or "vary" not in model.modes:
        pytest.skip("has no place for triplets")
    played, metre = shuffle(model), Metre(4)
    answer = Renderer().answer(model, asked(Controls(variation=variation, seed=2), metre, heard=played))
    assert (answer.metre, len(answer.notes) > 0) == (metre, True)
    sixths = [6 * note.start_beats for note in answer.notes]
    assert sixths == pytest.approx([round(place) for place in sixths])
    if variation == 0:
        assert [n for n in answer.notes if n.start_beats < 8] == list(played.notes)

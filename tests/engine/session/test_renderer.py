"""The inference thread's renderer: kits, and what a model does not hear."""

import pytest
import tinybundle
from msgspec import structs
from msgspec.structs import replace

from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.music.notes import Note, Phrase
from engine.session.answers import answered
from engine.session.intents import Answered
from engine.session.renderer import Renderer
from engine.session.request import Request
from engine.session.state import State


@pytest.fixture(scope="module")
def groove(tmp_path_factory) -> Model:
    return Model.load(tinybundle.write_task(tmp_path_factory.mktemp("groove") / "bundle", "humanize"))


def request(*notes: Note) -> Request:
    return Request(
        model="",
        controls=Controls(mode="groove", variation=1.0),
        phrases={"heard": Phrase.of(notes, 2)},
        bypassed=None,
        anchor_beats=0.0,
        starts_at="step",
    )


def test_drums_are_heard_by_the_kit_that_is_set(groove) -> None:
    asked = request(*(Note(beat, 62, 0.2, channel=9) for beat in range(8)))
    renderer = Renderer()
    as_gm = renderer.slots(renderer._with_kit(groove, "gm"), asked)["heard"]
    as_toontrack = renderer.slots(renderer._with_kit(groove, "toontrack"), asked)["heard"]
    # a conga of General MIDI is the high tom, the seventh drum; Toontrack has its closed hi-hat there
    assert (as_gm.tensor[:, 6].sum(), as_gm.tensor[:, 2].sum()) == (8, 0)
    assert (as_toontrack.tensor[:, 6].sum(), as_toontrack.tensor[:, 2].sum()) == (0, 8)
    assert not asked.same_music(structs.replace(asked, drum_kit="toontrack"))


def test_notes_without_a_place_are_counted_once(groove) -> None:
    renderer, asked = Renderer(), request(Note(0, 36, 0.2, channel=9), Note(1, 93, 0.2, channel=9))
    renderer.answer(groove, asked)
    assert renderer.unheard() == {"of drum pitches without a class": 1}
    renderer.answer(groove, asked)
    assert renderer.unheard() == {}


def test_they_count_among_what_comes_in_and_is_ignored() -> None:
    state, asked = State(demo_phrase=Phrase.of([Note(0.0, 60, 1.0)], 1)), request(Note(0, 36, 1))
    answer = Answered(asked, Phrase.of([], 2), 1.0, {"on the drum channel": 2})
    for _ in range(2):
        state, _ = answered(state, answer)
    assert state.live.activity.ignored == {"notes on the drum channel": 4}


def test_takes_are_rendered_a_few_at_a_time_and_are_the_same_for_it(groove) -> None:
    """Between two slices an answer may be rendered by the same renderer."""
    renderer, asked = Renderer(), request(*(Note(beat, 36, 0.2, 100, 9) for beat in range(8)))
    work, slices = renderer.takes(groove, asked, 20), 0
    while True:
        try:
            next(work)
        except StopIteration as ended:
            takes = ended.value
            break
        slices += 1
        renderer.answer(groove, structs.replace(asked, controls=replace(asked.controls, seed=5)))
    assert slices == 3
    assert sorted(take.controls.seed for take in takes) == list(range(20))
    assert all(
        renderer.answer(groove, structs.replace(asked, controls=take.controls)) == take.phrase
        for take in takes
    )

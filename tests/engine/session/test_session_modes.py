"""A session whose model is a drummer, or continues: modes that follow the model, answers in their place."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import tinybundle
from hands import OTHER, TUNE, Hands, phrase
from plain_bundle import plain_bundle

from engine.errors import BundleError, RenderError
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.modes.catalogue import modes_of
from engine.music.metre import FOUR_FOUR
from engine.music.representation import representation
from engine.performer.messages import BarCaptured, NoteData
from engine.session import heard_phrase
from engine.session.snapshot import ModelFacts
from engine.session.state import State

DRUMS = ((0.03, 36, 0.2, 90), (1.0, 38, 0.2, 70), (2.04, 36, 0.2, 100), (3.0, 38, 0.2, 60))


class PlainModel:
    """Decodes the anchor or the state, in numpy; as much of a model as a session uses."""

    def __init__(self, task):
        self.name, self.bars, self.metres = task, 2, (FOUR_FOUR,)
        name = "pianoroll" if task == "continue" else "groove"
        self.representation, self.modes = representation(name, 2), modes_of(task)
        self.choice = SimpleNamespace(used=SimpleNamespace(precision="float", provider="numpy"))
        self.bundle = plain_bundle(task, task, 88)

    def in_metre(self, metre):
        return self

    def for_phrase(self, phrase):
        return self

    def encode(self, x):
        mu = np.full((len(x), 88), -1, np.float32)
        if self.name == "continue":
            mu += 2 * x.max(axis=1)
        return mu, np.zeros_like(mu)

    def decode(self, z, perturbation):
        if self.name == "continue":
            return (9 * z[None] + perturbation > 0).astype(np.float32)
        hits = (perturbation > 0).astype(np.float32)
        return np.concatenate([hits, hits, 0 * hits], axis=-1)


@pytest.fixture
def hands():
    made = Hands(None, controls=Controls(variation=1.0, temperature=0.0))
    yield made
    made.session.close()


def give(hands, model):
    hands.session.set_model(model)
    assert hands.session.wait_idle()


def test_played_drums_come_back_with_the_drummers_feel(hands):
    give(hands, PlainModel("humanize"))
    hands.play_bars(0, DRUMS, DRUMS)
    played = phrase(DRUMS, DRUMS)
    assert [(note.pitch, note.start_beats, note.velocity) for note in hands.last.notes] == [
        (note.pitch, round(note.start_beats), 127) for note in played.notes
    ]
    hands.set(variation=0.0)
    assert [note.velocity for note in hands.last.notes] == [note.velocity for note in played.notes]


def test_a_continuation_is_counted_from_the_end_of_what_was_heard(hands):
    give(hands, PlainModel("continue"))
    hands.play_bars(4, TUNE, TUNE)
    assert (hands.last.bars, hands.last.anchor_beats) == (2, 24.0)
    assert {note.pitch for note in hands.last.notes} == {60, 64, 67, 65}
    hands.set(bars=8)
    assert (hands.last.bars, hands.last.anchor_beats) == (8, 24.0)
    hands.session.set("bypass", True)
    assert hands.session.wait_idle()
    assert (hands.last.bars, hands.last.anchor_beats) == (2, 16.0)


def test_modes_follow_the_model_and_the_music_goes_on(hands, tmp_path):
    give(hands, Model.load(str(tinybundle.write(tmp_path)), precision="float"))
    assert hands.session.snapshot().modes == ("vary", "morph", "generate")
    hands.play_bars(0, TUNE, OTHER)
    sent = len(hands.client.patterns)
    give(hands, PlainModel("drumify"))
    snapshot = hands.session.snapshot()
    assert (snapshot.modes, snapshot.document.controls.mode) == (("drumify",), "drumify")
    assert snapshot.document.controls.variation == 1.0
    assert len(hands.client.patterns) == sent + 1
    assert not snapshot.live.notices


def test_undo_does_not_lead_to_a_mode_the_model_lacks(hands, tmp_path):
    give(hands, Model.load(str(tinybundle.write(tmp_path)), precision="float"))
    hands.set(mode="generate")
    hands.set(seed=9)
    give(hands, PlainModel("humanize"))
    hands.session.do("undo")
    controls = hands.session.snapshot().document.controls
    assert (controls.seed, controls.mode) == (0, "groove")


def test_a_mode_the_model_lacks_is_refused_and_changes_nothing(hands):
    give(hands, PlainModel("humanize"))
    with pytest.raises(RenderError, match="humanize does not morph; it can groove"):
        hands.session.set("mode", "morph")
    assert hands.session.snapshot().document.controls.mode == "groove"


def test_a_session_starts_in_its_models_mode():
    made = Hands(PlainModel("continue"))
    assert made.session.snapshot().document.controls.mode == "continue"
    made.session.close()


def test_what_a_mode_or_a_model_has_no_use_for_is_kept_until_it_has(hands, tmp_path):
    tiny = Model.load(str(tinybundle.write(tmp_path)), precision="float")
    give(hands, tiny)
    assert [attribute.name for attribute in hands.session.snapshot().model.attributes] == ["density"]
    hands.set(**{"variation": 0.5, "keep_rhythm": True, "attribute.density": 3.0})
    hands.play_bars(0, TUNE, OTHER)
    asked = hands.last
    hands.set(mode="generate")
    give(hands, PlainModel("continue"))
    snapshot = hands.session.snapshot()
    assert (snapshot.live.notices, snapshot.model.attributes, snapshot.model.pitched) == ((), (), True)
    assert {note.pitch for note in hands.last.notes} == {60, 64, 67, 65, 72, 71, 69}
    give(hands, PlainModel("humanize"))
    assert not hands.session.snapshot().model.pitched
    give(hands, tiny)
    hands.set(mode="vary")
    assert hands.last.notes == asked.notes


def test_an_attribute_the_model_lacks_is_refused(hands):
    give(hands, PlainModel("drumify"))
    with pytest.raises(RenderError, match="'register' is no attribute of this model; it has: none"):
        hands.session.set("attribute.register", 1.0)
    assert hands.session.snapshot().document.controls.attributes == ()


class Shelf:
    """Models that can be loaded, as a library has them."""

    def __init__(self, *models):
        self.models = {model.name: model for model in models}

    def modes(self):
        return {name: model.modes for name, model in self.models.items()}

    def load(self, reference):
        return self.models[reference]


def wait_for(hands, reference):
    for _ in range(6000):
        if hands.session.snapshot().model.reference == reference:
            return
        threading.Event().wait(0.01)
    pytest.fail(f"{reference} was not loaded")


def test_picking_a_tool_loads_a_model_that_does_it_and_undo_brings_the_other_back():
    groove, follow = PlainModel("humanize"), PlainModel("continue")
    hands = Hands(groove, library=Shelf(groove, follow))
    hands.session.set("mode", "continue")
    assert hands.session.snapshot().document.controls.mode == "continue"
    wait_for(hands, "continue")
    hands.play_bars(0, TUNE, TUNE)
    assert hands.last.bars == 2
    hands.session.do("undo")
    wait_for(hands, "humanize")
    assert hands.session.snapshot().document.controls.mode == "groove"
    hands.session.close()


def test_a_model_that_cannot_be_loaded_leaves_the_old_one_and_its_mode():
    groove, shelf = PlainModel("humanize"), Shelf(PlainModel("humanize"), PlainModel("continue"))
    shelf.load = lambda reference: (_ for _ in ()).throw(BundleError(f"{reference}: is broken"))
    hands = Hands(groove, library=shelf)
    hands.session.do("mode.continue")
    for _ in range(6000):
        if hands.session.snapshot().live.notices:
            break
        threading.Event().wait(0.01)
    shown = hands.session.snapshot()
    assert shown.live.notices[0].text == "continue: is broken"
    assert (shown.document.model.name, shown.document.controls.mode) == ("humanize", "groove")
    assert shown.live.loading == ""
    hands.session.close()


def test_a_model_of_drums_takes_up_the_beat_that_is_played_and_leaves_a_tune_alone():
    def heard(state, number, notes, channel):
        data = tuple(NoteData(*note, channel) for note in notes)
        return heard_phrase.bar(state, BarCaptured(number, data, (), 120.0, FOUR_FOUR, 0), 0)

    long, drummer = ModelFacts(name="long", bars=16), ModelFacts(name="drummer", bars=2, pitched=False)
    state = heard(heard(State(model=long), 0, TUNE, 0), 1, OTHER, 0)
    assert heard_phrase.refitted(state, drummer).document.source == state.document.source
    state = heard(heard(state, 2, DRUMS, 9), 3, DRUMS, 9)
    taken = heard_phrase.refitted(state, drummer).document.source
    assert (taken.first_bar, {note.channel for note in taken.phrase.notes}) == (2, {9})
    assert heard_phrase.refitted(state, long).document.source == state.document.source

"""Continuations measured as they are played: the engine's way with the weights in torch."""

from pathlib import Path

import pytest
import torch

from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.installed_bundles import SHIPPED
from engine.music.key import Key
from engine.music.notes import Note, Phrase
from training.config import ContinuerConfig, ModelConfig, RunConfig
from training.evaluation.loaded_model import Subject, load_subject
from training.evaluation.musicality.continued import go_on
from training.evaluation.musicality.played_continuation import PlayedContinuation
from training.models.build import build_model

CHORDS = Phrase.of(
    [Note(beat, pitch, 1.0) for beat in range(16) for pitch in ((48, 64, 67), (53, 65, 69))[beat // 4 % 2]], 4
)
"""Four bars in quarters, C and F by turns."""


def test_the_weights_in_torch_go_on_as_the_graphs_do():
    played = PlayedContinuation(load_subject(Path("pianoroll_continue")))
    model = Model.load(SHIPPED / "pianoroll_continue", precision="float")
    for controls in (
        Controls(mode="continue", bars=2, seed=3),
        Controls(mode="continue", bars=2, seed=4, temperature=1.0, chords="C F"),
    ):
        ours, theirs = (
            render(each, {"heard": encode_slot(each, CHORDS, Key(0))}, controls) for each in (played, model)
        )
        assert ours.notes and ours == theirs


def test_what_follows_is_as_long_as_what_was_heard_and_belongs_to_its_seed():
    torch.manual_seed(0)
    model = ModelConfig(
        representation="pianoroll", task="continue", bars=2, continuer=ContinuerConfig(hidden=8, layers=1)
    )
    subject = Subject(
        Path("c"), RunConfig(name="c", corpus="", model=model), build_model(model).eval(), False
    )
    played = PlayedContinuation(subject)
    prompts = [CHORDS.window(0, 2), CHORDS.window(2, 2)]
    first, again, other = (go_on(played, prompts, seed) for seed in (1, 1, 5))
    assert [phrase.bars for phrase in first] == [2, 2]
    assert first == again != other


def test_another_kind_of_model_is_refused():
    with pytest.raises(TypeError, match="is no continuation"):
        PlayedContinuation(load_subject(Path("melody_2bar")))

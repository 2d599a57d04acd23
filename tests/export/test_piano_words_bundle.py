"""The graphs of a piano with a language do what torch does, and what they play keeps what it should."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_words import SMALL_WORDS

from engine.errors import BundleError
from engine.inference.bundle.checks import check_specs
from engine.inference.constraints import Constraints, Lock
from engine.inference.controls import LOCKED, Controls
from engine.inference.language import language_of
from engine.inference.latent_space import offered
from engine.inference.model import Model
from engine.inference.ranking import ranked
from engine.inference.render import render, render_batch
from engine.inference.slots import encode_slot
from engine.inference.windows import encode_phrase
from engine.music.chords import Chord
from engine.music.key import Key
from engine.music.metre import Metre
from engine.music.notes import Note, Phrase
from engine.music.representation import representation
from export.bundle import in_memory
from export.errors import ExportError
from export.manifest import manifest_of
from export.phrase_bundle import coarse_dimensions, phrase_manifest
from export.piano_words_bundle import (
    CONDITIONS,
    piano_words_graphs,
    prove_piano_words,
)
from export.run import Run
from training.config import KeyChainConfig, ModelConfig, RunConfig
from training.models.build import build_model
from training.models.piano_words import PianoWords

CHAIN = KeyChainConfig(hidden=9, channels=7, key_channels=4, chain=6)
RECORD = {"data": [], "data_sha256": "", "steps": 1, "hours": 0.0, "hardware": "", "torch": ""}
CONFIG = ModelConfig(representation="pianoroll", words=SMALL_WORDS, key_chain=CHAIN)
C_MAJOR, AM, E7 = Key(0), Chord(9, "m"), Chord(4, "7")


def made(seed: int = 1) -> PianoWords:
    torch.manual_seed(seed)
    model = build_model(CONFIG).eval().requires_grad_(False)
    assert isinstance(model, PianoWords)
    for weight in model.parameters():
        weight.mul_(2.0)
    model.writer.head.bias[88:] = -2.5
    return model


@pytest.fixture(scope="module")
def run() -> Run:
    config = RunConfig(name="tiny", corpus="", model=CONFIG)
    return Run(Path("tiny"), config, {}, made(), representation("pianoroll", 2), {}, RECORD)


@pytest.fixture(scope="module")
def model(run: Run) -> Model:
    manifest = phrase_manifest(manifest_of(run, "", ""), made(), run.representation, CONDITIONS)
    files = piano_words_graphs(made(), manifest, run.representation)
    return in_memory(manifest, run.representation, files, "float")


def test_both_graphs_do_what_torch_does(model: Model) -> None:
    check_specs(model.bundle.manifest, model.representation, "tiny")
    found = prove_piano_words(made(), model, drawn=torch.randn(30, model.bundle.manifest.z_size))
    assert found["float_same_choices"] > 0.999
    assert found["float_choices"] == 20 * 32 * 88 * 8


@pytest.mark.parametrize("name", ["left_pins.layers.2", "right_pins.layers.2", "start", "beats.from_coarse"])
def test_a_wrong_weight_is_found(model: Model, name: str) -> None:
    broken = made()
    broken.get_submodule(name).weight.mul_(-1)  # type: ignore[operator, union-attr]
    with pytest.raises(ExportError, match=r"decoder: .* differ"):
        prove_piano_words(broken, model)


def test_the_bundle_has_parts_of_a_latent_and_is_given_what_rings(model: Model) -> None:
    manifest = model.bundle.manifest
    assert manifest.latent_layout is not None
    assert manifest.latent_layout.size == manifest.z_size == 7 + 8 * 5
    assert manifest.decoder.inputs[2].shape == ("B", 32, 88)
    assert language_of(model) == "piano"
    assert [attribute.name for attribute in offered(manifest)] == ["density", "register"]
    assert manifest.attributes == ()
    assert model.modes == ("vary", "morph", "generate")
    assert np.flatnonzero(coarse_dimensions(made())).tolist() == [0, 1, 2, 19, 20, 21, 22]
    for conditions in ((), ("chords",)):
        with pytest.raises(BundleError, match="conditions"):
            check_specs(msgspec.structs.replace(manifest, conditions=conditions), model.representation, "x")


# Played -------------------------------------------------------------------------------------


@st.composite
def pianos(draw: st.DrawFn) -> Phrase:
    """Draw two bars of chords and lines, off the grid, up to ten keys at once."""
    notes = draw(
        st.lists(
            st.builds(
                Note,
                st.floats(0, 7.9),
                st.integers(21, 108),
                st.floats(0.1, 4.0),
                st.integers(1, 127),
            ),
            max_size=40,
        )
    )
    chord = draw(st.lists(st.integers(30, 100), max_size=10, unique=True))
    whole = {(round(note.start_beats * 4), note.pitch): note for note in notes}
    whole |= {(4, pitch): Note(1.0, pitch, 2.0) for pitch in chord}
    return Phrase.of(whole.values(), 2)


@settings(max_examples=40, deadline=None)
@given(pianos(), pianos(), st.integers(0, 1000), st.floats(0, 2))
def test_variation_0_and_both_ends_of_a_morph_are_what_was_played(
    model: Model, one: Phrase, two: Phrase, seed: int, temperature: float
) -> None:
    slots = {"heard": encode_slot(model, one), "A": encode_slot(model, one), "B": encode_slot(model, two)}
    same = {"seed": seed, "temperature": temperature}
    takes = [
        Controls(variation=0.0, **same),
        Controls(mode="morph", morph=0.0, **same),
        Controls(mode="morph", morph=1.0, **same),
    ]
    assert render_batch(model, slots, takes) == (one, one, two)


def played(seed: int, share: float = 0.03) -> Phrase:
    """Return chords and lines in C major."""
    rng = np.random.default_rng(seed)
    keys = [pitch for pitch in range(40, 84) if pitch % 12 in (0, 2, 4, 5, 7, 9, 11)]
    cells = np.argwhere(rng.random((16, len(keys))) < share).tolist()
    notes = [Note(step / 2, keys[at], float(rng.choice([0.5, 1.0]))) for step, at in cells]
    return Phrase.of(notes, 2)


def onsets(phrase: Phrase, low: int = 0, high: int = 127) -> set[tuple[int, int]]:
    return {(round(n.start_beats * 4), n.pitch) for n in phrase.notes if low <= n.pitch <= high}


def test_the_left_hand_stays_where_only_the_right_is_let_go(model: Model) -> None:
    phrase = played(3)
    slots = {"heard": encode_slot(model, phrase)}
    takes = render_batch(model, slots, [Controls(variation=0.2, seed=seed) for seed in range(12)])
    assert all(onsets(take, high=59) == onsets(phrase, high=59) for take in takes)
    assert any(onsets(take) != onsets(phrase) for take in takes)
    far = render_batch(model, slots, [Controls(variation=1.0, seed=seed) for seed in range(12)])
    assert all(onsets(take, high=59) != onsets(phrase, high=59) for take in far)


@pytest.mark.parametrize("mode", ["vary", "morph"])
def test_each_hand_begins_where_it_did_when_the_rhythm_is_kept(model: Model, mode: str) -> None:
    phrase = played(4)
    slot = encode_slot(model, phrase)
    slots = {"heard": slot, "A": slot, "B": encode_slot(model, played(5))}
    limits = Constraints(keep_rhythm=True, in_key=False)
    takes = [
        Controls(mode=mode, variation=1.0, morph=0.3, seed=seed, constraints=limits)  # type: ignore[arg-type]
        for seed in range(8)
    ]
    for take in render_batch(model, slots, takes):
        for low, high in ((0, 59), (60, 127)):
            ours, theirs = ({step for step, _ in onsets(each, low, high)} for each in (take, phrase))
            assert ours <= theirs
            assert len(theirs - ours) <= 1  # a key that was struck just before cannot be again


def test_only_notes_that_were_played_come_when_they_are_kept(model: Model) -> None:
    phrase = played(4)
    slots = {"heard": encode_slot(model, phrase)}
    limits = Constraints(keep_pitches=True)
    takes = [Controls(variation=1.0, seed=seed, constraints=limits) for seed in range(8)]
    written = render_batch(model, slots, takes)
    assert {n.pitch for take in written for n in take.notes} <= {n.pitch for n in phrase.notes}
    assert any(onsets(take) != onsets(phrase) for take in written)


@pytest.mark.parametrize(
    "lock", [Lock(2.0, 4.0), Lock(0.0, 8.0, highest_pitch=59), Lock(1.0, 6.0, lowest_pitch=60)]
)
def test_what_is_locked_stays_and_the_rest_changes(model: Model, lock: Lock) -> None:
    phrase = played(6)
    slot = encode_slot(model, phrase)
    slots = {"heard": slot, LOCKED: slot}
    takes = [Controls(variation=1.0, seed=seed, locks=(lock,)) for seed in range(6)]
    for take in render_batch(model, slots, takes):
        assert [n for n in take.notes if lock.holds(n)] == [n for n in phrase.notes if lock.holds(n)]
        assert take != phrase


def test_all_is_in_key_and_with_a_chosen_key_what_was_played_is_moved_there(model: Model) -> None:
    phrase = played(7)
    slots = {"heard": encode_slot(model, phrase, C_MAJOR)}
    takes = [Controls(variation=0.9, seed=seed) for seed in range(8)]
    for take in render_batch(model, slots, takes):
        assert all(C_MAJOR.allows(note.pitch) for note in take.notes)
    moved = render(model, slots, Controls(variation=0.0, constraints=Constraints(key="D", scale="major")))
    assert all(Key(2).allows(note.pitch) for note in moved.notes)
    assert len(moved.notes) > 0.8 * len(phrase.notes)


def test_notes_off_the_chord_are_not_struck_but_may_ring_on(model: Model) -> None:
    held = Phrase.of([Note(0.0, 60, 8.0), Note(0.0, 64, 8.0), Note(0.0, 45, 8.0)], 2)
    chords = (AM,) * 4 + (E7,) * 4
    slots = {"heard": encode_slot(model, held, C_MAJOR, chords)}
    limits = Constraints(follow_chords=1.0)
    assert render(model, slots, Controls(variation=0.0, constraints=limits)) == held
    takes = [Controls(variation=1.0, seed=seed, constraints=limits) for seed in range(10)]
    for take in render_batch(model, slots, takes):
        on_beats = [note for note in take.notes if note.start_beats % 1 == 0]
        assert all(chords[int(note.start_beats)].has(note.pitch) for note in on_beats)


def test_draws_belong_to_their_seed_and_to_the_key_that_is_set(model: Model) -> None:
    takes = [Controls(mode="generate", seed=seed) for seed in (1, 1, 2)]
    draws = render_batch(model, {}, takes)
    assert draws[0] == draws[1] != draws[2]
    assert draws == tuple(render(model, {}, take) for take in takes)
    set_key = Constraints(key="Eb", scale="minor")
    in_e_flat = render(model, {}, Controls(mode="generate", seed=1, constraints=set_key))
    assert in_e_flat.notes
    assert all(Key(3, "minor").allows(note.pitch) for note in in_e_flat.notes)
    to_chords = render(model, {}, Controls(mode="generate", seed=1, chords="Am E7"))
    assert to_chords.notes


def test_a_waltz_is_answered_in_three_and_comes_back_whole(model: Model) -> None:
    notes = [Note(beat, pitch, 1.0) for beat in range(12) for pitch in (48 + beat % 3, 72 - beat)]
    waltz = Phrase.of(notes, 4, Metre(3, 4))
    slots = {"heard": encode_phrase(model, waltz)}
    assert render(model, slots, Controls(variation=0.0)) == waltz
    far = render(model, slots, Controls(variation=0.8, seed=2))
    assert (far.bars, far.metre) == (4, Metre(3, 4))
    assert all(note.start_beats < 12 for note in far.notes)


def test_takes_are_ranked_and_the_same_whether_alone_or_together(model: Model) -> None:
    slots = {"heard": encode_slot(model, played(8), C_MAJOR)}
    cards = ranked(model, slots, Controls(variation=0.7, seed=5), 8)
    assert {card.controls.seed for card in cards} == set(range(5, 13))
    assert all(0 <= card.fit <= 1 for card in cards)
    assert all(card.phrase == render(model, slots, card.controls) for card in cards)

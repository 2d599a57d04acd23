"""Groove, Drumify and Continue, with models in a few lines of numpy."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from plain_bundle import plain_bundle

from engine.errors import RenderError
from engine.inference.bundle.manifest import decides_keys_alone
from engine.inference.constraints import Constraints
from engine.inference.controls import Controls, changed
from engine.inference.render import render, render_batch
from engine.inference.slots import encode_slot
from engine.modes.catalogue import slots_of
from engine.modes.continuation import in_the_manner_of
from engine.modes.drumify import on_the_taps
from engine.modes.groove import humanised
from engine.music.drums import as_drums
from engine.music.groove import HITS, OFFSETS, TAP_CLASS, VELOCITIES
from engine.music.notes import Note, Phrase
from engine.music.representation import representation

Z = 8
GROOVE = representation("groove", 2)


class Drummer:
    """Every hit where its logit says so, at velocity 0.9, a quarter of a step early; keeps what it heard."""

    def __init__(self, task="humanize"):
        self.representation = GROOVE
        self.heard = None
        self.outward = np.random.default_rng(4).normal(0, 3, (Z, GROOVE.steps, 9))
        self.bundle = plain_bundle("drummer", task, Z)

    def encode(self, x):
        self.heard = x[0]
        mu = np.full((len(x), Z), x.sum() / 100, np.float32)
        return mu, np.full_like(mu, 0.5)

    def decode(self, z, perturbation):
        hits = (np.einsum("bz,ztv->tbv", z, self.outward) + perturbation > 0).astype(np.float32)
        return np.concatenate([hits, 0.9 * hits, 0.5 * hits], axis=-1)


class Continuing:
    """Each key's logit grows with the state and with nothing else; any number of steps."""

    def __init__(self, bars=2):
        self.representation = representation("pianoroll", bars)
        self.bundle = plain_bundle("continuing", "continue", 88)
        self.states = []

    def encode(self, x):
        return 2 * x.max(axis=1) - 1, np.zeros((len(x), 88), np.float32)

    def decode(self, z, perturbation):
        self.states += list(z)
        return (8 * z[None] + perturbation > 0).astype(np.float32)


drum_notes = st.builds(
    Note,
    start_beats=st.floats(-0.1, 7.8),
    pitch=st.integers(0, 127),
    duration_beats=st.floats(0.05, 1),
    velocity=st.integers(1, 127),
    channel=st.sampled_from([0, 9]),
)
ROCK = Phrase.of(
    [Note(i / 2 + 0.03, 42, 0.2, 50 + i, 9) for i in range(16)]
    + [Note(i * 2 - 0.02, 36, 0.2, 90, 9) for i in range(4)]
    + [Note(i * 2 + 1, 38, 0.2, 80, 9) for i in range(4)],
    2,
)


def groove(variation, **changes):
    return Controls(mode="groove", variation=variation, **changes)


def test_groove_hears_hits_alone():
    model = Drummer()
    encode_slot(model, ROCK)
    assert model.heard[:, HITS].sum() == 24
    assert not model.heard[:, VELOCITIES].any()
    assert not model.heard[:, OFFSETS].any()


@settings(max_examples=40)
@given(
    played=st.lists(drum_notes, max_size=24),
    variation=st.floats(0, 1),
    temperature=st.floats(0, 2),
    seed=st.integers(0, 99),
)
def test_groove_adds_and_loses_no_hit(played, variation, temperature, seed):
    model, phrase = Drummer(), Phrase.of(played, 2)
    controls = groove(variation, temperature=temperature, seed=seed)
    result = render(model, {"heard": encode_slot(model, phrase)}, controls)
    drums = as_drums(phrase, "gm").notes
    assert sorted(note.pitch for note in result.notes) == sorted(note.pitch for note in drums)
    assert {(n.pitch, n.channel, n.duration_beats) for n in result.notes} == {
        (n.pitch, 9, n.duration_beats) for n in drums
    }


def test_groove_is_as_played_at_0_and_the_drummers_at_1():
    model = Drummer()
    slots = {"heard": encode_slot(model, ROCK)}
    assert render(model, slots, groove(0.0)) == ROCK
    full = render(model, slots, groove(1.0))
    assert {note.velocity for note in full.notes} == {round(0.9 * 127)}
    later = [note.start_beats for note in full.notes if note.start_beats > 0.2]
    assert {round(start % 0.25, 4) for start in later} == {0.1875}  # a quarter of a step before the line


def test_groove_at_a_quarter_is_half_way():
    half = render(Drummer(), {"heard": encode_slot(Drummer(), ROCK)}, groove(0.25))
    snare = next(note for note in half.notes if note.pitch == 38)
    # Means half-way between 66.67 and 114.3, and .4 / 24 and -.0625 beats late; and how far the snare is from
    # the mean of what was played, 13.33 and -.4 / 24, times the root of a half.
    assert snare.velocity == round(90.48 + 9.43)
    assert snare.start_beats == pytest.approx(1 - 0.02292 - 0.01179, abs=1e-4)


def test_a_flam_moves_as_one():
    flam = Phrase.of([Note(0.96, 38, 0.1, 40, 9), Note(1.0, 40, 0.1, 100, 9), Note(1.0, 3, 0.1, 64, 9)], 2)
    frames = np.zeros((32, 27), np.float32)
    frames[4, 1], frames[4, 10], frames[4, 19] = 1, 50 / 127, -0.4  # 0.2 of a step late
    moved = {note.pitch: note for note in humanised(flam, frames, 1.0, GROOVE).notes}
    assert moved[40].start_beats == pytest.approx(1.05)
    assert moved[38].start_beats == pytest.approx(1.01)
    assert (moved[40].velocity, moved[38].velocity) == (50, 1)  # 40 - 50, but audible
    assert moved[3] == Note(1.0, 3, 0.1, 64, 9)  # a pitch without a class


def test_another_seed_is_another_feel_of_the_same_hits():
    class Moody(Drummer):
        def decode(self, z, perturbation):
            return super().decode(z, perturbation) * np.float32(0.5 + 0.3 * np.tanh(z.sum())) + 0.25

    model = Moody()
    slots = {"heard": encode_slot(model, ROCK)}
    takes = [render(model, slots, groove(1.0, seed=seed)) for seed in (1, 1, 2)]
    assert takes[0] == takes[1] != takes[2]
    calm = [render(model, slots, groove(1.0, seed=seed, temperature=0.0)) for seed in (1, 2)]
    assert calm[0] == calm[1]


TAPS = Phrase.of([Note(0.05, 60, 0.5, 90), Note(1.55, 99, 0.1, 20, 3), Note(1.56, 21, 0.1, 70, 15)], 2)


def test_drumify_hears_any_pitch_as_a_tap():
    model = Drummer("drumify")
    slot = encode_slot(model, TAPS)
    expected = np.zeros((32, 27), np.float32)
    expected[[0, 6], TAP_CLASS] = 1
    expected[0, 18 + TAP_CLASS], expected[6, 18 + TAP_CLASS] = -0.4, -0.48  # the louder of both taps
    assert model.heard == pytest.approx(expected, abs=1e-5)
    assert np.array_equal(slot.tensor, model.heard)


def test_drums_follow_the_taps_timing_until_they_are_let_go():
    model = Drummer("drumify")
    slots = {"heard": encode_slot(model, TAPS)}
    tight = render(model, slots, Controls(mode="drumify", variation=0.0, temperature=0.0))
    at_taps = [note.start_beats for note in tight.notes if round(note.start_beats * 4) in (0, 6)]
    assert at_taps
    assert all(start == pytest.approx(0.05) or start == pytest.approx(1.56) for start in at_taps)
    assert {note.channel for note in tight.notes} == {9}
    free = np.ones((32, 27), np.float32) * 0.5
    free[:, HITS] = 1
    assert np.array_equal(on_the_taps(free, slots["heard"].tensor, 1.0), free)


def test_drums_only_where_it_was_tapped_if_asked():
    model = Drummer("drumify")
    slots = {"heard": encode_slot(model, TAPS)}
    held = Constraints(keep_rhythm=True, keep_pitches=True)
    result = render(model, slots, Controls(mode="drumify", variation=0.0, constraints=held))
    assert {round(note.start_beats * 4) for note in result.notes} <= {0, 6}
    assert {note.pitch for note in result.notes} - {46}  # a tap's own pitch is nothing to keep


CHORD = Phrase.of([Note(0, pitch, 7.9, 55, 2) for pitch in (60, 64, 67)], 2)


def follow(**changes):
    return changed(Controls(mode="continue", temperature=0.0), **changes)


@pytest.mark.parametrize(("bars", "length"), [(0, 2), (1, 1), (8, 8)])
def test_a_continuation_has_the_length_asked_for(bars, length):
    model = Continuing()
    result = render(model, {"heard": encode_slot(model, CHORD)}, follow(bars=bars))
    assert (result.bars, {note.pitch for note in result.notes}) == (length, {60, 64, 67})
    assert {note.duration_beats for note in result.notes} == {4.0 * length}


def test_a_continuation_is_played_as_its_source_was():
    model = Continuing()
    result = render(model, {"heard": encode_slot(model, CHORD)}, follow())
    assert {(note.velocity, note.channel) for note in result.notes} == {(55, 2)}
    assert in_the_manner_of(result, None) is result


def test_a_density_curve_favours_every_key():
    model = Continuing()
    slots = {"heard": encode_slot(model, CHORD)}
    model.bundle.manifest.density_curve = (20.0,) * 5
    assert {note.pitch for note in render(model, slots, follow(in_key=False)).notes} == set(range(21, 109))
    model.bundle.manifest.density_curve = (-20.0,) * 5
    assert not render(model, slots, follow()).notes


def test_where_a_continuation_starts():
    model = Continuing()
    assert slots_of(follow(start="zero")) == slots_of(follow(start="random")) == ()
    assert slots_of(follow()) == ("heard",)
    render(model, {}, follow(start="zero"))
    assert not model.states[-1].any()
    states = []
    for seed in (1, 2):
        render(model, {}, follow(start="random", seed=seed))
        states.append(model.states[-1])
    assert np.abs(states[0]).max() == 1
    assert not np.array_equal(*states)


def test_continuations_of_several_lengths_come_in_one_call():
    model = Continuing()
    slots = {"heard": encode_slot(model, CHORD)}
    takes = [replace(follow(bars=bars, seed=3), temperature=0.7) for bars in (1, 4, 4)]
    batch = render_batch(model, slots, takes)
    assert [phrase.bars for phrase in batch] == [1, 4, 4]
    assert batch == tuple(render(model, slots, take) for take in takes)


class Sure(Continuing):
    """Plays 60 with probability .6, 64 with .4, 67 with .2 and no other key, whatever it heard."""

    def decode(self, z, perturbation):
        self.states += list(z)
        logits = np.full(88, -50.0)
        logits[[60 - 21, 64 - 21, 67 - 21]] = np.log([0.6 / 0.4, 0.4 / 0.6, 0.2 / 0.8])
        return (logits + perturbation > 0).astype(np.float32)


@pytest.mark.parametrize(
    ("threshold", "pitches"),
    [(0.99, ()), (0.61, ()), (0.59, (60,)), (0.5, (60,)), (0.39, (60, 64)), (0.19, (60, 64, 67))],
)
def test_every_key_whose_probability_is_above_the_threshold_is_played(threshold, pitches):
    model = Sure()
    slots = {"heard": encode_slot(model, CHORD)}
    result = render(model, slots, follow(bars=5, threshold=threshold))
    assert [(n.start_beats, n.pitch, n.duration_beats) for n in result.notes] == [
        (0.0, pitch, 20.0) for pitch in pitches
    ]
    others = [follow(bars=5, threshold=threshold, temperature=heat, seed=3) for heat in (0.5, 2.0)]
    assert render_batch(model, slots, others) == (result, result)


@pytest.mark.parametrize(
    ("task", "conditions", "alone"),
    [("continue", (), True), ("continue", ("heard",), False), ("autoencode", (), False)],
)
def test_which_models_decide_each_key_for_itself(task, conditions, alone):
    manifest = SimpleNamespace(task=task, conditions=conditions)
    assert decides_keys_alone(manifest) == alone


def test_above_a_threshold_each_stretch_hears_the_one_before():
    model = Sure()
    render(model, {"heard": encode_slot(model, CHORD)}, follow(bars=4, threshold=0.5))
    sounding = [{21 + int(key) for key in np.flatnonzero(state > 0)} for state in model.states]
    assert sounding == [{60, 64, 67}, {60}]


def test_limits_hold_above_a_threshold():
    model = Sure()
    limits = Constraints(lowest_pitch=61)
    asked = follow(bars=2, threshold=0.3, constraints=limits)
    result = render(model, {"heard": encode_slot(model, CHORD)}, asked)
    assert {note.pitch for note in result.notes} == {64}


def test_at_threshold_0_keys_are_drawn():
    model = Sure()
    slots = {"heard": encode_slot(model, CHORD)}
    takes = [follow(bars=2, threshold=0.0, temperature=1.0, seed=seed) for seed in (1, 2)]
    first, second = render_batch(model, slots, takes)
    assert first.notes != second.notes
    assert len(first.notes) > 3


@pytest.mark.parametrize(("model", "mode"), [(Drummer(), "vary"), (Continuing(), "groove")])
def test_a_mode_the_model_does_not_do_is_refused(model, mode):
    with pytest.raises(RenderError, match=f"does not {mode}; it can (groove|continue)"):
        render(model, {"heard": encode_slot(model, Phrase((), 2))}, Controls(mode=mode))


@pytest.mark.parametrize("wrong", [{"start": "somewhere"}, {"bars": 65}, {"bars": 1.5}])
def test_continuation_controls_are_checked(wrong):
    with pytest.raises(RenderError, match=next(iter(wrong))):
        Controls(mode="continue", **wrong)

"""Accompany, by the bundle that ships."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.inference import perturbation
from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render, render_batch
from engine.inference.slots import encode_slot
from engine.inference.windows import encode_phrase
from engine.modes.accompany import _bass_lean, _further_chance, _style
from engine.music.accompaniment import CHORDS_CHANNEL
from engine.music.chords import by_pulse, parse_chords
from engine.music.key import Key
from engine.music.metre import Metre
from engine.music.notes import BASS_CHANNEL, DRUM_CHANNEL, Note, Phrase

CHANNELS = {CHORDS_CHANNEL, BASS_CHANNEL, DRUM_CHANNEL}
TUNE = Phrase.of([Note(float(beat), 72 + step, 1.0) for beat, step in enumerate((0, 4, 7, 4, 5, 9, 7, 5))], 2)
ACCOMPANY = Controls(mode="accompany", chords="C F")


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(Path(__file__).parents[3] / "engine/bundles/accompany_2bar", precision="float")


def on(phrase: Phrase, channel: int) -> list[Note]:
    return [note for note in phrase.notes if note.channel == channel]


def test_three_voices_are_written_and_none_of_what_was_played(model: Model) -> None:
    written = render(model, {"heard": encode_slot(model, TUNE)}, ACCOMPANY)
    assert {note.channel for note in written.notes} == CHANNELS
    assert (written.bars, written.beats_per_bar) == (TUNE.bars, TUNE.beats_per_bar)


def test_a_seed_is_the_same_again_alone_and_among_others_and_another_is_not(model: Model) -> None:
    slots = {"heard": encode_slot(model, TUNE)}
    takes = [replace(ACCOMPANY, seed=seed) for seed in range(3)]
    together = render_batch(model, slots, takes)
    assert [render(model, slots, take) for take in takes] == list(together)
    assert len({phrase.notes for phrase in together}) == 3


@settings(max_examples=12, deadline=None)
@given(st.integers(-5, 6), st.integers(0, 99))
def test_in_another_key_it_is_the_same_in_that_key(model: Model, semitones: int, seed: int) -> None:
    """Without chance a tune that was moved has the same bass and line of chords, moved, octaves aside."""
    harmony = by_pulse(parse_chords("C F"), 2)
    moved = tuple(chord and chord.transposed(semitones) for chord in harmony)
    controls = Controls(mode="accompany", seed=seed, temperature=0.0)
    first = render(model, {"heard": encode_slot(model, TUNE, Key(0), harmony)}, controls)
    key = Key(semitones % 12)
    second = render(model, {"heard": encode_slot(model, TUNE.transposed(semitones), key, moved)}, controls)
    for channel in (BASS_CHANNEL, CHORDS_CHANNEL):
        tops = [
            {note.start_beats: (note.pitch - by) % 12 for note in on(phrase, channel)}
            for phrase, by in ((first, 0), (second, semitones))
        ]
        assert tops[0] == tops[1]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["Am F", "D A", "Ebmaj7 Bb7", "F#m B7"]))
def test_on_the_beats_the_bass_has_tones_of_chords_that_are_followed(
    model: Model, seed: int, chords: str
) -> None:
    controls = Controls(
        mode="accompany", seed=seed, chords=chords, constraints=Constraints(follow_chords=1.0)
    )
    written = render(model, {"heard": encode_slot(model, TUNE)}, controls)
    harmony = by_pulse(parse_chords(chords), 2)
    for note in on(written, BASS_CHANNEL):
        if note.start_beats % 1 == 0:
            chord = harmony[int(note.start_beats)]
            assert chord is not None and chord.has(note.pitch)


@pytest.mark.parametrize(
    ("voice", "channel"), [("chords", CHORDS_CHANNEL), ("bass", BASS_CHANNEL), ("drums", DRUM_CHANNEL)]
)
def test_a_voice_can_be_off_and_the_others_stay_as_they_are(model: Model, voice: str, channel: int) -> None:
    slots = {"heard": encode_slot(model, TUNE)}
    whole = render(model, slots, ACCOMPANY)
    without = render(model, slots, replace(ACCOMPANY, **{f"with_{voice}": False}))
    assert without.notes == tuple(note for note in whole.notes if note.channel != channel)


def test_at_variation_0_the_style_is_that_of_the_bass_that_is_heard(model: Model) -> None:
    bass = [Note(beat / 2, 36, 0.5, channel=BASS_CHANNEL) for beat in range(16)]
    heard = Phrase.of([*TUNE.notes, *bass], 2)
    controls = replace(ACCOMPANY, variation=0.0, temperature=0.0)
    own = render(model, {"heard": encode_slot(model, heard)}, controls)
    usual = render(model, {"heard": encode_slot(model, TUNE)}, controls)
    assert len(on(own, BASS_CHANNEL)) > len(on(usual, BASS_CHANNEL))
    assert on(own, DRUM_CHANNEL) == on(usual, DRUM_CHANNEL)


@pytest.mark.parametrize(
    ("bars", "metre"),
    [(5, Metre(4)), (3, Metre(3)), (3, Metre(6, 8)), (4, Metre(2)), (1, Metre(7)), (1, Metre(12, 8))],
)
def test_any_length_and_metre_is_accompanied_to_its_end(model: Model, bars: int, metre: Metre) -> None:
    length = int(bars * metre.beats_per_bar)
    phrase = Phrase.of([Note(float(beat), 60 + beat % 5, 1.0) for beat in range(length)], bars, metre)
    written = render(model, {"heard": encode_phrase(model, phrase)}, Controls(mode="accompany"))
    assert written.metre == metre and written.bars >= bars
    assert {note.channel for note in written.notes} <= CHANNELS
    assert max(note.start_beats for note in on(written, DRUM_CHANNEL)) >= length - 2


def test_nothing_heard_is_accompanied_too(model: Model) -> None:
    written = render(model, {"heard": encode_slot(model, Phrase((), 2))}, Controls(mode="accompany"))
    assert on(written, DRUM_CHANNEL)
    assert np.all([0 <= note.start_beats < 8 for note in written.notes])


def test_every_voice_has_twice_the_sliders_chance(model: Model) -> None:
    further = _further_chance(model.representation, replace(ACCOMPANY, temperature=0.5, seed=3))
    assert np.allclose(further, 0.5 * perturbation.noise(model.representation, 3))


def test_a_voice_that_was_not_played_is_free_at_the_usual_variation(model: Model) -> None:
    slots = {"heard": encode_slot(model, TUNE)}
    usual, further = (render(model, slots, replace(ACCOMPANY, seed=7, variation=v)) for v in (0.3, 1.0))
    assert usual == further
    still = [render(model, slots, replace(ACCOMPANY, seed=seed, variation=0.0)) for seed in (7, 8)]
    styles = [_style(model, slots["heard"], replace(ACCOMPANY, seed=seed, variation=0.0)) for seed in (7, 8)]
    assert np.array_equal(*styles)
    assert still[0] != usual


def test_a_bass_that_was_played_is_left_little_by_little(model: Model) -> None:
    bass = [Note(beat / 2, 36, 0.5, channel=BASS_CHANNEL) for beat in range(16)]
    heard = encode_slot(model, Phrase.of([*TUNE.notes, *bass], 2))
    own, near, middle, far = (
        _style(model, heard, replace(ACCOMPANY, seed=7, variation=v))[92:104] for v in (0.0, 0.3, 0.6, 1.0)
    )
    away = [np.linalg.norm(style - own) for style in (near, middle, far)]
    assert 0 < away[0] < away[1] < away[2]


def test_the_bass_rather_begins_a_note_with_the_bar_and_rather_holds_it(model: Model) -> None:
    bias = _bass_lean(model.representation)
    assert np.flatnonzero(bias.any(axis=0)).tolist() == list(range(91, 180))  # the bass but for holding on
    assert set(bias[:, 91].tolist()) == {-0.75}
    assert set(bias[::16, 92:].ravel().tolist()) == {1.0, 0.0}
    assert np.flatnonzero(bias[:, 92]).tolist() == [0, 16]

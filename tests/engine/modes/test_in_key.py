"""With *In key* on, as it is by default, no tool plays a note outside the key that was not played there."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine.inference.controls import Controls
from engine.inference.harmony import own_pitch_classes
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.windows import encode_phrase
from engine.music.key import Key
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

TOOLS = {
    "words_2bar": ("vary", "morph"),
    "melody_2bar": ("vary", "morph"),
    "sentences_16bar": ("continue",),
    "accompany_2bar": ("accompany",),
    "piano_2bar": ("vary", "morph"),
    "pianoroll_continue": ("continue",),
}
CASES = [(name, tool) for name, tools in TOOLS.items() for tool in tools]


@cache
def loaded(name: str) -> Model:
    return Model.load(Path(engine.__file__).parent / "bundles" / name, precision="float")


def tune(key: Key, places: list[int], bars: int, foreign: int | None) -> Phrase:
    """Quarter notes of a key, the last of them of any pitch."""
    scale = [pitch for pitch in range(58, 80) if pitch % 12 in key.pitch_classes]
    pitches = [scale[places[beat % len(places)] % len(scale)] for beat in range(4 * bars)]
    if foreign is not None:
        pitches[-1] = foreign
    return Phrase.of([Note(float(beat), pitch, 0.9) for beat, pitch in enumerate(pitches)], bars)


@pytest.mark.parametrize(("name", "tool"), CASES, ids=lambda each: each)
@settings(max_examples=12, deadline=None)
@given(
    key=st.builds(Key, st.integers(0, 11), st.sampled_from(("major", "minor"))),
    places=st.lists(st.integers(0, 12), min_size=5, max_size=8, unique=True),
    foreign=st.one_of(st.none(), st.integers(58, 80)),
    variation=st.floats(0, 1),
    temperature=st.floats(0, 2),
    seed=st.integers(0, 99_999),
    nudges=st.integers(0, 3),
)
def test_no_note_leaves_the_key_that_was_not_played(
    name, tool, key, places, foreign, variation, temperature, seed, nudges
):
    model = loaded(name)
    bars = min(model.bars, 4)
    heard = tune(key, places, bars, foreign)
    other = tune(key, places[::-1], bars, None)
    slots = {
        "heard": encode_phrase(model, heard, key),
        "A": encode_phrase(model, heard, key),
        "B": encode_phrase(model, other, key),
    }
    controls = Controls(
        mode=tool,
        variation=variation,
        morph=variation,
        temperature=temperature,
        seed=seed,
        nudges=nudges,
        bars=4,
    )
    answer = render(model, slots, controls)
    played = own_pitch_classes(heard.notes) | own_pitch_classes(other.notes)
    pitched = {note.pitch % 12 for note in answer.notes if note.channel != DRUM_CHANNEL}
    assert pitched <= key.pitch_classes | played


def test_a_guessed_chord_takes_no_accompaniment_out_of_the_key():
    """A sharp before the last bar line of a tune in A major is F sharp 7, whose scale has a D sharp."""
    model, key = loaded("accompany_2bar"), Key(9, "major")
    heard = tune(key, [4, 0, 1, 3, 11, 8], 2, 70)
    slots = {"heard": encode_phrase(model, heard, key)}
    for seed in range(12):
        answer = render(model, slots, Controls(mode="accompany", variation=0.0, temperature=1.0, seed=seed))
        pitched = {note.pitch % 12 for note in answer.notes if note.channel != DRUM_CHANNEL}
        assert pitched <= key.pitch_classes | {70 % 12}

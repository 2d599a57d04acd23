"""Takes in order of fit: what counts, what is put back, and that each is the take of its seed."""

import pytest
import tinybundle
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.inference.controls import LARGEST_SEED, Controls
from engine.inference.model import Model
from engine.inference.ranking import _apart, alike, fit_of, onsets, ranked
from engine.inference.render import render
from engine.inference.slots import Slot, encode_slot
from engine.music.chords import by_pulse, parse_chords
from engine.music.grid import SIXTEENTHS
from engine.music.key import Key
from engine.music.notes import Note, Phrase


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model.load(str(tinybundle.write(tmp_path_factory.mktemp("bundle"))), precision="float")


def line(*pitches: int) -> Phrase:
    return Phrase.of((Note(index, pitch, 1) for index, pitch in enumerate(pitches)), 2)


@pytest.fixture(scope="module")
def source(model: Model) -> Slot:
    return encode_slot(model, line(60, 62, 64, 65, 67, 65, 64, 62), Key(0))


def fit(phrase: Phrase, source: Slot | None = None, variation: float = 1.0, chords: str = "") -> float:
    harmony = by_pulse(parse_chords(chords), 2) if chords else ()
    sources = [] if source is None else [source]
    return fit_of(phrase, sources, Controls(variation=variation), harmony, SIXTEENTHS)


def test_notes_out_of_key_leaps_and_strange_counts_fit_less(source: Slot) -> None:
    good = fit(line(72, 74, 76, 77, 79, 77, 76, 74), source)
    assert good > fit(line(72, 73, 76, 77, 79, 78, 76, 74), source)
    assert good > fit(line(72, 84, 64, 77, 67, 77, 60, 74), source)
    assert good > fit(line(72, 74), source)


def test_the_distance_asked_for_counts(source: Slot) -> None:
    near, far = line(60, 62, 64, 65, 67, 65, 64, 60), line(72, 74, 76, 77, 79, 77, 76, 74)
    assert fit(near, source, 0.1) > fit(far, source, 0.1)
    assert fit(far, source, 1.0) > fit(near, source, 1.0)


def test_chord_tones_on_the_beats_count() -> None:
    assert fit(line(60, 64, 67, 64), chords="C") > fit(line(62, 65, 69, 65), chords="C")


def test_without_a_source_a_take_is_judged_by_its_own_scale_and_by_what_music_has() -> None:
    scale = fit(line(61, 63, 65, 66, 68, 66, 65, 63))
    assert scale > 0.95
    assert scale > fit(line(60, 61, 62, 63, 64, 65, 66, 67))
    assert scale > fit(line(61, 61, 61, 61, 61, 61, 61, 61))
    assert scale > fit(line(61, 63))
    assert fit(Phrase.of([Note(0, 36, 1, channel=9)], 2)) == 1


@given(st.integers(0, LARGEST_SEED), st.integers(1, 12))
def test_every_take_is_the_one_of_its_seed(model: Model, source: Slot, seed: int, count: int) -> None:
    controls = Controls(variation=0.7, seed=seed)
    takes = ranked(model, {"heard": source}, controls, count)
    assert {take.controls.seed for take in takes} == {(seed + i) % (LARGEST_SEED + 1) for i in range(count)}
    assert all(0 <= take.fit <= 1 for take in takes)
    assert takes[0].fit == max(take.fit for take in takes)
    last = takes[-1]
    assert last.phrase == render(model, {"heard": source}, replace(controls, seed=last.controls.seed))


def test_a_mode_without_slots_is_ranked_too(model: Model) -> None:
    assert len(ranked(model, {}, Controls(mode="generate"), 5)) == 5


def test_what_equals_a_take_before_it_is_put_back() -> None:
    same, other = onsets(line(60, 62), SIXTEENTHS), onsets(line(70, 72), SIXTEENTHS)
    assert _apart([0.9, 0.9, 0.6], [same, same, other]) == [0, 2, 1]
    assert _apart([0.5, 0.9, 0.7], [same, other, frozenset()]) == [1, 2, 0]


def test_likeness_is_the_f1_of_onsets() -> None:
    first, second = onsets(line(60, 62), SIXTEENTHS), onsets(line(60, 64), SIXTEENTHS)
    assert alike(first, second) == 0.5
    assert alike(frozenset(), frozenset()) == 1
    assert alike(first, frozenset()) == 0

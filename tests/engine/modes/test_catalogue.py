from typing import get_args

import pytest

from engine.inference.constraints import Constraints
from engine.inference.controls import CONTROLS, Controls, Mode, changed
from engine.inference.features import PITCHES
from engine.modes.base import plans_of_seeds
from engine.modes.catalogue import TOOLS, counting, modes_of, modes_with, slots_of


def test_modes_say_which_slots_they_need():
    assert slots_of(Controls(source="C")) == ("C",)
    assert slots_of(Controls(mode="morph", morph_from="A", morph_to="D")) == ("A", "D")
    assert slots_of(Controls(mode="generate")) == ()


@pytest.mark.parametrize(
    ("mode", "rhythm", "pitches"),
    [("vary", True, True), ("drumify", True, False), ("generate", False, False), ("continue", False, False)],
)
def test_what_does_not_count_is_at_its_default(mode, rhythm, pitches):
    asked = (("density", 1.0), ("lateness", -2.0))
    controls = changed(Controls(mode=mode), attributes=asked, key="G", keep_rhythm=True, keep_pitches=True)
    counts = counting(controls, {PITCHES}, ["density", "register"])
    assert counts.attributes == (() if mode == "continue" else (("density", 1.0),))
    assert counts.constraints == Constraints(key="G", keep_rhythm=rhythm, keep_pitches=pitches)
    assert counts.mode == mode


def test_key_and_range_count_only_where_the_model_writes_pitches():
    controls = changed(Controls(), key="G", lowest_pitch=40, density=0.5)
    assert counting(controls, set(), []).constraints == Constraints(density=0.5)


def test_every_mode_has_a_tool_a_key_and_a_name_of_its_own():
    assert tuple(TOOLS) == get_args(Mode)
    assert [tool.key for tool in TOOLS.values()] == ["1", "2", "3", "4", "5", "6", "0"]
    assert len({tool.label for tool in TOOLS.values()}) == len(TOOLS)


def test_a_task_has_the_modes_its_bundles_do():
    assert modes_of("autoencode") == ("vary", "morph", "generate")
    assert modes_of("humanize") == ("groove",)
    assert modes_of("drumify") == ("drumify",)
    assert modes_of("continue") == ("continue",)
    assert modes_of("accompany") == ("accompany",)


@pytest.mark.parametrize(
    ("name", "modes"),
    [
        ("variation", ("vary", "groove", "drumify", "accompany")),
        ("morph", ("morph",)),
        ("temperature", ("vary", "morph", "generate", "groove", "drumify", "continue", "accompany")),
        ("key", ("vary", "morph", "generate", "drumify", "continue", "accompany")),
        ("keep_rhythm", ("vary", "morph", "drumify")),
        ("keep_pitches", ("vary", "morph")),
        ("start", ("continue",)),
        ("threshold", ("continue",)),
        ("with_drums", ("accompany",)),
        ("source", ("vary", "groove", "drumify", "continue", "accompany")),
    ],
)
def test_a_parameter_counts_where_the_mode_offers_what_it_needs(name, modes):
    assert modes_with(CONTROLS[name]) == modes


def test_neighbours_that_differ_in_their_seed_alone_are_prepared_once():
    prepared = []

    def prepare(controls):
        prepared.append(controls.variation)
        return lambda seed: (controls.variation, seed)

    takes = [
        Controls(variation=0.3, seed=1),
        Controls(variation=0.3, seed=2),
        Controls(variation=0.6, seed=2),
    ]
    takes += [Controls(variation=0.3, seed=9)]
    assert plans_of_seeds(takes, prepare) == [(0.3, 1), (0.3, 2), (0.6, 2), (0.3, 9)]
    assert prepared == [0.3, 0.6, 0.3]

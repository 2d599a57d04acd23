import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RenderError
from engine.inference.constraints import Constraints
from engine.inference.controls import Controls, changed, with_value
from engine.music.scales import KEYS, SCALES


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"variation": 1.01}, "variation 1.01 is not a number from 0 to 1"),
        ({"variation": -0.01}, "from 0 to 1"),
        ({"variation": math.nan}, "from 0 to 1"),
        ({"variation": "much"}, "variation 'much'"),
        ({"variation": True}, "variation True"),
        ({"morph": 2}, "morph 2"),
        ({"temperature": 2.5}, "from 0 to 2"),
        ({"seed": -1}, "seed -1 is not a whole number from 0 to 4294967295"),
        ({"seed": 2**32}, "seed 4294967296"),
        ({"seed": 1.0}, "seed 1.0"),
        ({"mode": "dream"}, "mode 'dream' is not one of vary, morph, generate"),
        ({"source": "E"}, "source 'E' is not one of heard, A"),
        ({"morph_to": "a"}, "morph_to 'a' is not one of heard, A"),
        ({"attributes": (("density", 4),)}, "attribute.density 4 is not a number from -3 to 3"),
        ({"key": "H"}, "key 'H'"),
        ({"scale": "happy"}, "scale 'happy'"),
        ({"lowest_pitch": 60, "highest_pitch": 59}, "lowest_pitch 60 lies above highest_pitch 59"),
        ({"density": 1.5}, "from -1 to 1"),
        ({"loudness": 1}, "control 'loudness' is unknown"),
    ],
)
def test_refusals_name_the_control_and_its_range(changes, words):
    with pytest.raises(RenderError) as caught:
        changed(Controls(), **changes)
    assert words in str(caught.value)


def test_constraints_change_by_their_own_names():
    controls = changed(Controls(variation=0.2), key="D", scale="dorian", seed=4)
    assert controls == Controls(variation=0.2, seed=4, constraints=Constraints(key="D", scale="dorian"))
    assert changed(controls, key=None).constraints == Constraints(scale="dorian")


def test_scales_admit_their_notes_only():
    d_dorian = Constraints(key="D", scale="dorian", lowest_pitch=60, highest_pitch=72)
    assert [pitch for pitch in range(128) if d_dorian.allows(pitch)] == [60, 62, 64, 65, 67, 69, 71, 72]


@given(st.sampled_from(KEYS), st.sampled_from(sorted(SCALES)), st.integers(0, 115))
def test_every_octave_of_a_scale_has_the_same_notes(key, scale, pitch):
    constraints = Constraints(key=key, scale=scale)
    assert constraints.allows(pitch) == constraints.allows(pitch + 12)
    assert constraints.allows(KEYS.index(key) + 60)


def test_at_first_all_that_was_played_may_change():
    assert not Constraints().keep_rhythm
    assert not Constraints().keep_pitches


def test_an_end_of_a_range_takes_the_other_along_where_they_would_cross():
    own = changed(Controls(variation=0.7), lowest_pitch=50, highest_pitch=60)
    assert with_value(own, "lowest_pitch", 55) == changed(own, lowest_pitch=55)
    assert with_value(own, "lowest_pitch", 60) == changed(own, lowest_pitch=60)
    assert with_value(own, "lowest_pitch", 70) == changed(own, lowest_pitch=70, highest_pitch=70)
    assert with_value(own, "highest_pitch", 40) == changed(own, lowest_pitch=40, highest_pitch=40)
    assert with_value(own, "highest_pitch", 50) == changed(own, highest_pitch=50)


def test_an_attribute_at_0_is_none():
    own = with_value(Controls(), "attribute.density", 0.5)
    assert own.attributes == (("density", 0.5),)
    assert with_value(own, "attribute.density", 0.0) == Controls()

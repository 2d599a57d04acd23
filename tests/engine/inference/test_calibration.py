import math

import numpy as np
import pytest
import tinybundle

from engine.errors import RenderError
from engine.inference.bundle.manifest import DENSITY_TEMPERATURES
from engine.inference.calibration import (
    SHARES,
    _even,
    bisect,
    density_curve,
    morph_curve,
    stroke_curve,
    variation_curve,
)
from engine.inference.latent_space import along
from engine.inference.model import Model
from engine.music.representation import representation


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model.load(str(tinybundle.write(tmp_path_factory.mktemp("bundle"))), precision="float")


@pytest.fixture(scope="module")
def phrases():
    rng = np.random.default_rng(5)
    struck = rng.random((6, 32, 1)) < 0.4
    return np.where(struck, rng.integers(40, 60, (6, 32, 1)), 0)


def test_an_even_progress_needs_no_curve():
    assert _even(SHARES) == pytest.approx(np.linspace(0, 1, 11), abs=1e-3)


def test_a_late_start_is_made_up_for():
    curve = _even(np.clip(2 * SHARES - 1, 0, 1))  # nothing happens before halfway
    assert curve[0] == 0
    assert curve[1:] == pytest.approx(0.5 + 0.5 * np.linspace(0, 1, 11)[1:], abs=0.02)
    assert along(curve, 0.5) == pytest.approx(0.75, abs=0.02)


def test_curves_rise_from_zero_to_one(model, phrases):
    for curve in (variation_curve(model, phrases), morph_curve(model, phrases)):
        assert len(curve) == 11
        assert (curve[0], curve[-1]) == (0.0, 1.0)
        assert list(curve) == sorted(curve)


def test_the_curve_belongs_to_the_model(model, phrases):
    assert variation_curve(model, phrases) == variation_curve(model, phrases)
    assert variation_curve(model, phrases) != variation_curve(model, phrases[:2])


def test_a_morph_needs_two_phrases(model, phrases):
    with pytest.raises(RenderError, match="1 phrases are too few"):
        morph_curve(model, phrases[:1])


def test_along_reads_between_points():
    assert [along((0.0, 0.2, 1.0), value) for value in (0, 0.25, 0.5, 0.75, 1)] == pytest.approx(
        [0, 0.1, 0.2, 0.6, 1]
    )


class Undecided:
    """A continuation that finds every key as unlikely as every other, whatever it heard."""

    representation = representation("pianoroll", 2)

    def encode(self, x):
        return np.zeros((len(x), 4), np.float32), np.zeros((len(x), 4), np.float32)

    def decode(self, z, perturbation):
        return (perturbation - 2 > 0).astype(np.float32)


def test_keys_are_favoured_until_as_many_sound_as_in_music():
    frames = np.zeros((20, 32, 88), np.float32)
    frames[:, :, 30:41] = 1  # 11 of 88 keys: one in eight
    curve = dict(zip(DENSITY_TEMPERATURES, density_curve(Undecided(), frames), strict=True))
    odds = math.log((1 / 8) / (7 / 8))
    assert curve[1.0] == pytest.approx(2 + odds, abs=0.05)  # logistic noise: log odds are nats
    assert curve[0.5] == pytest.approx(2 + odds / 2, abs=0.05)
    assert curve[0.0] == pytest.approx(2, abs=0.01)  # all or none


class Struck(Undecided):
    """One whose keys sound for one step, so that they may be struck on the next but one."""

    def decode(self, z, perturbation, ringing):
        assert ringing.shape == (len(z), 32, 88)
        frames = np.zeros_like(perturbation)
        for step, nats in enumerate(perturbation):
            frames[step] = (nats - 2 > 0) & (frames[step - 1] == 0)
        return frames


def test_strokes_are_favoured_until_as_many_begin_as_in_music():
    curve = dict(zip(DENSITY_TEMPERATURES, stroke_curve(Struck(), np.zeros((20, 4)), 11.0), strict=True))
    odds = math.log(1 / 6)  # one of seven silent keys is struck: one in eight, as each then rests
    assert curve[1.0] == pytest.approx(2 + odds, abs=0.05)
    assert curve[0.5] == pytest.approx(2 + odds / 2, abs=0.05)
    assert curve[0.0] == pytest.approx(2, abs=0.01)  # all or none


def test_bisection_ends_at_its_bounds_where_nothing_reaches():
    assert bisect(lambda nats: nats, 1.5) == pytest.approx(1.5, abs=0.01)
    assert bisect(lambda nats: 0.0, 1.0) == pytest.approx(4.0, abs=0.01)

import numpy as np
import pytest
import tinybundle

from engine.errors import RenderError
from engine.inference.calibration import SHARES, _even, morph_curve, variation_curve
from engine.inference.model import Model
from engine.inference.render import along


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

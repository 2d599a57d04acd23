"""The feel of each drummer and style, against curves by hand."""

from itertools import pairwise

import numpy as np
import pytest

from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from training.evaluation.feel_by_label import curves_picture, errors_by, feel_curves
from training.evaluation.humanising import Humanised, Performance
from training.evaluation.rolls import DRUM_LABEL_POINTS, roll_grid


def snares(late_steps: float, velocity: float, bars: int = 5) -> np.ndarray:
    """A snare on every second quarter, so many steps late; an offset is early and in half steps."""
    frames = np.zeros((16 * bars, 27), np.float32)
    places = [16 * bar + step for bar in range(bars) for step in (4, 12)]
    frames[places, 1], frames[places, 10], frames[places, 19] = 1, velocity, -2 * late_steps
    return frames


@pytest.fixture
def two_drummers() -> Humanised:
    """One is a tenth of a 16th late, one early; the model plays both on the grid, too loud."""
    played = [
        Performance(snares(0.1, 0.5), 60.0, "ann", "rock"),
        Performance(snares(-0.1, 0.5), 120.0, "bob", "rock"),
        Performance(np.zeros((16, 27), np.float32), 120.0, "cat", "rock"),
    ]
    return Humanised(played, [snares(0, 1.0), snares(0, 1.0), played[2].frames], [])


def test_each_drummer_has_its_own_errors(two_drummers: Humanised) -> None:
    found = errors_by(two_drummers, "player")
    assert list(found) == ["ann", "bob"]  # who plays nothing has no feel
    assert (found["ann"]["performances"], found["ann"]["hits"]) == (1, 10)
    assert found["ann"]["mae_ms"] == pytest.approx(0.1 * 250, rel=1e-4)  # a 16th at 60 bpm has 250 ms
    assert found["bob"]["mae_ms"] == pytest.approx(0.1 * 125, rel=1e-4)
    assert found["bob"]["velocity_mae"] == pytest.approx(63.5, rel=1e-4)
    assert list(errors_by(two_drummers, "style")) == ["rock"]


def test_the_curves_show_who_is_late(two_drummers: Humanised) -> None:
    curves = feel_curves(two_drummers, "player")
    played, written = curves["ann"]
    assert np.flatnonzero(~np.isnan(played.late_ms)).tolist() == [4, 12]
    assert played.late_ms[4] == pytest.approx(25, rel=1e-4)
    assert curves["bob"][0].late_ms[12] == pytest.approx(-12.5, rel=1e-4)
    assert written.late_ms[4] == pytest.approx(0, abs=1e-4)
    assert (played.velocity[4], written.velocity[4]) == (pytest.approx(63.5), pytest.approx(127))
    rock, _ = feel_curves(two_drummers, "style")["rock"]
    assert rock.late_ms[4] == pytest.approx((5 * 25 - 5 * 12.5) / 10, rel=1e-4)


def test_the_picture_names_the_drummers(two_drummers: Humanised) -> None:
    figure = curves_picture(feel_curves(two_drummers, "player"), "player")
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["ann", "bob"]


def test_names_of_drums_do_not_run_into_each_other() -> None:
    beat = Phrase.of([Note(step / 4, 36, 0.25, 90, DRUM_CHANNEL) for step in range(8)], bars=2)
    figure = roll_grid([[beat, beat], [beat, beat]], ["played", "written"])
    figure.canvas.draw()
    axes = figure.axes[0]
    labels = axes.get_yticklabels()
    assert [label.get_text() for label in labels][:3] == ["kick", "snare", "closed hi-hat"]
    boxes = [label.get_window_extent() for label in labels]
    assert all(upper.y0 >= lower.y1 for lower, upper in pairwise(boxes))
    assert labels[0].get_fontsize() == DRUM_LABEL_POINTS >= 8


def test_drums_below_a_tune_are_named_once() -> None:
    both = Phrase.of([Note(0, 60, 1), Note(1, 36, 0.25, 90, DRUM_CHANNEL)], bars=2)
    names = [label.get_text() for label in roll_grid([[both]], ["trio"]).axes[0].get_yticklabels()]
    assert names.count("drums") == 1

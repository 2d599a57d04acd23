import numpy as np
import pytest

from engine.music.notes import Note, Phrase
from training.evaluation import features
from training.evaluation.features import measure_phrases

TUNE = Phrase.of([Note(0, 60, 1), Note(1, 64, 0.5), Note(1.5, 67, 0.5), Note(4, 60, 2)], bars=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pitch count", 3),
        ("note count", 4),
        ("pitch range", 7),
        ("pitch shift", (4 + 3 + 7) / 3),
        ("onset interval", 4 / 3),
    ],
)
def test_numbers_of_a_tune_by_hand(name: str, value: float) -> None:
    assert measure_phrases([TUNE], "melody")[name][1] == pytest.approx(np.array([[value]]))


def test_shares_of_a_tune_by_hand() -> None:
    measured = {name: values[0] for name, (_, values) in measure_phrases([TUNE], "melody").items()}
    classes = np.zeros(12)
    classes[[0, 4, 7]] = 3 / 4, 0.5 / 4, 0.5 / 4
    assert measured["pitch classes"] == pytest.approx(classes)
    pairs = measured["pitch class transitions"].reshape(12, 12)
    assert pairs[0, 4] == pairs[4, 7] == pairs[7, 0] == pytest.approx(1 / 3)
    # Lengths in the order whole, half, quarter, eighth: one half, one quarter, two eighths.
    assert measured["note lengths"][:5] == pytest.approx([0, 1 / 4, 1 / 4, 1 / 2, 0])
    assert measured["onset places"][[0, 4, 6]] == pytest.approx([1 / 2, 1 / 4, 1 / 4])


def test_silence_has_every_feature_too() -> None:
    for name in ("melody", "drums", "groove", "trio", "pianoroll"):
        for _, values in measure_phrases([Phrase((), 2)], name).values():
            assert np.isfinite(values).all()


def test_drums_are_counted_by_class_and_a_trio_by_part() -> None:
    kit = [Note(0, 36, 0.25, channel=9), Note(1, 38, 0.25, channel=9), Note(2, 40, 0.25, channel=9)]
    drums = measure_phrases([Phrase.of(kit, 1)], "drums")
    assert drums["drums in use"][1] == 2  # 38 and 40 are both the snare
    assert drums["drum shares"][1][0, :3] == pytest.approx([1 / 3, 2 / 3, 0])
    trio = measure_phrases([Phrase.of([*kit, Note(0, 60, 1), Note(0, 36, 1, channel=1)], 1)], "trio")
    assert trio["melody: note count"][1] == trio["bass: note count"][1] == 1
    assert trio["drums: hit count"][1] == 3


def test_late_is_positive_and_early_negative() -> None:
    late = features.feel([Note(0.05, 36, 0.25), Note(1.05, 36, 0.25)])
    assert late == pytest.approx([0.2, 0.0])
    assert features.feel([Note(0.95, 36, 0.25)])[0] == pytest.approx(-0.2)

import json
import re
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from engine.music.notes import Note, Phrase
from training.errors import ConfigError
from training.evaluation.listening_test import Question, Score, score_answers, verdict, write_test
from training.evaluation.sound import RATE, render

REAL = Phrase.of([Note(0, 72, 1)], bars=1)
MADE = Phrase.of([Note(0, 48, 4)], bars=1)


@pytest.fixture
def test_folder(tmp_path: Path) -> Path:
    write_test(tmp_path, [Question(REAL, MADE)] * 6, "toy", seed=3)
    return tmp_path


def answer(folder: Path, right: int, wrong: int) -> Path:
    key = json.loads((folder / "key.json").read_text())
    pairs = list(key["real"].items())[: right + wrong]
    flip = {"A": "B", "B": "A"}
    answers = {pair: side if n < right else flip[side] for n, (pair, side) in enumerate(pairs)}
    path = folder / "answers.json"
    path.write_text(json.dumps({"test": key["test"], "answers": answers}))
    return path


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)


def test_the_key_says_which_sound_is_real_and_the_page_does_not(test_folder: Path) -> None:
    key = json.loads((test_folder / "key.json").read_text())["real"]
    assert sorted(key.values()) == ["A"] * 3 + ["B"] * 3
    wanted = (render(REAL) * 32_767).astype("<i2")
    for pair, side in key.items():
        sounds = {s: samples(test_folder / "page" / "audio" / f"{pair}{s}.wav") for s in "AB"}
        assert np.abs(sounds[side] - wanted).max() <= 1
        assert np.abs(sounds["BA"["AB".index(side)]] - wanted).max() > 1000
    page = (test_folder / "page" / "index.html").read_text()
    assert len(set(re.findall(r"audio/(\d{3}[AB])\.wav", page))) == 12
    assert "key.json" not in page
    assert "real" not in page
    assert {path.name for path in (test_folder / "page").iterdir()} == {"index.html", "audio"}


def test_a_perfect_score_by_hand(test_folder: Path) -> None:
    score = score_answers(answer(test_folder, 6, 0), test_folder / "key.json")
    assert (score.answered, score.right) == (6, 6)
    assert score.p_value == pytest.approx(2 / 2**6)  # both tails
    assert score.low == pytest.approx(0.025 ** (1 / 6))  # Clopper and Pearson's bound at n of n
    assert "the real one was found" in verdict(score)


def test_half_is_no_difference_and_open_pairs_do_not_count(test_folder: Path) -> None:
    score = score_answers(answer(test_folder, 2, 2), test_folder / "key.json")
    assert (score.answered, score.share, score.p_value) == (4, 0.5, 1.0)
    assert "too few pairs to say: 4 answers" in verdict(score)


@pytest.mark.parametrize(
    ("answered", "right", "said"),
    [
        (4, 2, "too few pairs"),
        (12, 6, "too few pairs"),
        (100, 50, "not told apart from real music"),
        (100, 55, "not told apart from real music"),
        (100, 80, "told apart: the real one was found"),
        (100, 20, "told apart, but taken for the real one"),
    ],
)
def test_a_verdict_needs_answers_enough(answered: int, right: int, said: str) -> None:
    test = binomtest(right, answered)
    interval = test.proportion_ci()
    assert said in verdict(Score(answered, right, test.pvalue, interval.low, interval.high, "toy"))


def test_another_tests_key_and_garbled_answers_are_refused(test_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_test(other, [Question(REAL, MADE)], "toy", seed=3)
    with pytest.raises(ConfigError, match="another test"):
        score_answers(answer(test_folder, 1, 0), other / "key.json")
    with pytest.raises(ConfigError, match="no pair is answered"):
        score_answers(answer(test_folder, 0, 0), test_folder / "key.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ConfigError, match="not JSON"):
        score_answers(tmp_path / "broken.json", test_folder / "key.json")


def test_a_test_is_never_overwritten(test_folder: Path) -> None:
    with pytest.raises(ConfigError, match="already"):
        write_test(test_folder, [Question(REAL, MADE)], "toy", seed=3)


def test_a_test_wants_a_folder_of_its_own_and_a_failed_one_leaves_none(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for taken in ("mine", "file"):
        with pytest.raises(ConfigError, match=f"{taken}: is there already; give a new folder with -o"):
            write_test(tmp_path / taken, [Question(REAL, MADE)], "toy", seed=3)

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "empty").mkdir()
    for place in ("empty", "new"):
        with pytest.raises(KeyboardInterrupt):
            write_test(tmp_path / place, [Question(REAL, MADE)], "toy", seed=3, say=interrupt)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "mine"]
    page = write_test(tmp_path / "empty", [Question(REAL, MADE)], "toy", seed=3)
    assert page == tmp_path / "empty" / "page" / "index.html"
    assert page.is_file()
    assert (tmp_path / "empty" / "key.json").is_file()


def test_drums_sound_and_start_where_they_should() -> None:
    kick = Phrase.of([Note(2, 36, 0.25, channel=9)], bars=1)
    sound = render(kick, bpm=120)
    onset = int(np.flatnonzero(np.abs(sound) > 0.01)[0])
    assert onset == pytest.approx(1.0 * RATE, abs=0.01 * RATE)
    assert np.abs(sound).max() == pytest.approx(0.8)
    assert not render(Phrase((), 1)).any()

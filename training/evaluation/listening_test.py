"""A blind listening test: which of two phrases did a person make?

Each pair holds one phrase of the held-out split and one that the model wrote, in an order that only the
key knows, both through the same representation and the same sound. Files are named by number alone. The
page writes `answers.json`; the key stays in a folder of its own and carries the same test id.

Who cannot tell scores half; the two-sided binomial test says how surprising the score would be then.
"""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from engine.music.notes import Phrase
from engine.staging import staging_folder
from engine.text import counted
from training.corpus.dataset import Corpus, spread
from training.errors import ConfigError
from training.evaluation import sound
from training.evaluation.loaded_model import Subject
from training.evaluation.model_output import generated_sets
from training.evaluation.report import template

SIDES = ("A", "B")
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Question:
    """One pair, not yet shuffled."""

    real: Phrase
    generated: Phrase


@dataclass(frozen=True, slots=True)
class Score:
    """What the answers say."""

    answered: int
    """Pairs with a choice; those left open do not count."""
    right: int
    """Times the real phrase was found."""
    p_value: float
    """Chance of a score as far from half, either way, by guessing."""
    low: float
    """Bounds of the share found, Clopper and Pearson, 95 %."""
    high: float
    model: str

    @property
    def share(self) -> float:
        """Share of the answers that found the real phrase."""
        return self.right / self.answered


def questions(subject: Subject, corpus: Corpus, split: str, pairs: int, seed: int) -> list[Question]:
    """Pair held-out phrases with what the model wrote.

    Humanised, drumified and continued phrases stand beside the very phrase they were made from; what
    is drawn from the prior (a bundle's mixture where it has one) beside any.

    Raises:
        ConfigError: the split has fewer windows than there are to be pairs.
    """
    ids = spread(corpus.window_ids(split), pairs)
    if len(ids) < pairs:
        raise ConfigError(
            f"{corpus.path}: {counted(len(ids), 'window')} in the split '{split}', "
            f"{counted(pairs, 'pair')} asked for"
        )
    held = corpus.batch(ids)
    sets = generated_sets(subject, held, seed)
    written = list(sets.values())[-1]
    decode = subject.representation.decode
    return [Question(decode(real), decode(made)) for real, made in zip(held, written, strict=True)]


def write_test(
    output: Path,
    pairs: Sequence[Question],
    model: str,
    *,
    seed: int,
    bpm: float = 120.0,
    say: Callable[[int], None] = lambda done: None,
) -> Path:
    """Write `page/` (to hand out) and `key.json` (to keep); return the page.

    Raises:
        ConfigError: something is there already.
        OSError: it cannot be written; nothing is left then.
    """
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise ConfigError(f"{output}: is there already; give a new folder with -o")
    output.parent.mkdir(parents=True, exist_ok=True)
    with staging_folder(output.parent) as staged:
        page = _write_test(staged / "test", pairs, model, seed, bpm, say)
        if output.exists():
            output.rmdir()  # not every system moves a folder over an empty one
        (staged / "test").replace(output)
    return output / page


def _write_test(
    folder: Path, pairs: Sequence[Question], model: str, seed: int, bpm: float, say: Callable[[int], None]
) -> Path:
    """Write a test into a new folder; return the page relative to it."""
    page, key = folder / "page", folder / "key.json"
    (page / "audio").mkdir(parents=True)
    rng = np.random.default_rng(seed)
    sides, identity = {}, secrets.token_hex(8)
    # As often first as second, so that a listener who favours one side gains nothing.
    firsts = rng.permutation(np.arange(len(pairs)) % 2 == 0).tolist()
    order = rng.permutation(len(pairs)).tolist()
    for number, (index, real_first) in enumerate(zip(order, firsts, strict=True), 1):
        phrases = (pairs[index].real, pairs[index].generated)
        for side, phrase in zip(SIDES, phrases if real_first else phrases[::-1], strict=True):
            sound.write_wav(page / "audio" / f"{number:03}{side}.wav", sound.render(phrase, bpm))
        sides[f"{number:03}"] = SIDES[0 if real_first else 1]
        say(number)
    key.write_text(
        json.dumps({"test": identity, "model": model, "real": sides}, indent=2) + "\n", encoding="utf-8"
    )
    index_file = page / "index.html"
    index_file.write_text(
        template("listening.html").render(test=identity, pairs=list(sides), sides=SIDES), encoding="utf-8"
    )
    return index_file.relative_to(folder)


def score_answers(answers: Path, key: Path) -> Score:
    """Score an answers file against the key of its test.

    Raises:
        ConfigError: a file cannot be read or is not of this test, or nothing was answered.
    """
    said, truth = _read(answers, "answers"), _read(key, "real")
    if said.get("test") != truth.get("test"):
        raise ConfigError(
            f"{answers}: answers another test than {key}; give the key that was written with it"
        )
    chosen = {pair: side for pair, side in said["answers"].items() if side in SIDES}
    unknown = sorted(set(chosen) - set(truth["real"]))
    if unknown:
        raise ConfigError(f"{answers}: pair {unknown[0]} is not in {key}; the file was changed")
    if not chosen:
        raise ConfigError(f"{answers}: no pair is answered; choose A or B on the page, then save again")
    right = sum(truth["real"][pair] == side for pair, side in chosen.items())
    test = binomtest(right, len(chosen), 0.5)
    bounds = test.proportion_ci(CONFIDENCE, method="exact")
    return Score(
        len(chosen), right, float(test.pvalue), float(bounds.low), float(bounds.high), str(truth["model"])
    )


def _read(path: Path, table: str) -> dict[str, Any]:
    """Read a JSON object that has a table of that name."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give answers.json and key.json of one test") from error
    except ValueError as error:
        raise ConfigError(
            f"{path}: is not JSON ({error}); give answers.json and key.json of one test"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get(table), dict):
        raise ConfigError(f"{path}: has no '{table}'; give answers.json and key.json of one test")
    return content


CLEAR_SHARE = 0.75
"""A model that would be told apart as often as this is not called like real music."""


def verdict(score: Score) -> str:
    """Return in words what a score means."""
    if score.p_value >= 0.05:
        if score.high > CLEAR_SHARE or score.low < 1 - CLEAR_SHARE:
            return f"too few pairs to say: {counted(score.answered, 'answer')} left it open"
        return "not told apart from real music at the 5 % level"
    return (
        "told apart: the real one was found"
        if score.share > 0.5
        else "told apart, but taken for the real one"
    )

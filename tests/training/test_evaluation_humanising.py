import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from corpus_files import Part, write_midi
from toy_runs import SMALL, melody_corpus

from engine.music.representation import representation
from training.config import ModelConfig
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.dataset import Corpus
from training.errors import CorpusError
from training.evaluation.humanising import (
    Performance,
    feel_errors,
    gaussian_kl,
    humanise,
    mean_baseline,
    performances,
    quantised_baseline,
)
from training.evaluation.pictures import reconstructions
from training.models.build import build_model
from training.models.vae import VAE

STEP = 0.25
LATE = 0.05
"""Beats behind the grid: a fifth of a 16th."""


def beat(late: float, bars: int = 3) -> list[tuple[float, ...]]:
    """A snare on every quarter, the off-beats `late` beats late."""
    return [(n + (late if n % 2 else 0.0), 0.1, 38, 100 if n % 2 else 60) for n in range(4 * bars)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("feel")
    for number, bpm in enumerate((60.0, 120.0)):
        part = Part(beat(LATE, 3 + number), name="Drums", channel=9)
        write_midi(folder / "midi" / f"beat_{number}.mid", [part], bpm=bpm)
    rows = ["path,licence,rights,split", "beat_0.mid,CC0,ok,train", "beat_1.mid,CC0,ok,test"]
    (folder / "midi" / "manifest.csv").write_text("\n".join(rows), encoding="utf-8")
    options = BuildOptions(kind="groove", bars=(2,), executor="serial")
    build_corpus([folder / "midi"], folder / "corpus", options)
    return Corpus.open(folder / "corpus")


def all_performances(corpus: Corpus) -> list[Performance]:
    return [found for split in ("train", "valid", "test") for found in performances(corpus, split)]


def test_the_baseline_of_a_made_corpus_by_hand(corpus: Corpus) -> None:
    truth = all_performances(corpus)
    assert sorted((len(p.frames), p.bpm) for p in truth) == [(48, 60.0), (64, 120.0)]
    measured = quantised_baseline(truth)
    # 12 hits at 60 bpm, 6 of them 0.05 beats = 50 ms late; 16 at 120 bpm, 8 of them 25 ms late.
    assert measured["hits"] == 28
    assert measured["mae_ms"] == pytest.approx((6 * 50 + 8 * 25) / 28, rel=0.02)
    assert measured["mse_sixteenths"] == pytest.approx(0.2**2 / 2, rel=0.03)


def test_what_was_played_has_no_error(corpus: Corpus) -> None:
    truth = all_performances(corpus)
    errors = feel_errors(truth, [performance.frames for performance in truth])
    assert errors.pop("hits") == 28
    assert errors == dict.fromkeys(errors, 0.0)


def test_a_steady_player_is_met_by_the_mean_of_each_place(corpus: Corpus) -> None:
    truth = all_performances(corpus)
    errors = mean_baseline(truth, truth)
    assert errors["mae_ms"] == pytest.approx(0, abs=0.2)
    assert errors["velocity_mae"] == pytest.approx(0, abs=0.1)


def test_kl_is_that_of_gaussians_and_never_negative() -> None:
    assert gaussian_kl(1.0, 2.0, 1.0, 2.0) == 0
    # Half of (1/4 + 1 - 1) plus ln 2.
    assert gaussian_kl(0, 1, 2, 2) == pytest.approx(0.125 + math.log(2))
    assert gaussian_kl(0, 1, 0, 0) == math.inf
    assert gaussian_kl(0, 1, 0, 0.25) > 6  # one that regresses to the mean is punished


def test_kl_is_taken_by_place_in_the_beat() -> None:
    frames = np.zeros((64, 27), np.float32)
    frames[:, 1] = 1
    rng = np.random.default_rng(0)
    frames[:, 10] = rng.uniform(0.2, 0.9, 64)
    frames[:, 19] = rng.uniform(-0.5, 0.5, 64)
    quiet = frames.copy()
    quiet[::4, 10] = frames[::4, 10] * 0.5  # the quarters only: one of the four groups
    errors = feel_errors([Performance(frames, 120)], [quiet])
    group = frames[::4, 10].astype(float)
    alone = gaussian_kl(group.mean(), group.std(), group.mean() / 2, group.std() / 2)
    assert errors["velocity_kl_nats"] == pytest.approx(alone / 4, rel=1e-5)
    assert errors["timing_kl_nats"] == 0


def test_the_model_is_given_the_hits_and_cut_to_the_performance() -> None:
    torch.manual_seed(0)
    tables = {"representation": "groove", "bars": 2, "z_size": 8, "task": "humanize"}
    config = msgspec.convert({**tables, "encoder": SMALL, "decoder": SMALL}, ModelConfig)
    model = build_model(config).eval()
    frames = np.zeros((48, 27), np.float32)
    frames[::4, 0] = 1
    frames[2::4, 2] = 1
    short = Performance(frames[:16], 90)
    written = humanise(model, [Performance(frames, 120), short])
    assert [len(part) for part in written] == [48, 16]
    assert (written[0][:, :9] == frames[:, :9]).all()
    assert (written[1][:, :9] == frames[:16, :9]).all()
    assert (written[0][::4, 9] > 0).all()


@pytest.mark.parametrize("told", [None, {"channels": 3}])
def test_the_picture_has_just_the_hits_that_were_heard(corpus: Corpus, told: dict[str, int] | None) -> None:
    torch.manual_seed(0)
    tables = {"representation": "groove", "bars": 2, "z_size": 8, "task": "humanize", "told": told}
    model = build_model(msgspec.convert({**tables, "encoder": SMALL, "decoder": SMALL}, ModelConfig)).eval()
    assert isinstance(model, VAE)
    rows, names = reconstructions(model, corpus, representation("groove", 2), "train", 3)
    assert names == ["original", "heard", "humanised"]
    heard, humanised = ([(n.pitch, round(4 * n.start_beats)) for n in row[0].notes] for row in rows[1:])
    assert heard == humanised == [(38, step) for step in range(0, 32, 4)]


def test_only_a_groove_corpus_has_feel(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds melody"):
        performances(Corpus.open(melody_corpus(tmp_path)), "test")

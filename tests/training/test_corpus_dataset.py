import shutil
from pathlib import Path

import numpy as np
import pytest
from corpus_files import Part, tune, write_midi
from hypothesis import given
from hypothesis import strategies as st

from engine.music.representation import representation
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.corpus_kinds import KINDS
from training.corpus.dataset import Corpus, shifts_within
from training.corpus.sampler import EpochSampler
from training.errors import CorpusError

FORMS = {"words": ("melody", slice(0, 1)), "accompaniment": ("accompaniment", slice(1, 4))}
"""Representation and its columns, of kinds whose batches have what surrounds the music in others."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with a high line, a bass and drums, all different."""
    root = tmp_path_factory.mktemp("music")
    for seed in range(6):
        rng = np.random.default_rng(seed)
        write_midi(
            root / f"{seed}.mid",
            [
                Part(tune((85 + rng.integers(0, 22, 160)).tolist()), name="Lead"),
                Part(tune((28 + rng.integers(0, 22, 80)).tolist(), step=1), name="Bass", program=33),
                Part(tune(rng.choice([36, 38, 42], 160).tolist()), name="Kit", channel=9),
            ],
        )
    return root


@pytest.fixture(scope="module", params=sorted(KINDS))
def corpus(request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    path = tmp_path_factory.mktemp("corpus")
    build_corpus([folder], path, BuildOptions(kind=request.param, bars=(2, 16), executor="serial"))
    return Corpus.open(path)


@pytest.fixture(scope="module")
def melody(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    path = tmp_path_factory.mktemp("melody")
    build_corpus([folder], path, BuildOptions(kind="melody", bars=(2, 16), executor="serial"))
    return Corpus.open(path)


def test_batches_have_the_shape_of_their_representation(corpus: Corpus) -> None:
    name, columns = FORMS.get(corpus.kind.name, (corpus.kind.name, slice(None)))
    form = representation(name, corpus.bars)
    batch = corpus.batch(corpus.window_ids("train")[:5], np.random.default_rng(0), 6)
    assert batch.dtype == (np.int64 if form.streams else np.float32)
    assert batch.shape[:2] == (5, form.steps)
    for window in np.where(batch == -1, 0, batch)[..., columns]:  # a voice that a file has not is silent
        np.testing.assert_allclose(form.encode(form.decode(window)), window, atol=2e-3)


def test_every_split_is_passed_once_in_order(corpus: Corpus) -> None:
    total = 0
    for split in ("train", "valid", "test"):
        ids = corpus.window_ids(split)
        assert len(corpus.windows(split)) == len(ids)
        batches = list(corpus.batches(split, 7))
        assert sum(map(len, batches)) == len(ids)
        if len(ids):
            np.testing.assert_array_equal(np.concatenate(batches), corpus.batch(ids))
        total += len(ids)
    assert total == len(corpus.table)
    assert set(corpus.files_of(np.arange(total)).tolist()) == set(range(6))


def test_transposition_is_drawn_anew_and_moves_whole_windows(melody: Corpus) -> None:
    rng = np.random.default_rng(3)
    ids = np.repeat(melody.window_ids("train")[:4], 500)
    plain, moved = melody.batch(ids), melody.batch(ids, rng, 6)
    notes = plain >= 2
    assert (moved[~notes] == plain[~notes]).all()
    shifts = [set((m - p)[n].tolist()) for m, p, n in zip(moved, plain, notes, strict=True)]
    assert all(len(found) == 1 for found in shifts)
    drawn = {shift for found in shifts for shift in found}
    assert min(drawn) == -6
    assert moved.max() <= 89
    assert len(drawn) > 6


@given(st.integers(21, 108), st.integers(0, 40), st.integers(0, 12), st.floats(0, 1, exclude_max=True))
def test_shifts_stay_in_range_and_reach_its_ends(low: int, span: int, transpose: int, uniform: float) -> None:
    high = min(108, low + span)
    bounds = np.array([low], np.uint8), np.array([high], np.uint8)
    (shift,) = shifts_within(*bounds, transpose, np.array([uniform])).tolist()
    assert abs(shift) <= transpose
    assert low + shift >= 21
    assert high + shift <= 108
    (lowest,) = shifts_within(*bounds, transpose, np.array([0.0])).tolist()
    (highest,) = shifts_within(*bounds, transpose, np.array([1 - 1e-12])).tolist()
    assert lowest == -min(transpose, low - 21)
    assert highest == min(transpose, 108 - high)


def test_windows_without_pitches_are_not_moved() -> None:
    nothing = np.zeros(3, np.uint8)
    assert shifts_within(nothing, nothing, 6, np.array([0.0, 0.5, 0.9])).tolist() == [0, 0, 0]


def test_opening_says_what_is_wrong(melody: Corpus, tmp_path: Path) -> None:
    assert Corpus.open(melody.path, 16).steps == 256
    with pytest.raises(CorpusError, match="windows of 2, 16 bars, not 4"):
        Corpus.open(melody.path, 4)
    with pytest.raises(CorpusError, match="no corpus there; make it"):
        Corpus.open(tmp_path)
    (tmp_path / "shards").mkdir()  # of a build that was stopped
    with pytest.raises(CorpusError, match="no corpus there; make it"):
        Corpus.open(tmp_path)
    (tmp_path / "song.mid").touch()
    with pytest.raises(CorpusError, match="holds something else than a corpus; name the folder of one"):
        Corpus.open(tmp_path)
    with pytest.raises(CorpusError, match="mid: is a file; name the folder of a corpus"):
        Corpus.open(tmp_path / "song.mid")
    with pytest.raises(CorpusError, match=r"cannot be read \(file name too long\); name the folder of a"):
        Corpus.open(tmp_path / ("x" * 300))
    with pytest.raises(CorpusError, match="split 'dev': unknown"):
        melody.window_ids("dev")
    (tmp_path / "corpus.json").write_text('{"schema": 0}')
    with pytest.raises(CorpusError, match="schema 0"):
        Corpus.open(tmp_path)


def test_a_file_that_is_gone_of_a_corpus_is_named(melody: Corpus, tmp_path: Path) -> None:
    shutil.copytree(melody.path, tmp_path / "corpus")
    (tmp_path / "corpus" / "segments.npy").unlink()
    with pytest.raises(CorpusError, match=r"corpus: lacks segments\.npy; build it again with the same"):
        Corpus.open(tmp_path / "corpus")


# Sampler ------------------------------------------------------------------------------------

sizes = st.tuples(st.integers(1, 60), st.integers(1, 8), st.integers(1, 4), st.integers(0, 2**31))


@given(sizes)
def test_an_epoch_draws_each_item_at_most_once(size: tuple[int, int, int, int]) -> None:
    count, batch, _, seed = size
    sampler = EpochSampler(count, batch, seed=seed)
    drawn = np.concatenate([sampler.next().items for _ in range(sampler.batches_per_epoch)])
    assert sampler.epoch == 1
    if count >= batch:
        assert len(set(drawn.tolist())) == len(drawn) == count // batch * batch
    else:
        assert set(drawn.tolist()) == set(range(count))


@given(sizes)
def test_ranks_together_draw_what_one_process_draws(size: tuple[int, int, int, int]) -> None:
    count, batch, ranks, seed = size
    whole = EpochSampler(count, batch * ranks, seed=seed)
    parts = [EpochSampler(count, batch, seed=seed, rank=rank, world_size=ranks) for rank in range(ranks)]
    for _ in range(2 * whole.batches_per_epoch):
        expected, shares = whole.next(), [part.next() for part in parts]
        assert np.concatenate([share.items for share in shares]).tolist() == expected.items.tolist()
        assert np.concatenate([share.uniforms for share in shares]).tolist() == expected.uniforms.tolist()


@given(sizes, st.integers(0, 20))
def test_a_restored_sampler_goes_on_with_the_same_draws(size: tuple[int, int, int, int], before: int) -> None:
    count, batch, _, seed = size
    sampler = EpochSampler(count, batch, seed=seed)
    for _ in range(before):
        sampler.next()
    other = EpochSampler(count, batch, seed=seed + 1)
    other.load_state(sampler.state())
    for _ in range(5):
        one, two = sampler.next(), other.next()
        assert one.items.tolist() == two.items.tolist()
        assert one.uniforms.tolist() == two.uniforms.tolist()


def test_epochs_differ_and_bad_sizes_are_refused() -> None:
    sampler = EpochSampler(100, 100)
    assert sampler.next().items.tolist() != sampler.next().items.tolist()
    for arguments in ({"count": 0, "batch_size": 1}, {"count": 1, "batch_size": 1, "rank": 1}):
        with pytest.raises(ValueError, match="must be"):
            EpochSampler(**arguments)  # type: ignore[arg-type]

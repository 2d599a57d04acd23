"""Words and sentences measured: what a perfect and an idle model get, and how a bundle is played."""

from pathlib import Path

import numpy as np
import pytest
import torch
from corpus_files import Part, write_midi
from small_words import SMALL_WORDS

from engine.inference.controls import Controls
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.music.notes import Note, Phrase
from training.config import KeyChainConfig, ModelConfig, RunConfig, SentencesConfig
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.dataset import Corpus
from training.evaluation.core_metrics import core_metrics
from training.evaluation.loaded_model import Subject
from training.evaluation.musicality.continued import played_on
from training.evaluation.musicality.played_words import PlayedWords
from training.evaluation.pictures import samples_picture
from training.evaluation.sentences import evaluate_sentences
from training.evaluation.words import evaluate_words
from training.models.build import build_model, whole_start


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("words")
    for song in range(8):
        rng = np.random.default_rng(song)
        theme = rng.choice([60, 62, 64, 65, 67, 69, 71], 8).tolist()
        other = rng.choice([60, 62, 64, 65, 67, 69, 71], 8).tolist()
        pitches = [*theme, *other, *theme, *theme] * 4
        notes = [(beat, 0.9, pitch) for beat, pitch in enumerate(pitches)]
        write_midi(root / "in" / f"{song}.mid", [Part(notes)])
    build_corpus([root / "in"], root / "out", BuildOptions(kind="words", bars=(2, 16), executor="serial"))
    return root / "out"


def test_words_that_were_not_trained_get_little_right_and_all_is_counted(folder: Path) -> None:
    torch.manual_seed(1)
    corpus = Corpus.open(folder, 2)
    metrics = evaluate_words(build_model(ModelConfig(words=SMALL_WORDS)), corpus, "train", 64)
    assert metrics["windows"] == min(64, len(corpus.window_ids("train")))
    assert 0 <= metrics["note_f1"] < 0.3
    assert metrics["coarse_bits"] < metrics["kl_bits"]
    assert 0.5 < metrics["own_key_sampled"] <= 1


def test_sentences_count_the_words_that_come_back(folder: Path) -> None:
    corpus = Corpus.open(folder, 16)
    model = build_model(
        ModelConfig(bars=16, words=SMALL_WORDS, sentences=SentencesConfig(channels=8, hidden=8))
    )
    metrics = evaluate_sentences(model, corpus, "train", 16)
    assert metrics["related_share"] > 0.6  # theme, other, theme, theme
    assert 0 < metrics["back_nats_by_place"] < np.log(9)


def test_sentences_begin_with_the_weights_of_words() -> None:
    torch.manual_seed(2)
    words = build_model(ModelConfig(words=SMALL_WORDS))
    model = build_model(
        ModelConfig(bars=4, words=SMALL_WORDS, sentences=SentencesConfig(channels=8, hidden=8))
    )
    model.load_state_dict(whole_start(model, words.state_dict()))
    assert all(
        torch.equal(model.words.state_dict()[name], value) for name, value in words.state_dict().items()
    )
    assert not any(parameter.requires_grad for parameter in model.words.parameters())
    own = model.state_dict()
    assert whole_start(model, own) is own


def played_sentences() -> PlayedWords:
    """Return a small model of sentences of 16 bars with new weights."""
    torch.manual_seed(3)
    model = ModelConfig(bars=16, words=SMALL_WORDS, sentences=SentencesConfig(channels=8, hidden=8))
    subject = Subject(
        Path("s"), RunConfig(name="s", corpus="", model=model), build_model(model).eval(), is_bundle=False
    )
    return PlayedWords(subject)


def test_what_is_played_in_torch_keeps_the_ends(folder: Path) -> None:
    corpus, played = Corpus.open(folder, 16), played_sentences()
    phrase = played.representation.decode(corpus.batch(corpus.window_ids("train")[:1])[0, :, :1])
    slot = encode_slot(played, phrase)
    assert render(played, {"heard": slot}, Controls(variation=0.0, seed=4)).notes == phrase.notes
    assert render(played, {"heard": slot}, Controls(variation=1.0, seed=4)).notes != phrase.notes
    assert render(played, {}, Controls(mode="generate", seed=1)).bars == 16


def test_what_sentences_continue_with_stands_beside_what_followed(folder: Path) -> None:
    corpus, played = Corpus.open(folder, 16), played_sentences()
    ids = corpus.window_ids("train")[:4]
    phrases = [played.representation.decode(window[:, :1]) for window in corpus.batch(ids)]
    found = played_on(played, phrases, 1)
    assert list(found) == ["what really followed", "written", "another piece"]
    # Theme, other, theme, theme and again: half of the phrase has all that comes.
    assert found["what really followed"]["motifs"] == 1
    assert found["what really followed"]["notes"] == 1
    assert found["what really followed"]["as dense"] == 1
    assert 0 <= found["written"]["motifs"] <= 1 and found["written"]["notes"] > 0


def test_sets_of_few_phrases_are_drawn_beside_larger_ones() -> None:
    beat = Phrase.of([Note(0.0, 60, 1.0)], 2)
    assert len(samples_picture({"music": [beat] * 5, "draws": [beat] * 2}).axes) == 2 * 2
    assert len(samples_picture({"music": [beat] * 5, "draws": [beat] * 6}).axes) == 2 * 4


def test_a_piano_is_measured_by_its_strokes_from_the_coarse_part_beside_what_was_played(
    tmp_path: Path,
) -> None:
    for song in range(3):  # of each beat a chord of three keys, and a rest of one step before the next
        chords = [(beat, 0.75, 60 + song + key) for beat in range(32) for key in (0, 4, 7)]
        write_midi(tmp_path / "in" / f"{song}.mid", [Part(chords)])
    options = BuildOptions(kind="pianoroll", bars=(2,), executor="serial")
    build_corpus([tmp_path / "in"], tmp_path / "out", options)
    torch.manual_seed(2)
    chain = KeyChainConfig(hidden=8, channels=8, key_channels=4, chain=4)
    model = build_model(ModelConfig(representation="pianoroll", words=SMALL_WORDS, key_chain=chain)).eval()
    for weight in model.parameters():
        weight.data.zero_()  # every key is held or struck with chance one half
    metrics = core_metrics(model, Corpus.open(tmp_path / "out", 2), "train", 8)
    assert metrics["strokes_a_bar"] == 12
    assert metrics["sounding_keys"] == pytest.approx(3 * 0.75)
    assert metrics["coarse_nats_a_stroke"] == pytest.approx(32 * 88 * np.log(2) / 24, rel=1e-4)
    assert metrics["coarse_sounding_keys"] > 5
    assert 0 < metrics["coarse_strokes_a_bar"] <= 8 * 16
    assert metrics["free_running"] == 0.25
    assert metrics["note_f1"] == 0

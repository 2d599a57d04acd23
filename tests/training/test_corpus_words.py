"""Lines with chord, key and the bar before: extraction, the move into one key, metres, joined corpora."""

from pathlib import Path

import numpy as np
import pytest
from corpus_files import Part, write_midi
from hypothesis import given
from hypothesis import strategies as st

from training.config import DataConfig
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.chord_tables import chords_beside
from training.corpus.dataset import Corpus
from training.corpus.extract.bars import Run
from training.corpus.extract.reader import read_piece
from training.corpus.extract.words import (
    BEFORE,
    CHORD,
    TOKEN,
    TONIC,
    chord_bits,
    recognised_chords,
    step_chords,
    words_segments,
)
from training.corpus.joined import JoinedCorpora, JoinedSampler
from training.corpus.metres import METRES, metre_named
from training.corpus.sources import SourceFile
from training.corpus.to_model_tensor import present_words
from training.errors import CorpusError

C_MAJOR = (60, 62, 64, 65, 67, 69, 71, 72)
D_MAJOR = tuple(pitch + 2 for pitch in C_MAJOR)


def line(pitches: tuple[int, ...], bars: int, beats_per_bar: float = 4) -> Part:
    """A note a beat, up and down the pitches."""
    order = (*pitches, *reversed(pitches))
    return Part([(beat, 1, order[beat % len(order)]) for beat in range(int(bars * beats_per_bar))])


def test_a_step_has_its_chord_its_key_and_the_token_of_the_bar_before(tmp_path: Path) -> None:
    piece = read_piece(write_midi(tmp_path / "a.mid", [line(D_MAJOR, 4)]))
    source = SourceFile("", "", "", chords=((0, "N"), (4 * 480, "D:maj"), (6 * 480, "Asus4/E")))
    (segment,) = words_segments(piece, source)
    steps = segment.steps
    assert set(steps[:, TONIC]) == {2}
    assert set(steps[:16, CHORD]) == {0}
    assert steps[16, CHORD] == (1 << 2 | 1 << 6 | 1 << 9)
    assert steps[24, CHORD] == (1 << 9 | 1 << 2 | 1 << 4)
    assert set(steps[:16, BEFORE]) == {0}
    assert np.array_equal(steps[16:, BEFORE], steps[:-16, TOKEN] + 1)


def test_a_chord_holds_from_the_beat_it_is_marked_at() -> None:
    source = SourceFile("", "", "", chords=((480, "C"), (1900, "G"), (1920, "F")))
    found = step_chords(source, Run(0, 2), 480)
    assert found[:4].tolist() == [0] * 4
    assert found[4:16].tolist() == [chord_bits("C")] * 12
    assert found[16:].tolist() == [chord_bits("F")] * 16


@given(tonic=st.integers(0, 11), notes=st.lists(st.integers(2, 89), min_size=32, max_size=32))
def test_every_key_is_moved_to_c_by_six_semitones_at_most(tonic: int, notes: list[int]) -> None:
    block = np.zeros((1, 32, 4), np.int64)
    block[0, :, TOKEN], block[0, :, TONIC] = notes, tonic
    block[0, :, CHORD], block[0, :, BEFORE] = 1 << tonic, np.array(notes) + 1
    tensor = present_words(block, np.zeros(1, np.int64))[0]
    moved = tensor[:, 0] - np.array(notes)
    assert set((moved + tonic) % 12) == {0}
    inside = (np.array(notes) > 12) & (np.array(notes) < 80)
    assert (np.abs(moved[inside]) <= 6).all()
    assert ((tensor[:, 0] >= 2) & (tensor[:, 0] < 90)).all()
    assert set(tensor[:, 1]) == {1}
    assert np.array_equal(tensor[:, 2], tensor[:, 0])


def test_events_without_a_pitch_and_unknown_surroundings_do_not_move() -> None:
    block = np.zeros((1, 32, 4), np.int64)
    block[0, :, TONIC] = 7
    block[0, 1, TOKEN] = 1
    tensor = present_words(block, np.zeros(1, np.int64))[0]
    assert tensor[:2].tolist() == [[0, 0, -1], [1, 0, -1]]


def test_a_table_of_chords_is_read_and_a_bad_tick_is_named(tmp_path: Path) -> None:
    write_midi(tmp_path / "good" / "a.mid", [line(C_MAJOR, 4)])
    (tmp_path / "good" / "chords.csv").write_text("path,tick,chord\nset/a.mid,0,Am\nset/b.mid,9,C\n")
    assert chords_beside(tmp_path / "good" / "a.mid") == ((0, "Am"),)
    assert chords_beside(tmp_path / "good" / "c.mid") == ()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "chords.csv").write_text("path,tick,chord\na.mid,soon,Am\n")
    with pytest.raises(CorpusError, match=r"row 2: tick 'soon'"):
        chords_beside(tmp_path / "bad" / "a.mid")


@pytest.mark.parametrize("name", METRES)
def test_a_corpus_has_the_bars_of_its_metre_and_no_others(tmp_path: Path, name: str) -> None:
    metre = metre_named(name)
    beats = metre.grid.beats_per_bar
    signature = max(metre.signatures)
    other = (5, 4)
    write_midi(
        tmp_path / "in" / "a.mid", [line(C_MAJOR, 30, beats)], metres=((0, *signature), (8 * beats, *other))
    )
    build_corpus(
        [tmp_path / "in"],
        tmp_path / "out",
        BuildOptions(kind="words", metre=name, bars=(2,), executor="serial"),
    )
    corpus = Corpus.open(tmp_path / "out", 2)
    assert corpus.metre == metre
    assert len(corpus.data) == 8 * metre.grid.steps_per_bar
    batch = corpus.batch(np.arange(len(corpus.table)))
    assert batch.shape[1:] == (2 * metre.grid.steps_per_bar, 4)
    assert set(batch[..., 3].flat) == {list(METRES).index(name)}


def test_an_unknown_metre_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"metre '5/4': unknown; choose one of 4/4, 3/4"):
        metre_named("5/4")


def test_joined_corpora_give_batches_of_one_metre_and_draw_as_their_shares_say(tmp_path: Path) -> None:
    paths = []
    for number, (name, beats) in enumerate((("4/4", 4), ("3/4", 3))):
        for song in range(3):
            pitches = tuple(np.random.default_rng(10 * number + song).integers(55, 75, 11).tolist())
            write_midi(
                tmp_path / f"in{number}" / f"{song}.mid",
                [line(pitches, 40, beats)],
                metres=((0, beats, 4),),
            )
        options = BuildOptions(kind="words", metre=name, bars=(2,), executor="serial")
        build_corpus([tmp_path / f"in{number}"], tmp_path / str(number), options)
        paths.append(tmp_path / str(number))
    joined = JoinedCorpora.open(paths, 2)
    assert joined.sha256 != joined.first.sha256
    assert JoinedCorpora.open(paths[:1], 2).sha256 == joined.first.sha256
    sampler = JoinedSampler(joined.train_counts, (0.75, 0.25), 4, seed=3)
    steps = []
    for _ in range(200):
        draw = sampler.next()
        steps.append(joined.train_batch(draw.items, DataConfig(transpose=0), draw.uniforms).shape[1])
    assert set(steps) == {32, 24}
    assert 120 < steps.count(32) < 180
    twin = JoinedSampler(joined.train_counts, (0.75, 0.25), 4, seed=3)
    twin.load_state(sampler.state())
    assert np.array_equal(twin.next().items, sampler.next().items)


def test_chords_that_no_table_names_are_recognised_in_what_all_parts_play(tmp_path: Path) -> None:
    chords = Part(
        [(4 * bar, 4, pitch) for bar, root in enumerate((48, 53)) for pitch in (root, root + 4, root + 7)]
    )
    piece = read_piece(write_midi(tmp_path / "a.mid", [line(C_MAJOR, 2), chords]))
    assert recognised_chords(piece, Run(0, 2)).tolist() == [chord_bits("C")] * 16 + [chord_bits("F")] * 16
    alone = read_piece(write_midi(tmp_path / "b.mid", [line(C_MAJOR, 2)]))
    assert recognised_chords(alone, Run(0, 2)).tolist() == [0] * 32

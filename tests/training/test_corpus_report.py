import struct
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from corpus_files import Part, tune, write_midi
from matplotlib.backends.backend_agg import FigureCanvasAgg
from typer.testing import CliRunner

from engine.music.scales import PITCH_NAMES
from training.cli import app
from training.corpus.build.build import BuildOptions, build_corpus
from training.corpus.corpus_kinds import KINDS
from training.corpus.dataset import Corpus
from training.corpus.extract.reader import read_piece
from training.corpus.report.page import write_report
from training.corpus.report.plots import by_number, figures
from training.corpus.report.splits_compared import compare_splits
from training.corpus.report.statistics import estimate_key, statistics_of
from training.corpus.report.survey import survey
from training.errors import CorpusError

NOTES = ("note_lengths", "polyphony", "pitches_by_split")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four songs of melody, bass and drums, a waltz and a broken file."""
    root = tmp_path_factory.mktemp("music")
    for seed in range(4):
        scale = np.array([60, 62, 64, 65, 67, 69, 71, 72])
        melody = np.random.default_rng(seed).choice(scale, 64).tolist()
        write_midi(
            root / f"song{seed}.mid",
            [
                Part(tune([*melody, 60, 64, 67, 60]), name="Lead <b>"),
                Part(tune([36] * 32, step=1), name="Bass", program=33),
                Part([(beat, 0.1, 36 if beat % 2 else 38, 90) for beat in range(32)], channel=9),
            ],
            bpm=90 + 10 * seed,
        )
    write_midi(root / "waltz.mid", [Part(tune([60] * 24))], metres=[(0, 3, 4)])
    (root / "broken.mid").write_bytes(b"MThd")
    return root


def corpus_of(folder: Path, tmp_path: Path, kind: str) -> Path:
    bars = (2, 4)
    build_corpus([folder], tmp_path / "corpus", BuildOptions(kind=kind, bars=bars, executor="serial"))
    return tmp_path / "corpus"


def test_numbers_are_those_of_the_files(folder: Path, tmp_path: Path) -> None:
    numbers = survey(Corpus.open(corpus_of(folder, tmp_path, "trio")))
    assert sorted(numbers.tempos_bpm) == [90, 100, 110, 120]
    assert numbers.metre_beats == {"4/4": 4 * 34}
    assert numbers.works == numbers.files == {"train": 4, "valid": 1, "test": 1}  # sections are held out
    assert set(numbers.keys) == {"C major"}
    assert numbers.pitches[36] == 4 * 32  # the bass; melodies begin at 60
    assert numbers.pitches.sum() == 4 * (32 + 68)
    assert numbers.drum_classes[:2].tolist() == [4 * 16, 4 * 16]
    assert np.bincount(numbers.onsets_per_bar).tolist() == [0] * 4 + [4] + [0] * 3 + [32]


def test_refused_metres_are_counted(folder: Path, tmp_path: Path) -> None:
    assert survey(Corpus.open(corpus_of(folder, tmp_path, "melody"))).refused_metres == {"3/4": 1}


def test_feel_is_counted_for_grooves(folder: Path, tmp_path: Path) -> None:
    numbers = survey(Corpus.open(corpus_of(folder, tmp_path, "groove")))
    assert numbers.velocities[90] == numbers.velocities.sum() == 4 * 32
    assert numbers.offsets[len(numbers.offsets) // 2] == numbers.offsets.sum() == 4 * 32


@pytest.mark.parametrize(
    ("kind", "plots"),
    [
        ("melody", {"keys", "pitches", *NOTES, "intervals"}),
        ("drums", {"keys", "drums", "drums_by_split"}),
        ("groove", {"keys", "drums", "feel", "drums_by_split", "velocities_by_drum"}),
        ("trio", {"keys", "pitches", "drums", *NOTES, "intervals", "drums_by_split"}),
        ("words", {"keys", "pitches", *NOTES, "intervals"}),
        ("accompaniment", {"keys", "pitches", "drums", *NOTES, "intervals", "drums_by_split"}),
        ("pianoroll", {"keys", "pitches", *NOTES, "intervals"}),
    ],
)
def test_the_page_carries_its_plots(folder: Path, tmp_path: Path, kind: str, plots: set[str]) -> None:
    page = write_report(corpus_of(folder, tmp_path, kind), tmp_path / "report")
    text = page.read_text(encoding="utf-8")
    expected = plots | {"rejected", "windows", "metres", "tempos", "density", "density_by_split", "examples"}
    assert {path.stem for path in page.parent.glob("*.png")} == expected
    assert text.count("data:image/png;base64,") == len(expected)
    assert "http" not in text  # nothing is fetched
    assert "file ends inside its header" in text
    for picture in page.parent.glob("*.png"):
        width, height = struct.unpack(">II", picture.read_bytes()[16:24])
        assert width > 300
        assert height > 100


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_titles_lie_inside_their_plot_and_beside_each_other(folder: Path, tmp_path: Path, kind: str) -> None:
    corpus = Corpus.open(corpus_of(folder, tmp_path, kind))
    for name, figure in figures(corpus, corpus.info, survey(corpus), compare_splits(corpus)).items():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        titles = [
            title.get_window_extent(renderer)
            for axes in figure.axes
            for title in (axes._left_title, axes.title, axes._right_title)  # type: ignore[attr-defined]
            if title.get_text()
        ]
        for title in titles:
            assert figure.bbox.x0 <= title.x0, name
            assert title.x1 <= figure.bbox.x1, name
        assert not any(one.overlaps(other) for one, other in combinations(titles, 2)), name


def test_notes_and_keys_have_the_names_that_they_have_everywhere(folder: Path, tmp_path: Path) -> None:
    corpus = Corpus.open(corpus_of(folder, tmp_path, "melody"))
    made = figures(corpus, corpus.info, survey(corpus), compare_splits(corpus))
    for figure in made.values():
        FigureCanvasAgg(figure).draw()
    keys = [label.get_text() for label in made["keys"].axes[0].get_xticklabels()]
    assert keys == ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
    axes = made["examples"].axes[0]
    named = {
        round(at): label.get_text()
        for at, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    }
    assert named
    assert all(PITCH_NAMES[pitch] == name for pitch, name in named.items())
    middle = sum(made["rejected"].axes[0].get_ylim()) / 2
    assert middle == (len(corpus.info["rejected"]) + 1 - 1) / 2  # bars stand in the middle of their plot


@pytest.mark.parametrize("is_new", [True, False])
def test_a_report_that_cannot_be_written_leaves_what_was_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    corpus = corpus_of(folder, tmp_path, "melody")
    if not is_new:
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "index.html").write_text("old")
    before = sorted(tmp_path.rglob("*"))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    said = r"report: the report cannot be written \(no space left on device\); choose another place with -o"
    with pytest.raises(CorpusError, match=said):
        write_report(corpus, tmp_path / "report")
    assert sorted(tmp_path.rglob("*")) == before
    assert is_new or (tmp_path / "report" / "index.html").read_bytes() == b"old"


def test_names_are_sorted_by_their_numbers() -> None:
    names = ["drummer10", "drummer2", "funk", "drummer1"]
    assert sorted(names, key=by_number) == ["drummer1", "drummer2", "drummer10", "funk"]


def test_every_kind_of_corpus_has_a_page() -> None:
    (shown,) = (mark for mark in test_the_page_carries_its_plots.pytestmark if mark.name == "parametrize")
    assert {kind for kind, _ in shown.args[1]} == set(KINDS)


def test_bars_are_as_long_as_their_metre_and_division(tmp_path: Path) -> None:
    write_midi(tmp_path / "in" / "waltz.mid", [Part(tune([60, 64, 67] * 24, step=0.25))], metres=[(0, 3, 4)])
    options = BuildOptions(kind="pianoroll", metre="3/4", division=8, bars=(2,), executor="serial")
    build_corpus([tmp_path / "in"], tmp_path / "corpus", options)
    numbers = survey(Corpus.open(tmp_path / "corpus"))
    assert numbers.bar_steps == 3 * 8
    assert numbers.onsets_per_bar.tolist() == [12] * 6  # four notes a beat


def test_the_command_names_the_page_or_the_reason(folder: Path, tmp_path: Path) -> None:
    corpus = corpus_of(folder, tmp_path, "melody")
    result = CliRunner().invoke(app, ["corpus", "report", str(corpus), "-o", str(tmp_path / "r")])
    assert (result.exit_code, result.output.strip()) == (0, str(tmp_path / "r" / "index.html"))
    result = CliRunner().invoke(app, ["corpus", "report", str(folder), "-o", str(tmp_path / "r")])
    assert result.exit_code == 1
    assert "holds something else than a corpus; name the folder of one" in result.stderr


def test_statistics_of_a_file(tmp_path: Path) -> None:
    path = write_midi(
        tmp_path / "a.mid",
        [Part([(0, 6, 57), (6, 2, 60)]), Part([(0, 1, 36)], channel=9)],
        metres=[(0, 4, 4), (4, 2, 4)],
        bpm=72,
    )
    statistics = statistics_of(read_piece(path))
    assert (statistics.notes, statistics.tracks, statistics.beats, statistics.bpm) == (3, 2, 8, 72)
    assert statistics.metres == {"4/4": 4, "2/4": 4}


def test_keys_follow_the_profiles() -> None:
    major = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
    assert estimate_key(np.roll(major, 2)) == "D major"
    a_minor_triad = np.bincount([9, 9, 0, 4], minlength=12).astype(float)
    assert estimate_key(a_minor_triad) == "A minor"
    assert estimate_key(np.zeros(12)) == ""

"""Folders in, a corpus out, by every executor."""

import csv
import json
import os
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from corpus_files import Part, tune, write_midi
from typer.testing import CliRunner

from training.cli import app
from training.corpus.build.build import BuildOptions, BuildProgress, build_corpus
from training.corpus.build.command import remarks
from training.corpus.build.executors import why_ray_is_slower
from training.corpus.build.merge import _write_steps
from training.corpus.build.ray_cluster import _start_ray
from training.corpus.build.shards import WORK_FOLDER
from training.corpus.corpus_kinds import kind_named
from training.corpus.dataset import Corpus
from training.corpus.extract.selection import Selection
from training.errors import CorpusError


def random_tune(seed: int, bars: int = 8) -> list[tuple[float, ...]]:
    rng = np.random.default_rng(seed)
    return tune((60 + rng.integers(0, 24, bars * 8)).tolist())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve tunes, one of them again a fourth higher, a waltz, and two files that cannot be read."""
    root = tmp_path / "music"
    for seed in range(12):
        write_midi(root / f"tune{seed:02d}.mid", [Part(random_tune(seed))])
    higher = [(start, length, pitch + 5) for start, length, pitch in random_tune(0)]
    write_midi(root / "tune00_in_f.mid", [Part(higher)])
    write_midi(root / "waltz.mid", [Part(tune([60] * 12))], metres=[(0, 3, 4)])
    (root / "broken.mid").write_bytes(b"MThd")
    (root / "text.mid").write_bytes(b"this is a text, not music")
    return root


def options(**changes: object) -> BuildOptions:
    values: dict[str, object] = {
        "kind": "melody",
        "bars": (2, 4),
        "executor": "serial",
        "workers": 2,
        "files_per_shard": 4,
        **changes,
    }
    return BuildOptions(**values)  # type: ignore[arg-type]


WHOLE_WORKS_SEED = 6
"""A seed that holds some of the folder's works out whole."""


class Stages(BuildProgress):
    """Records each stage with its total and how far it came."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int | None, int]] = []
        self.advanced = 0

    def stage(self, name: str, total: int | None = None, done: int = 0) -> None:
        self.seen.append((name, total, done))

    def advance(self, units: int) -> None:
        name, total, done = self.seen[-1]
        self.seen[-1] = name, total, done + units
        self.advanced += units


def contents(corpus: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(corpus)): path.read_bytes()
        for path in sorted(corpus.rglob("*"))
        if path.is_file()
    }


def test_bad_files_end_in_the_report_and_good_ones_in_the_corpus(folder: Path, tmp_path: Path) -> None:
    info = build_corpus([folder], tmp_path / "corpus", options())
    assert info["rejected"] == {
        "file ends inside its header": 1,
        "no MIDI header": 1,
        "no bar in 4/4 or 2/2": 1,
    }
    with (tmp_path / "corpus" / "rejects.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["path"]: row["reason"] for row in csv.DictReader(stream)}
    assert rows["music/waltz.mid"] == "no bar in 4/4 or 2/2"
    assert info["other_metres"] == {"3/4": 1}
    assert info["files"] == 13
    assert info["sources"] == [
        {
            "set": "",
            "licence": "unknown",
            "rights": "unknown",
            "files": 13,
            "windows": info["sources"][0]["windows"],
        }
    ]


def test_a_transposed_copy_is_one_work_and_gives_no_window_of_its_own(folder: Path, tmp_path: Path) -> None:
    info = build_corpus([folder], tmp_path / "corpus", options(seed=WHOLE_WORKS_SEED))
    assert {entry["held_out"] for entry in info["windows"].values()} == {"works"}
    counts = info["windows"]["2"]
    assert counts["candidates"] == 13 * 7
    assert counts["train"] + counts["valid"] + counts["test"] == 12 * 7
    assert sum(counts["duplicates"].values()) == 7
    with (tmp_path / "corpus" / "files.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream)}
    one, other = rows["music/tune00.mid"], rows["music/tune00_in_f.mid"]
    assert (one["group"], one["split"]) == (other["group"], other["split"])
    assert len({row["group"] for row in rows.values()}) == 12


def test_a_corpus_of_another_kind_is_not_written_over(folder: Path, tmp_path: Path) -> None:
    before = build_corpus([folder], tmp_path / "corpus", options())
    with pytest.raises(CorpusError, match=r"corpus: holds a corpus of melody; give another -o, or remove it"):
        build_corpus([folder], tmp_path / "corpus", options(kind="pianoroll"))
    assert Corpus.open(tmp_path / "corpus", 2).sha256 == before["sha256"]
    (tmp_path / "corpus" / "corpus.json").write_text("{")
    assert (
        build_corpus([folder], tmp_path / "corpus", options(kind="pianoroll"))["config"]["kind"]
        == "pianoroll"
    )


def test_a_cluster_without_its_executor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="ray address there:1: add --executor ray, or leave it out"):
        build_corpus([tmp_path], tmp_path / "corpus", options(ray_address="there:1"))


def test_a_cluster_that_does_not_answer_is_refused_before_ray_waits_for_it() -> None:
    class Ray:
        def init(self, **options: object) -> None:
            raise AssertionError("Ray was asked to wait")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(CorpusError, match=r"nobody answers there .*ray start --head"):
        _start_ray(Ray(), 1, f"127.0.0.1:{port}")


@pytest.mark.parametrize("executor", ["pool", "ray"])
def test_every_executor_writes_the_same_bytes(folder: Path, tmp_path: Path, executor: str) -> None:
    if executor == "ray":
        pytest.importorskip("ray")
    for name in ("serial", executor):
        build_corpus([folder], tmp_path / name, options(executor=name))
    assert contents(tmp_path / "serial") == contents(tmp_path / executor)


@pytest.mark.parametrize(
    ("files", "shards", "address", "said"),
    [
        (90_000, 400, "", "on one machine Ray runs the same processes as a pool"),
        (4_999, 20, "head:6379", "4999 files can be read in less time than Ray takes to start"),
        (90_000, 1, "head:6379", "one unit of work, for one worker; lower --files-per-shard"),
        (90_000, 400, "head:6379", None),
    ],
)
def test_it_is_said_where_ray_is_the_slower_way(
    monkeypatch: pytest.MonkeyPatch, files: int, shards: int, address: str, said: str | None
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    remark = why_ray_is_slower(files, shards, address)
    assert said in remark if said else remark == ""


def test_the_address_of_a_cluster_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert why_ray_is_slower(90_000, 400, "") == ""


def test_an_executor_that_is_not_installed_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CorpusError, match="Ray is not installed"):
        build_corpus([folder], tmp_path / "corpus", options(executor="ray"))
    with pytest.raises(CorpusError, match="'abacus': unknown"):
        build_corpus([folder], tmp_path / "corpus", options(executor="abacus"))
    assert not (tmp_path / "corpus").exists()


def test_a_second_run_reads_nothing_and_changes_nothing(folder: Path, tmp_path: Path) -> None:
    first, second = Stages(), Stages()
    build_corpus([folder], tmp_path / "corpus", options(), first)
    before = contents(tmp_path / "corpus")
    build_corpus([folder], tmp_path / "corpus", options(), second)
    assert contents(tmp_path / "corpus") == before
    assert first.seen == [("listing files", None, 0), ("reading files", 16, 16), ("cutting windows", 4, 4)]
    assert second.seen[1] == ("reading files", 16, 16)
    assert second.advanced == 4


def test_an_interrupted_shard_is_built_again(folder: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    build_corpus([folder], corpus, options())
    before = contents(corpus)
    shard = corpus / WORK_FOLDER / "shard-00001"
    (shard / "_DONE").unlink()
    (shard / "steps.npy").write_bytes(b"half written")
    stages = Stages()
    build_corpus([folder], corpus, options(), stages)
    assert stages.seen[1] == ("reading files", 16, 16)
    assert stages.advanced == 4 + 4
    assert contents(corpus) == before


def test_the_seed_moves_works_and_the_hash_follows_the_content(folder: Path, tmp_path: Path) -> None:
    infos = [build_corpus([folder], tmp_path / f"corpus{seed}", options(seed=seed)) for seed in range(8)]
    assert len({info["sha256"] for info in infos}) > 1
    again = build_corpus([folder], tmp_path / "again", options(seed=3))
    assert again["sha256"] == infos[3]["sha256"]


def test_impossible_options_are_refused(folder: Path, tmp_path: Path) -> None:
    for changes, words in (
        ({"kind": "opera"}, "kind 'opera': unknown"),
        ({"bars": (0,)}, "from 1 to 64 bars"),
        ({"executor": "abacus"}, "executor 'abacus': unknown"),
        ({"kind": "trio"}, "no usable window; 16 files rejected.* see rejects.csv; try another --kind$"),
        ({"metre": "6/8"}, r"'no bar in 6/8' \(14\); see rejects.csv; try --metre 4/4 or --metre 3/4$"),
        ({"bars": (64,)}, r"segment too short'; give longer files, or fewer --bars$"),
        ({"selection": Selection(("lead*",))}, "those asked for' .*; try other --tracks or --programs$"),
    ):
        with pytest.raises(CorpusError, match=words):
            build_corpus([folder], tmp_path / "corpus", options(**changes))


# The command --------------------------------------------------------------------------------


def test_the_command_prints_what_became_of_the_files(folder: Path, tmp_path: Path) -> None:
    arguments = ["corpus", "build", str(folder), "-o", str(tmp_path / "corpus"), "--bars", "2"]
    result = CliRunner().invoke(app, [*arguments, "--executor", "serial"])
    assert result.exit_code == 0
    assert "13 of 16 files used" in result.output
    assert "no bar in 4/4 or 2/2" in result.output
    remedy = "most of them is in: 3/4 (1); a corpus of theirs: --metre 3/4, with another -o."
    assert f"Files left out for their metre, by what {remedy}" in result.stderr
    assert Corpus.open(tmp_path / "corpus").bars == 2
    assert json.loads((tmp_path / "corpus" / "corpus.json").read_text())["config"]["bars"] == [2]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"4/4": 3, "9/8": 2, "2/2": 1}, "4/4 (3), 9/8 (2), 2/2 (1); a corpus of theirs: --metre 4/4, with"),
        ({"6/8": 3, "2/4": 2}, "6/8 (3), 2/4 (2); a corpus of theirs: --metre 6/8 or --metre 2/4, with"),
        ({"9/8": 2}, "9/8 (2); no corpus holds these."),
        (
            {f"{count}/16": 1 for count in range(1, 8)},
            "1/16 (1), 2/16 (1), 3/16 (1), 4/16 (1), 5/16 (1), 6/16 (1) ...; no corpus holds these.",
        ),
    ],
)
def test_metres_that_files_were_left_out_for_name_what_can_be_asked_for(
    found: dict[str, int], said: str
) -> None:
    (line,) = remarks({"windows": {}, "other_metres": found})
    assert line.startswith(f"Files left out for their metre, by what most of them is in: {said}")


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["corpus", "build", str(tmp_path / "none"), "-o", str(tmp_path / "c")])
    assert result.exit_code == 1
    assert result.stderr.strip().endswith("no such file or folder; give folders that hold MIDI files")
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="names there are not bytes")
@pytest.mark.parametrize("executor", ["serial", "pool"])
def test_names_that_are_not_utf_8_are_read_and_written_escaped(tmp_path: Path, executor: str) -> None:
    root = tmp_path / os.fsdecode(b"m\xfcsik")
    names = [b"caf\xe9.mid", b"\xff\xfe.mid", b"a[red]b.mid", b"line\nbreak.mid", "löwe.mid".encode()]
    for seed, name in enumerate(names):
        write_midi(root / os.fsdecode(name), [Part(random_tune(seed))])
    (root / os.fsdecode(b"br\xf6ken.mid")).write_bytes(b"no music")
    arguments = ["corpus", "build", str(root), "-o", str(tmp_path / "corpus"), "--bars", "2"]
    shown = CliRunner().invoke(app, [*arguments, "--executor", executor, "--workers", "1"])
    assert shown.exit_code == 0, shown.output
    assert "5 of 6 files used" in shown.output
    with (tmp_path / "corpus" / "files.csv").open(encoding="utf-8", newline="") as stream:
        found = {row["path"] for row in csv.DictReader(stream)}
    assert found == {
        "m\\xfcsik/caf\\xe9.mid",
        "m\\xfcsik/\\xff\\xfe.mid",
        "m\\xfcsik/a[red]b.mid",
        "m\\xfcsik/line\\x0abreak.mid",
        "m\\xfcsik/löwe.mid",
    }
    rejects = (tmp_path / "corpus" / "rejects.csv").read_text(encoding="utf-8")
    assert "m\\xfcsik/br\\xf6ken.mid,no MIDI header," in rejects


@pytest.mark.skipif(sys.platform == "win32", reason="names there are not bytes")
def test_a_manifest_in_another_encoding_still_finds_its_files(tmp_path: Path) -> None:
    write_midi(tmp_path / "in" / os.fsdecode(b"caf\xe9.mid"), [Part(random_tune(0))])
    manifest = b"path,licence,rights,set,work_id,split\ncaf\xe9.mid,CC0-1.0,ok,songs,L\xf6we,train\n"
    (tmp_path / "in" / "manifest.csv").write_bytes(manifest)
    info = build_corpus([tmp_path / "in"], tmp_path / "corpus", options(bars=(2,)))
    assert info["sources"][0] | {"windows": {}} == {
        "set": "songs",
        "licence": "CC0-1.0",
        "rights": "ok",
        "files": 1,
        "windows": {},
    }
    row = next(csv.DictReader((tmp_path / "corpus" / "files.csv").open(encoding="utf-8")))
    assert (row["path"], row["work"]) == ("caf\\xe9.mid", "L\\xf6we")


@pytest.mark.parametrize("lengths", [(3, 0, 2), (), (0,)])
def test_steps_are_written_as_numpy_writes_one_array(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    kind = kind_named("pianoroll")
    whole = np.arange(sum(lengths) * kind.width).reshape(-1, kind.width).astype(kind.dtype)
    parts = np.split(whole, np.cumsum(lengths)[:-1]) if lengths else []
    _write_steps(tmp_path / "parts.npy", parts, kind)
    np.save(tmp_path / "whole.npy", whole)
    assert (tmp_path / "parts.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_steps_on_a_full_disk_are_an_error_and_no_crash() -> None:
    kind = kind_named("pianoroll")
    with pytest.raises(OSError, match="No space left"):
        _write_steps(Path("/dev/full"), [np.zeros((100_000, kind.width), kind.dtype)], kind)

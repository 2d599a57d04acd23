"""Children that crash, hang or cannot start. The build functions here run in spawned processes."""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from corpus_files import Part, tune, write_midi

from training.corpus.build.shards import Progress, Shard, build_shard, is_done, plan_shards
from training.corpus.build.supervisor import run_supervised
from training.corpus.sources import SourceFile, find_sources
from training.errors import CorpusError


def poisonous_build(
    shard: Shard, work: Path, quarantined: Mapping[str, str] | None, progress: Progress | None
) -> None:
    def open_file(source: SourceFile | None) -> None:
        assert progress is not None
        progress(source)
        if source is None or source.sha256 in (quarantined or {}):
            return
        if "crash" in source.name:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "hang" in source.name:
            time.sleep(600)

    build_shard(shard, work, quarantined, open_file)


def dying_build(
    shard: Shard, work: Path, quarantined: Mapping[str, str] | None, progress: Progress | None
) -> None:
    sys.exit(3)


def failing_to_write_build(
    shard: Shard, work: Path, quarantined: Mapping[str, str] | None, progress: Progress | None
) -> None:
    assert progress is not None
    for source in (*shard.files, None):
        progress(source)
    raise ValueError("the last file read is innocent")


def dying_while_writing_build(
    shard: Shard, work: Path, quarantined: Mapping[str, str] | None, progress: Progress | None
) -> None:
    assert progress is not None
    for source in (*shard.files, None):
        progress(source)
    os._exit(3)


def refusing_build(
    shard: Shard, work: Path, quarantined: Mapping[str, str] | None, progress: Progress | None
) -> None:
    raise OSError(28, "No space left on device", "steps.npy")


def shards_of(tmp_path: Path, *names: str) -> list[Shard]:
    for number, name in enumerate(names):
        write_midi(tmp_path / "in" / f"{name}.mid", [Part(tune([60 + number] * 8))])
    return plan_shards(find_sources([tmp_path / "in"]).files, "melody", 3)


def reasons(shards: list[Shard], work: Path) -> dict[str, str]:
    found = {}
    for shard in shards:
        for line in (shard.folder(work) / "files.jsonl").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            found[Path(entry["name"]).stem] = entry.get("error", "")
    return found


def test_a_crash_and_a_hang_cost_one_file_each(tmp_path: Path) -> None:
    shards = shards_of(tmp_path, "a", "crash", "b", "hang", "c")
    advanced: list[int] = []
    run_supervised(
        shards, tmp_path / "work", advanced.append, workers=2, file_timeout_s=5, build=poisonous_build
    )
    assert all(is_done(shard, tmp_path / "work") for shard in shards)
    assert reasons(shards, tmp_path / "work") == {
        "a": "",
        "b": "",
        "c": "",
        "crash": "quarantined: reader crashed (SIGSEGV)",
        "hang": "quarantined: reading took longer than 5 s",
    }
    assert sum(advanced) == 5


def test_children_that_die_at_once_end_the_job(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="die while no file is read"):
        run_supervised(
            shards_of(tmp_path, "a"),
            tmp_path / "work",
            lambda _: None,
            workers=1,
            file_timeout_s=60,
            build=dying_build,
        )


def test_a_full_disk_ends_the_job_by_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"steps\.npy: No space left on device"):
        run_supervised(
            shards_of(tmp_path, "a"),
            tmp_path / "work",
            lambda _: None,
            workers=1,
            file_timeout_s=60,
            build=refusing_build,
        )


def test_a_fault_in_writing_blames_no_file_and_ends_the_job(tmp_path: Path) -> None:
    shards = shards_of(tmp_path, "a", "b")
    with pytest.raises(CorpusError, match="ValueError: the last file read is innocent"):
        run_supervised(
            shards, tmp_path, lambda _: None, workers=1, file_timeout_s=60, build=failing_to_write_build
        )


def test_children_that_die_while_writing_end_the_job(tmp_path: Path) -> None:
    shards = shards_of(tmp_path, "a", "b")
    with pytest.raises(CorpusError, match="die while no file is read"):
        run_supervised(
            shards, tmp_path, lambda _: None, workers=1, file_timeout_s=60, build=dying_while_writing_build
        )

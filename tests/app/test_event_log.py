"""The log of a session: rotated, and never what ends the music."""

import json
from pathlib import Path

import pytest

from app.event_log import KEPT_FILES, EventLog
from engine.errors import AntiphonError
from engine.performer import messages as m

PLAYED = m.Played(1_000, 1_007, 4.5, bytes((0x90, 60, 100)))
full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_log_begins_anew_and_keeps_every_event(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("older\n")
    log = EventLog(path)
    for _ in range(3):
        log.write(PLAYED)
    log.close()
    log.close()
    assert [line["event"] for line in lines(path)] == ["played"] * 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_log_goes_on_in_a_new_file_and_the_oldest_goes(tmp_path):
    path = tmp_path / "log.jsonl"
    log = EventLog(path, largest_bytes=1_000)
    for number in range(100):
        log.write(m.Fault(f"fault {number} " + "." * 100))
    log.close()
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["log.jsonl", *(f"log.jsonl.{number}" for number in range(1, KEPT_FILES + 1))]
    assert all(file.stat().st_size <= 1_000 for file in tmp_path.iterdir())
    newest = [line["text"].split()[1] for line in lines(path)]
    older = [line["text"].split()[1] for line in lines(tmp_path / "log.jsonl.1")]
    assert newest[-1] == "99"
    assert int(older[-1]) + 1 == int(newest[0])  # nothing is lost between two files


@full_disk
def test_a_full_disk_ends_the_log_with_one_notice_that_names_the_file():
    notices = []
    log = EventLog(Path("/dev/full"))
    log.on_failure(lambda *notice: notices.append(notice))
    for _ in range(5):
        log.write(PLAYED)
    log.close()
    assert notices == [
        (
            "log",
            "/dev/full: the log ends here (no space left on device).",
            "The music goes on; start again with --log in another place.",
        )
    ]


@full_disk
def test_who_asks_after_the_failure_is_reported_too():
    notices = []
    log = EventLog(Path("/dev/full"))
    log.write(PLAYED)
    log.close()
    log.on_failure(lambda *notice: notices.append(notice))
    assert len(notices) == 1


def test_a_place_that_cannot_be_written_is_refused_at_the_start(tmp_path):
    (tmp_path / "file").touch()  # a folder without rights would do, but root writes everywhere
    with pytest.raises(AntiphonError, match=r"log\.jsonl: the log cannot be written"):
        EventLog(tmp_path / "file" / "log.jsonl")

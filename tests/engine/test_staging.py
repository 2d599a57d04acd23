"""Files are made whole beside their place, and what killed programs left there goes."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from engine.staging import ABANDONED_S, remove_abandoned, staging_folder, write_whole

STAGES_AND_WAITS = """
import sys, time
from pathlib import Path
from engine.staging import staging_folder
with staging_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(b"half of it")
    print("staged", flush=True)
    time.sleep(600)
"""


def test_what_was_made_is_moved_and_nothing_else_is_left(tmp_path):
    with staging_folder(tmp_path) as folder:
        (folder / "made").write_text("whole")
        (folder / "by the way").write_text("")
        (folder / "made").replace(tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_nothing_is_left_of_what_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), staging_folder(tmp_path) as folder:
        (folder / "half").write_text("")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there nothing is known of another process")
def test_the_next_writer_removes_what_a_killed_one_left_and_nothing_of_a_living_one(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", STAGES_AND_WAITS, str(tmp_path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"staged\n"
        remove_abandoned(tmp_path)
        assert [path.name for path in tmp_path.glob("*/half")] == ["half"]
        writer.send_signal(signal.SIGKILL)
    assert len(list(tmp_path.iterdir())) == 1
    with staging_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("age_s, left", [(ABANDONED_S - 3600, True), (ABANDONED_S + 3600, False)])
def test_a_folder_of_a_process_number_in_use_goes_after_a_day(tmp_path, age_s, left):
    folder = tmp_path / f".antiphon-{os.getpid()}-x"
    folder.mkdir()
    then_s = time.time() - age_s
    os.utime(folder, (then_s, then_s))
    remove_abandoned(tmp_path)
    assert folder.exists() is left


@pytest.mark.parametrize("name", [".antiphon-mine", ".antiphon-²-x", "antiphon-1-x", ".other-1-x"])
def test_what_is_not_ours_stays(tmp_path, name):
    (tmp_path / name).mkdir()
    os.utime(tmp_path / name, (0, 0))
    remove_abandoned(tmp_path)
    assert (tmp_path / name).exists()


def test_a_disk_that_is_full_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a").write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", full)
    for name in ("a", "new"):
        with pytest.raises(OSError, match="No space"):
            write_whole(tmp_path / name, b"after")
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"before"
    write_whole(tmp_path / "a", b"after")
    assert (tmp_path / "a").read_bytes() == b"after"


@pytest.mark.skipif(sys.platform == "win32", reason="there a link needs rights")
def test_a_link_and_what_is_no_file_stay_what_they_are(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_whole(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_bytes() == b"1"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"2")
    assert os.read(reader, 10) == b"2" and (tmp_path / "pipe").is_fifo()
    os.close(reader)


def test_a_folder_that_cannot_be_written_into_is_named_itself(tmp_path):
    with pytest.raises(OSError, match="No such file") as caught, staging_folder(tmp_path / "gone"):
        pytest.fail("it was made")
    assert caught.value.filename == str(tmp_path / "gone")

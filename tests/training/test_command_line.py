"""What the system refuses is one line with a remedy."""

import errno
import signal
from pathlib import Path

import pytest
import typer

from engine.staging import staging_folder
from training.command_line import one_line_errors


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "antiphon-train: the disk that is written to: no space left on device; "
            "free some and run it again",
        ),
        (
            OSError(errno.EDQUOT, "Disk quota exceeded"),
            "antiphon-train: the disk that is written to: disk quota exceeded; free some and run it again",
        ),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.mid"), "antiphon-train: a.mid: no such file"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
            "antiphon-train: out of memory; take a smaller batch or model, or fewer workers",
        ),
        (MemoryError(), "antiphon-train: out of memory; take a smaller batch or model, or fewer workers"),
    ],
)
def test_an_error_of_the_system_is_one_line(error, line, capsys):
    with pytest.raises(typer.Exit), one_line_errors("antiphon-train"):
        raise error
    assert capsys.readouterr().err == f"{line}\n"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_with_one_line_and_what_it_was_making_is_removed(
    number: int, status: int, tmp_path: Path, capsys
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(typer.Exit) as left, one_line_errors("antiphon-export"), staging_folder(tmp_path):
        signal.raise_signal(number)
    assert left.value.exit_code == status
    assert capsys.readouterr().err == "antiphon-export: stopped\n"
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before

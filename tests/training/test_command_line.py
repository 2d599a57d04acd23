"""What the system refuses is one line with a remedy."""

import errno
import signal
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from engine.staging import staging_folder
from training.cli import app
from training.command_line import folder_to_write, one_line_errors
from training.errors import ConfigError


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


def test_what_is_to_be_a_folder_is_refused_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "tune.mid").write_bytes(b"")
    with pytest.raises(ConfigError) as refused:
        folder_to_write(tmp_path / "tune.mid")
    assert str(refused.value) == f"-o {tmp_path / 'tune.mid'}: it is a file; name a folder"
    with pytest.raises(ConfigError, match=r"-o .*below: .*tune\.mid is a file; name a folder"):
        folder_to_write(tmp_path / "tune.mid" / "below")
    assert folder_to_write(tmp_path / "new" / "below") == tmp_path / "new" / "below"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["corpus", "build", "."],
        ["corpus", "report", "."],
        ["run", "melody_2bar"],
        ["evaluate", "."],
        ["listen", "."],
    ],
)
def test_every_command_refuses_a_file_for_its_folder_at_once(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "tune.mid").write_bytes(b"music")
    result = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "tune.mid")])
    assert result.exit_code == 1
    assert result.output == f"antiphon-train: -o {tmp_path / 'tune.mid'}: it is a file; name a folder\n"
    assert (tmp_path / "tune.mid").read_bytes() == b"music"

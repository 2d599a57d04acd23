"""What the system refuses is one line with a remedy."""

import errno

import pytest
import typer

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
    ],
)
def test_an_error_of_the_system_is_one_line(error, line, capsys):
    with pytest.raises(typer.Exit), one_line_errors("antiphon-train"):
        raise error
    assert capsys.readouterr().err == f"{line}\n"

"""Nothing leaves the machine while a corpus is built and a model is trained and measured."""

import pytest
from toy_runs import melody_corpus, write_config

MAIN = "import sys; from training.cli import main; sys.argv = ['antiphon-train', *{!r}]; main()"


@pytest.mark.strace
def test_training_asks_nobody_and_leaves_nothing(watched, tmp_path):
    corpus = melody_corpus(tmp_path)
    config = str(write_config(tmp_path, corpus))
    again = str(tmp_path / "again")
    commands = [
        ["corpus", "build", str(tmp_path / "midi"), "-o", again, "--bars", "2", "--workers", "2"],
        ["run", config, "-o", str(tmp_path / "run")],
        ["evaluate", str(tmp_path / "run"), "--windows", "8", "--no-audio"],
    ]
    for command in commands:
        outside, left = watched("-c", MAIN.format(command))
        assert outside == []
        # matplotlib keeps which fonts there are, which would take it seconds to find out each time
        assert {path.parent.as_posix() for path in left} <= {".cache/matplotlib"}
    assert (tmp_path / "run" / "evaluation" / "test" / "index.html").exists()

"""An export asks nobody: see test_network_silence.py at the top."""

import pytest
import tinyrun


@pytest.mark.strace
def test_an_export_asks_nobody_and_leaves_nothing(watched, tmp_path):
    run = tinyrun.write(tmp_path / "run", tinyrun.model_config())
    command = f"import sys; sys.argv = ['x', {str(run)!r}, '-o', {str(tmp_path / 'b')!r}, '--no-latents']; "
    assert watched("-c", command + "from export.cli import main; main()") == ([], [])
    assert (tmp_path / "b" / "bundle.json").exists()

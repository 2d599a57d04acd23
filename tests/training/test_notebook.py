"""docs/notebooks/training.ipynb: every cell is run on tiny data, in a kernel of its own."""

import os
from pathlib import Path

import nbclient
import nbformat
import pytest
from test_training_guide import TINY, write_music
from toy_runs import changes_for

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "training.ipynb"


@pytest.mark.dist
def test_the_notebook_runs_from_files_to_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_music(tmp_path / "my_midi")
    root = str(NOTEBOOK.parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("ANTIPHON_OVERRIDES", changes_for("melody_2bar", TINY))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    said = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "all steps taken" in said
    assert "sample4.mid" in said
    pictures = [
        o for cell in notebook.cells for o in cell.get("outputs", ()) if "image/png" in o.get("data", {})
    ]
    assert len(pictures) > 6


def test_the_notebook_holds_no_output() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells)

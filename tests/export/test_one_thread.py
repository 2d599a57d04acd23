"""An export computes in one thread, and leaves the process as it was."""

import pytest
import tinyrun
import torch
from threadpoolctl import threadpool_info

from export.bundle import Options, export_run
from export.bundle_check import check_bundle
from export.errors import ExportError
from export.one_thread import one_thread
from export.run import load_run


@pytest.fixture
def three_threads():
    """Let torch have three threads, and in the end as many as it had."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def threads() -> set[int]:
    return {torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())}


def test_within_it_every_library_has_one_thread_and_afterwards_what_it_had(three_threads):
    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    with pytest.raises(ZeroDivisionError), one_thread():
        assert threads() == {1}
        _ = 1 / 0
    assert torch.get_num_threads() == 3
    assert {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()} == before


def test_an_export_measures_and_proves_in_one_thread(three_threads, tmp_path):
    run = load_run(tinyrun.write(tmp_path / "run", tinyrun.model_config()))
    seen = {}
    options = Options(int8=False)
    export_run(
        run,
        tinyrun.FakeCorpus(),
        tmp_path / "tiny",
        options,
        lambda stage: seen.update({stage: threads()}),
    )
    assert seen["measuring the latent space: the prior"] == {1}
    assert set(map(frozenset, seen.values())) == {frozenset({1})}
    check_bundle(tmp_path / "tiny")
    assert torch.get_num_threads() == 3


def test_a_check_that_fails_gives_the_threads_back(three_threads, tmp_path, monkeypatch):
    run = load_run(tinyrun.write(tmp_path / "run", tinyrun.model_config()))
    export_run(run, None, tmp_path / "tiny", Options(int8=False), lambda stage: None)
    seen = []

    def fails(bundle):
        seen.append(threads())
        raise ExportError("no weights")

    monkeypatch.setattr("export.bundle_check.model_of", fails)
    with pytest.raises(ExportError, match="no weights"):
        check_bundle(tmp_path / "tiny")
    assert seen == [{1}]
    assert torch.get_num_threads() == 3

"""A Ray cluster that loses workers. Where Ray is not installed a stand-in loses them alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from corpus_files import Part, tune, write_midi

from training.corpus.build.build import BuildOptions, BuildProgress, build_corpus
from training.corpus.build.ray_cluster import _start_ray, _Workers
from training.corpus.build.shards import Shard, build_shard, is_done, plan_shards, remove_unfinished
from training.corpus.sources import SourceFile, find_sources
from training.errors import CorpusError


class RayError(Exception):
    """What a lost worker ends in."""


class RayTaskError(RayError):
    """What a worker's own error ends in."""


class FakeRay:
    """Calls at once; a script says what each worker does with each shard it is given."""

    exceptions = type("Exceptions", (), {"RayError": RayError, "RayTaskError": RayTaskError})

    def __init__(self, cpus: int = 1) -> None:
        self.cpus = cpus
        self.killed: list[Any] = []

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": float(self.cpus)} if self.cpus else {}

    def wait(self, references: list[Any], **options: object) -> tuple[list[Any], list[Any]]:
        there = [reference for reference in references if reference.there]
        return there[:1], references[1:]

    def get(self, reference: Any) -> Any:
        if isinstance(reference, Exception):
            raise reference
        if isinstance(reference, Ready) and reference.error:
            raise reference.error
        return reference

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)


class Ready:
    """A worker's greeting, which comes, fails, or never comes."""

    def __init__(self, error: Exception | None = None, *, there: bool = True) -> None:
        self.error, self.there = error, there

    def remote(self) -> "Ready":
        return self


class Stream:
    """Reports of one shard."""

    there = True

    def __init__(self, reports: list[int | Exception]) -> None:
        self._reports = iter(reports)

    def __next__(self) -> int | Exception:
        return next(self._reports)


class Worker:
    """Answers each shard with the next list of reports of the script."""

    def __init__(self, script: list[list[int | Exception]], ready: Ready, given: list[int]) -> None:
        self.ready, self._script, self._given = ready, script, given
        self.build = self

    def options(self, **options: object) -> "Worker":
        return self

    def remote(self, shard: Shard) -> Stream:
        self._given.append(shard.number)
        return Stream(self._script.pop(0))


def shards(count: int) -> list[Shard]:
    files = tuple(SourceFile(path=f"{n}.mid", name=f"{n}.mid", sha256=f"{n:064d}") for n in range(3 * count))
    return plan_shards(files, "melody", 3)


class Story:
    """Runs shards through the stand-in and keeps what was said and counted."""

    def __init__(self, script: list[list[int | Exception]], *readies: Ready, cpus: int = 1) -> None:
        self.ray, self.said = FakeRay(cpus), list[str]()
        self.advanced, self.given = list[int](), list[int]()
        self._script, self._readies = script, list(readies)

    def run(self, count: int) -> None:
        def start() -> Worker:
            ready = self._readies.pop(0) if self._readies else Ready()
            return Worker(self._script, ready, self.given)

        _Workers(self.ray, start, shards(count), self.advanced.append, self.said.append).run()


def test_the_shard_of_a_lost_worker_is_read_again_by_another_and_counted_once() -> None:
    story = Story([[3], [2, RayError("gone")], [1, 2]])
    story.run(2)
    assert story.given == [0, 1, 1]
    assert story.advanced == [3, 2, 0, 1]
    assert story.said == ["--executor ray: a worker was lost; another one reads its 3 files again"]
    assert len(story.ray.killed) == 1


def test_a_shard_that_costs_three_workers_ends_the_build_in_one_line() -> None:
    gone: list[list[int | Exception]] = [[RayError(f"gone {n}. The\ntask may run")] for n in range(1, 4)]
    story = Story(gone)
    with pytest.raises(CorpusError) as caught:
        story.run(1)
    assert str(caught.value) == (
        "shard 0 on Ray: 3 workers lost with it (gone 3); what was read so far is kept, so run the "
        "command again once that is mended"
    )


def test_a_workers_own_error_ends_the_build_with_what_it_says() -> None:
    error = RayTaskError("long trace")
    error.cause = CorpusError("shard 0 in w: w: No space left on device; remedy that")  # type: ignore[attr-defined]
    with pytest.raises(CorpusError, match=r"^shard 0 on Ray: shard 0 in w: w: No space left on device"):
        Story([[error]]).run(1)


def test_a_worker_that_never_starts_gets_no_shard() -> None:
    story = Story([[3], [3]], Ready(there=False), Ready(), cpus=2)
    story.run(2)
    assert story.given == [0, 1]


def test_workers_that_cannot_start_end_the_build_with_the_module_they_lack() -> None:
    error = RayError("The actor died: Traceback\n File x\nModuleNotFoundError: No module named 'training'.")
    story = Story([], *(Ready(error) for _ in range(3)))
    with pytest.raises(
        CorpusError, match=r"do not start \(ModuleNotFoundError: No module named 'training'\);"
    ):
        story.run(1)


def test_a_cluster_without_a_cpu_is_refused() -> None:
    with pytest.raises(CorpusError, match="no machine of the cluster has a CPU for a worker"):
        Story([], Ready(there=False), cpus=0).run(1)


def test_it_is_said_once_that_every_cpu_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    ready, waits = Ready(there=False), iter([False, False, True])
    story = Story([[3]], ready)
    wait = story.ray.wait

    def later(references: list[Any], **options: object) -> tuple[list[Any], list[Any]]:
        ready.there = next(waits, True)
        return wait(references, **options)

    monkeypatch.setattr(story.ray, "wait", later)
    story.run(1)
    assert story.said == ["--executor ray: every CPU of the cluster is taken; waiting for one"]


def test_rays_client_is_refused_since_it_has_no_streams() -> None:
    with pytest.raises(CorpusError, match=r"'ray://head:10001': .*give the host:port"):
        _start_ray(FakeRay(), 1, "ray://head:10001")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty tunes."""
    root = tmp_path / "music"
    for seed in range(40):
        pitches = [60 + (seed * 7 + n * n) % 24 for n in range(64)]
        write_midi(root / f"tune{seed:02d}.mid", [Part(tune(pitches))])
    return root


def test_an_attempt_that_was_given_up_does_not_disturb_the_one_that_counts(
    folder: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    (shard,) = plan_shards(find_sources([folder]).files, "melody", 40)
    during = list[str]()

    def meanwhile(source: SourceFile | None) -> None:
        if source is None and not during:
            during.append("")  # the other attempt reports too
            build_shard(shard, work)
            during[0] = "done" if is_done(shard, work) else "not done"

    build_shard(shard, work, progress=meanwhile)
    assert during == ["done"]
    assert is_done(shard, work)
    assert [path.name for path in work.iterdir()] == ["shard-00000"]


def test_what_a_dead_attempt_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "unfinished-00003-0123456789ab").mkdir()
    (tmp_path / "shard-00001").mkdir()
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["shard-00001"]


class Said(BuildProgress):
    """Keeps what is said and how many files were read."""

    def __init__(self) -> None:
        self.said, self.files = list[str](), 0

    def remark(self, text: str) -> None:
        self.said.append(text)

    def advance(self, units: int) -> None:
        self.files += units


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two machines of one CPU each, as far as Ray knows."""
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_worker_niceness", "0")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    two = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    two.add_node(num_cpus=1)
    two.wait_for_nodes()
    try:
        yield two
    finally:
        two.shutdown()


def options(executor: str, address: str = "") -> BuildOptions:
    return BuildOptions(kind="melody", bars=(2,), executor=executor, files_per_shard=1, ray_address=address)


@pytest.mark.dist
def test_a_machine_may_die_in_the_middle_and_the_corpus_is_the_same(
    folder: Path, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine,) = cluster.worker_nodes
    hand_out, killed = _Workers._hand_out, list[str]()

    def killing(workers: _Workers) -> None:
        hand_out(workers)
        if len(workers._running) == 2 and not killed:  # one on each machine, since each has one CPU
            cluster.remove_node(machine, allow_graceful=False)
            killed.append("one of two")

    monkeypatch.setattr(_Workers, "_hand_out", killing)
    serial = build_corpus([folder], tmp_path / "serial", options("serial"))
    heard = Said()
    by_ray = build_corpus([folder], tmp_path / "ray", options("ray", cluster.address), heard)
    assert killed == ["one of two"]
    assert "--executor ray: a worker was lost; another one reads its file again" in heard.said
    assert by_ray["sha256"] == serial["sha256"]

"""Builds shards on a Ray cluster that may lose machines while it does.

A worker holds one CPU of the cluster and builds one shard after another. Where a worker is lost, with its
machine or alone, its shard is given to another one and is built from its first file again, so that the corpus
is the same.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.text import counted
from training.corpus.build.shards import Shard
from training.corpus.build.supervisor import Readers
from training.errors import CorpusError

Advance = Callable[[int], None]
"""Called with a number of finished files, from the thread that called the executor."""
Remark = Callable[[str], None]
REPORTED_FILES = 16
"""A worker reports after so many files."""
CLUSTER_ANSWERS_S = 10.0
WAIT_S = 10.0
"""After so long without a report from any worker it is looked whether there can be one."""
MOST_LOST = 3
"""Workers that a shard, or the start, may cost before the build ends."""
WHOLE = "what was read so far is kept, so run the command again once that is mended"


def run_ray(
    shards: Sequence[Shard],
    work: Path,
    advance: Advance,
    *,
    workers: int,
    file_timeout_s: float,
    address: str = "",
    remark: Remark = lambda text: None,
) -> None:
    """Build shards by Ray actors, one CPU each, on the cluster at `address` or on a local one of `workers`.

    An actor keeps a supervised child for as long as it lives, so a poisonous file costs neither the actor
    nor a start for each shard. On several machines `work` and the files must lie on a file system that
    all of them see, under the same path.

    Args:
        shards: what to build.
        work: folder of all shards.
        advance: see `Advance`.
        workers: of a cluster that is started here.
        file_timeout_s: a file whose reading takes longer is quarantined.
        address: of a cluster, `host:port`; empty for RAY_ADDRESS, else a local one.
        remark: takes in one line for the person who waits.

    Raises:
        CorpusError: Ray is missing or unreachable, no worker is left, or a shard cannot be written.
    """
    ray = ray_library()
    started = not ray.is_initialized()
    if started:
        _start_ray(ray, workers, address)
    try:
        reader = ray.remote(num_cpus=1, max_restarts=0)(_RayReader)

        def start() -> Any:
            return reader.remote(str(work.resolve()), file_timeout_s)

        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            _Workers(ray, start, shards, advance, remark).run()  # Ray prints its own logs of each loss
    finally:
        if started:
            ray.shutdown()


@dataclass(slots=True)
class _Job:
    """A shard on its way."""

    shard: Shard
    counted: int = 0
    """Files already reported as finished."""
    finished: int = 0
    """Files finished in the current attempt."""
    lost: int = 0
    """Workers that were lost with it."""


class _Workers:
    """Actors that are starting, idle or running, and the shards that wait for them."""

    def __init__(
        self,
        ray: Any,
        start: Callable[[], Any],
        shards: Sequence[Shard],
        advance: Advance,
        remark: Remark,
    ) -> None:
        self._ray, self._start, self._advance, self._remark = ray, start, advance, remark
        self._waiting = [_Job(shard) for shard in reversed(shards)]
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._running: dict[Any, tuple[Any, _Job]] = {}
        self._failed_starts, self._said_to_wait = 0, False

    def run(self) -> None:
        """Build all shards; CorpusError where no worker is left for them, or one cannot be written."""
        for _ in range(min(len(self._waiting), max(1, self._cpus()))):
            self._start_one()
        while self._waiting or self._running:
            self._hand_out()
            either = [*self._running, *self._starting]
            ready, _ = self._ray.wait(either, num_returns=1, timeout=WAIT_S, fetch_local=False)
            for reference in ready:
                if reference in self._running:
                    self._hear(reference)
                else:
                    self._greet(reference)
            if not ready and not self._running:
                self._check_cpus()

    def _cpus(self) -> int:
        return int(self._ray.cluster_resources().get("CPU", 0))

    def _start_one(self) -> None:
        actor = self._start()
        self._starting[actor.ready.remote()] = actor

    def _hand_out(self) -> None:
        while self._waiting and self._idle:
            actor, job = self._idle.pop(), self._waiting.pop()
            job.finished = 0
            stream = actor.build.options(num_returns="streaming").remote(job.shard)
            self._running[stream] = actor, job

    def _greet(self, reference: Any) -> None:
        """Take in a worker that has started."""
        actor = self._starting.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts >= MOST_LOST:
                raise CorpusError(f"workers on Ray do not start ({_reason(error)}); {WHOLE}") from error
            self._start_one()
        else:
            self._idle.append(actor)

    def _hear(self, stream: Any) -> None:
        """Take in one report of a worker, its end, or its loss."""
        actor, job = self._running[stream]
        try:
            job.finished += self._ray.get(next(stream))
        except StopIteration:
            del self._running[stream]
            self._idle.append(actor)
        except self._ray.exceptions.RayTaskError as error:
            reason = getattr(error, "cause", None) or _reason(error)
            raise CorpusError(f"shard {job.shard.number} on Ray: {reason}") from error
        except self._ray.exceptions.RayError as error:
            del self._running[stream]
            self._lose(actor, job, error)
        else:
            news, job.counted = max(0, job.finished - job.counted), max(job.finished, job.counted)
            self._advance(news)

    def _lose(self, actor: Any, job: _Job, error: Exception) -> None:
        """Let another worker build the shard of one that was lost."""
        job.lost += 1
        if job.lost >= MOST_LOST:
            lost = f"shard {job.shard.number} on Ray: {counted(job.lost, 'worker')} lost with it"
            raise CorpusError(f"{lost} ({_reason(error)}); {WHOLE}") from error
        count = len(job.shard.files)
        files = "file" if count == 1 else counted(count, "file")
        self._remark(f"--executor ray: a worker was lost; another one reads its {files} again")
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor)  # where only the connection was lost
        self._waiting.append(job)
        self._start_one()

    def _check_cpus(self) -> None:
        """Say that workers are waited for, or that there can be none; CorpusError."""
        if self._cpus() < 1:
            raise CorpusError(f"Ray: no machine of the cluster has a CPU for a worker; {WHOLE}")
        if not self._said_to_wait:
            self._remark("--executor ray: every CPU of the cluster is taken; waiting for one")
        self._said_to_wait = True


class _RayReader:
    """A Ray actor with one reading process of its own."""

    def __init__(self, work: str, file_timeout_s: float) -> None:
        self._readers = Readers(Path(work), 1, file_timeout_s)

    def ready(self) -> None:
        """Answer, so that it is known to have started."""

    def build(self, shard: Shard) -> Iterator[int]:
        """Build one shard; yields finished files, about `REPORTED_FILES` at a time."""
        finished = 0
        for news in self._readers.build([shard]):
            finished += news
            if finished >= REPORTED_FILES:
                yield finished
                finished = 0
        yield finished


def ray_library() -> Any:
    """Import Ray, its reports of use switched off by its own variable; CorpusError if it is not installed."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise CorpusError(
            "executor 'ray': Ray is not installed; install the extra with pip install 'antiphon[cluster]' "
            "or use --executor pool"
        ) from error
    return ray


def _reason(error: Exception) -> str:
    """Return the first sentence of what Ray says, in one line."""
    text = " ".join(str(error).split())
    missing = text.rfind("ModuleNotFoundError")
    return (text[missing:] if missing >= 0 else text.split(". ")[0]).removesuffix(".")[:160]


def _check_reachable(address: str) -> None:
    """Refuse a cluster's `host:port` where nobody answers; Ray itself tries for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CLUSTER_ANSWERS_S).close()
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise CorpusError(
            f"Ray at '{address}': nobody answers there ({reason}); start a cluster with 'ray start --head', "
            "or check --ray-address"
        ) from error


def _start_ray(ray: Any, workers: int, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error", "configure_logging": True}
    address = address or os.environ.get("RAY_ADDRESS", "")
    if address.startswith("ray://"):
        raise CorpusError(
            f"Ray at '{address}': work cannot be followed through Ray's client; give the host:port that "
            "'ray start --head' printed, or auto, on a machine of the cluster"
        )
    _check_reachable(address)
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=workers, include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CorpusError(f"Ray at '{address or 'this machine'}': {reason}; check --ray-address") from error

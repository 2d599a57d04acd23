"""Ways to run shards: one after another, in a pool of processes, or on a Ray cluster.

Every executor writes the same bytes: a shard's output depends on the shard alone.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from training.corpus.build.shards import Shard, build_shard
from training.corpus.build.supervisor import Readers, run_supervised
from training.errors import CorpusError

Advance = Callable[[int], None]
"""Called with a number of finished files, from the thread that called the executor."""
EXECUTORS = ("serial", "pool", "ray")
REPORTED_FILES = 16
"""An actor on Ray reports after so many files."""
CLUSTER_ANSWERS_S = 10.0
FEW_FILES = 5_000
"""One process reads so many melodies in the processor time that Ray takes to start."""


def run_shards(
    shards: Sequence[Shard],
    work: Path,
    advance: Advance,
    *,
    executor: str = "pool",
    workers: int = 1,
    file_timeout_s: float = 60.0,
    ray_address: str = "",
) -> None:
    """Build shards into `work` by the executor of that name.

    Raises:
        CorpusError: unknown executor, Ray missing, or a shard that cannot be written.
    """
    check_executor(executor)
    if not shards:
        return
    if executor == "serial":
        run_serial(shards, work, advance)
    elif executor == "pool":
        run_supervised(shards, work, advance, workers=workers, file_timeout_s=file_timeout_s)
    else:
        run_ray(shards, work, advance, workers=workers, file_timeout_s=file_timeout_s, address=ray_address)


def check_executor(name: str) -> None:
    """Refuse an executor that is unknown or not installed; CorpusError."""
    if name not in EXECUTORS:
        raise CorpusError(f"executor '{name}': unknown; choose one of {', '.join(EXECUTORS)}")
    if name == "ray":
        _ray()


def why_ray_is_slower(files: int, shards: int, address: str) -> str:
    """Return why a pool of processes would be faster than Ray; empty where it may not be."""
    if not (address or os.environ.get("RAY_ADDRESS")):
        reason = "on one machine Ray runs the same processes as a pool, and starts slower"
    elif files < FEW_FILES:
        reason = f"{files} files are read in less time than Ray takes to start"
    elif shards == 1:
        return "--executor ray: all files are one unit of work, for one worker; lower --files-per-shard"
    else:
        return ""
    return f"--executor ray: {reason}; --executor pool is faster here"


def run_serial(shards: Sequence[Shard], work: Path, advance: Advance) -> None:
    """Build the shards in this process. A file that crashes the reader ends it: for debugging."""
    for shard in shards:
        build_shard(shard, work, progress=lambda source: advance(1) if source else None)


def run_ray(
    shards: Sequence[Shard],
    work: Path,
    advance: Advance,
    *,
    workers: int,
    file_timeout_s: float,
    address: str = "",
) -> None:
    """Build shards by Ray actors, one CPU each, on the cluster at `address` or on a local one of `workers`.

    An actor keeps a supervised child for as long as it lives, so a poisonous file costs neither the actor
    nor a start for each shard. On several machines `work` and the files must lie on a file system that
    all of them see.

    Raises:
        CorpusError: Ray is missing or unreachable, or a shard cannot be written.
    """
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        _start_ray(ray, workers, address)
    try:
        count = min(len(shards), max(1, int(ray.cluster_resources().get("CPU", 1))))
        reader = ray.remote(num_cpus=1, max_restarts=3, max_task_retries=3)(_RayReader)
        idle = [reader.remote(str(work.resolve()), file_timeout_s) for _ in range(count)]
        _drive(ray, idle, list(reversed(shards)), advance)
    finally:
        if started:
            ray.shutdown()


def _drive(ray: Any, idle: list[Any], waiting: list[Shard], advance: Advance) -> None:
    """Keep every actor busy with a shard and take in what each of them reports."""
    running: dict[Any, tuple[Any, Shard]] = {}
    while waiting or running:
        while waiting and idle:
            actor, shard = idle.pop(), waiting.pop()
            stream = actor.build.options(num_returns="streaming").remote(shard)
            running[stream] = actor, shard
        ready, _ = ray.wait(list(running), num_returns=1, fetch_local=False)
        for stream in ready:
            actor, shard = running[stream]
            try:
                advance(ray.get(next(stream)))
            except StopIteration:
                del running[stream]
                idle.append(actor)
            except ray.exceptions.RayError as error:
                reason = getattr(error, "cause", None) or error
                raise CorpusError(f"shard {shard.number} on Ray: {reason}") from error


class _RayReader:
    """A Ray actor with one reading process of its own."""

    def __init__(self, work: str, file_timeout_s: float) -> None:
        self._readers = Readers(Path(work), 1, file_timeout_s)

    def build(self, shard: Shard) -> Iterator[int]:
        """Build one shard; yields finished files, about `REPORTED_FILES` at a time."""
        finished = 0
        for news in self._readers.build([shard]):
            finished += news
            if finished >= REPORTED_FILES:
                yield finished
                finished = 0
        yield finished


def _ray() -> Any:
    """Import Ray, its reports of use switched off by its own variable, which counts when Ray starts."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise CorpusError(
            "executor 'ray': Ray is not installed; install the extra with pip install 'antiphon[cluster]' "
            "or use --executor pool"
        ) from error
    return ray


def _check_reachable(address: str) -> None:
    """Refuse a cluster's `host:port` where nobody answers; Ray itself tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
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
    _check_reachable(address)
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=workers, include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CorpusError(f"Ray at '{address or 'this machine'}': {reason}; check --ray-address") from error

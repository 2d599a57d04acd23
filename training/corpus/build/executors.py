"""Ways to run shards: one after another, in a pool of processes, or on a Ray cluster.

Every executor writes the same bytes: a shard's output depends on the shard alone.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from training.corpus.build.shards import Shard, build_shard
from training.corpus.build.supervisor import run_supervised
from training.errors import CorpusError

Advance = Callable[[int], None]
"""Called with a number of finished files, from the thread that called the executor."""
EXECUTORS = ("serial", "pool", "ray")


def run_shards(
    shards: Sequence[Shard],
    work: Path,
    advance: Advance,
    *,
    executor: str = "pool",
    workers: int = 1,
    file_timeout_s: float = 60.0,
) -> None:
    """Build shards into `work` by the executor of that name.

    Raises:
        CorpusError: unknown executor, Ray missing, or a shard that cannot be written.
    """
    if executor not in EXECUTORS:
        raise CorpusError(f"executor '{executor}': unknown; choose one of {', '.join(EXECUTORS)}")
    if not shards:
        return
    if executor == "serial":
        run_serial(shards, work, advance)
    elif executor == "pool":
        run_supervised(shards, work, advance, workers=workers, file_timeout_s=file_timeout_s)
    else:
        run_ray(shards, work, advance, workers=workers, file_timeout_s=file_timeout_s)


def run_serial(shards: Sequence[Shard], work: Path, advance: Advance) -> None:
    """Build the shards in this process. A file that crashes the reader ends it: for debugging."""
    for shard in shards:
        build_shard(shard, work, progress=lambda source: advance(1) if source else None)


def run_ray(
    shards: Sequence[Shard], work: Path, advance: Advance, *, workers: int, file_timeout_s: float
) -> None:
    """Build shards as Ray tasks, one CPU each, on `RAY_ADDRESS` or on a local cluster of `workers`.

    A task reads in a supervised child of its own, so a poisonous file costs no Ray worker. On
    several machines `work` and the files must lie on a file system that all of them see.
    """
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        _start_ray(ray, workers)
    try:
        task = ray.remote(num_cpus=1, max_retries=3)(_ray_task)
        running = {task.remote(shard, str(work.resolve()), file_timeout_s): shard for shard in shards}
        while running:
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                shard = running.pop(reference)
                _result(ray, reference, shard)
                advance(len(shard.files))
    finally:
        if started:
            ray.shutdown()


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


def _start_ray(ray: Any, workers: int) -> None:
    quiet = {"log_to_driver": False, "logging_level": "error", "configure_logging": True}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
    else:
        ray.init(num_cpus=workers, include_dashboard=False, **quiet)


def _ray_task(shard: Shard, work: str, file_timeout_s: float) -> int:
    run_supervised([shard], Path(work), lambda _: None, workers=1, file_timeout_s=file_timeout_s)
    return shard.number


def _result(ray: Any, reference: Any, shard: Shard) -> None:
    try:
        ray.get(reference)
    except ray.exceptions.RayError as error:
        raise CorpusError(f"shard {shard.number} on Ray: {error}") from error

"""A pool of reading processes that survives files which crash or hang them.

Each child reports which file it opens next. When it dies, or stays with one file for too long, that
file is put in quarantine, a new child builds the same shard without it, and the job goes on.
"""

import contextlib
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from training.corpus.build.shards import Progress, Shard, build_shard
from training.corpus.sources import SourceFile
from training.errors import CorpusError

Build = Callable[[Shard, Path, Mapping[str, str] | None, Progress | None], None]
Advance = Callable[[int], None]

MAX_CHILD_BYTES = 8 << 30
"""Address space of a child, so that no file can take the machine's memory."""
MAX_IDLE_DEATHS = 3
"""Children that die while they read no file, or one in quarantine already, have another reason."""
_POLL_S = 0.2


def run_supervised(
    shards: Sequence[Shard],
    work: Path,
    advance: Advance,
    *,
    workers: int,
    file_timeout_s: float,
    build: Build = build_shard,
) -> None:
    """Build shards in `workers` processes (spawned, so the same on every platform).

    Raises:
        CorpusError: a shard cannot be written, or the children cannot start.
    """
    readers = Readers(work, min(workers, len(shards)), file_timeout_s, build)
    try:
        for finished in readers.build(shards):
            advance(finished)
    finally:
        readers.close()


@dataclass(slots=True)
class _Job:
    """A shard on its way, with what was learned about its files."""

    shard: Shard
    quarantined: dict[str, str] = field(default_factory=dict)
    counted: int = 0
    """Files already reported as finished."""
    idle_deaths: int = 0


@dataclass(slots=True)
class _Child:
    process: Any
    pipe: Connection
    job: _Job | None = None
    opened: int = 0
    """Files opened in the current attempt."""
    current: SourceFile | None = None
    since_s: float = 0.0


class Readers:
    """Reading processes that are started once and build any number of shards."""

    def __init__(self, work: Path, workers: int, file_timeout_s: float, build: Build = build_shard) -> None:
        self._work, self._build_shard, self._timeout_s = work, build, file_timeout_s
        self._workers = workers
        self._waiting: list[_Job] = []
        self._children: list[_Child] = []

    def build(self, shards: Sequence[Shard]) -> Iterator[int]:
        """Build shards; yields each number of files that were finished, 0 now and then while nothing is."""
        self._waiting = [_Job(shard) for shard in reversed(shards)]
        while len(self._children) < self._workers:
            self._children.append(self._start())
        for child in self._children:
            self._give(child)
        while any(child.job for child in self._children):
            busy = {child.pipe: child for child in self._children if child.job}
            ready = wait(list(busy), _POLL_S)
            yield sum(self._hear(child) for pipe, child in busy.items() if pipe in ready)
            for child in self._children:
                self._check_time(child)

    def close(self) -> None:
        """Ask idle children to leave, kill the others, and wait for all."""
        for child in self._children:
            if child.job is None:
                with contextlib.suppress(OSError):
                    child.pipe.send(None)
            else:
                child.process.kill()
        for child in self._children:
            child.process.join(5)
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
            child.pipe.close()

    def _start(self) -> _Child:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_child_main, args=(theirs, self._work, self._build_shard), daemon=True
        )
        process.start()
        theirs.close()
        return _Child(process, ours)

    def _give(self, child: _Child, job: _Job | None = None) -> None:
        """Hand a child this job, or the next one that waits."""
        job = job or (self._waiting.pop() if self._waiting else None)
        child.job, child.current, child.opened = job, None, 0
        if job:
            child.since_s = time.monotonic()
            with contextlib.suppress(OSError):  # already dead: the closed pipe is seen in `_hear`
                child.pipe.send((job.shard, job.quarantined))

    def _hear(self, child: _Child) -> int:
        """Take one message; return how many files are newly finished."""
        job = child.job
        assert job is not None
        try:
            message, content = child.pipe.recv()
        except (EOFError, OSError):
            child.process.join()
            self._replace(child, _death(child.process.exitcode))
            return 0
        if message == "failed":
            raise CorpusError(
                f"shard {job.shard.number} in {self._work}: {content}; remedy that, then run again"
            )
        finished = len(job.shard.files) if message == "done" else child.opened
        news, job.counted = max(0, finished - job.counted), max(finished, job.counted)
        if message == "done":
            self._give(child)
        else:
            child.opened += content is not None
            child.current, child.since_s = content, time.monotonic()
        return news

    def _check_time(self, child: _Child) -> None:
        if child.job and child.current and time.monotonic() - child.since_s > self._timeout_s:
            child.process.kill()
            child.process.join()
            self._replace(child, f"reading took longer than {self._timeout_s:g} s")

    def _replace(self, child: _Child, reason: str) -> None:
        """Put the current file in quarantine and let a new child build the shard without it."""
        job = child.job
        assert job is not None
        if child.current and child.current.sha256 not in job.quarantined:
            job.quarantined[child.current.sha256] = f"quarantined: {reason}"
        else:
            job.idle_deaths += 1
            if job.idle_deaths >= MAX_IDLE_DEATHS:
                raise CorpusError(
                    f"reading processes die while no file is read ({reason}); "
                    "try --executor serial to see why"
                )
        child.pipe.close()
        fresh = self._start()
        self._children[self._children.index(child)] = fresh
        self._give(fresh, job)


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"reader crashed ({signal.Signals(-exit_code).name})"
    return f"reader crashed (exit status {exit_code})"


def _child_main(pipe: Connection, work: Path, build: Build) -> None:
    """Build shards as they come until None comes or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    _limit_memory()
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        if task is None:
            return
        shard, quarantined = task
        try:
            build(shard, work, quarantined, lambda source: pipe.send(("opens", source)))
        except OSError as error:
            pipe.send(("failed", f"{error.filename or work}: {error.strerror or error}"))
        except Exception as error:  # no file's fault: files are read behind a guard of their own
            pipe.send(("failed", f"{type(error).__name__}: {error}"))
        else:
            pipe.send(("done", None))


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = MAX_CHILD_BYTES if hard == resource.RLIM_INFINITY else min(MAX_CHILD_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))

import threading

import pytest

from engine.session.jobs import Jobs


@pytest.fixture
def jobs():
    made = Jobs(("answer", "takes"))
    yield made
    made.close()


class Gate:
    """A job whose slices wait to be let through, one by one."""

    def __init__(self, name, log, slices=1):
        self.name, self.log, self.slices = name, log, slices
        self.begun = threading.Event()
        self.go_on = threading.Semaphore(0)

    def __call__(self):
        for number in range(self.slices):
            self.begun.set()
            assert self.go_on.acquire(timeout=60)
            self.log.append(f"{self.name}{number}")
            if number < self.slices - 1:
                yield


def quick(name, log):
    def job():
        log.append(name)
        yield from ()

    return job


def test_the_newest_of_a_kind_wins_and_those_it_passed_are_never_begun(jobs):
    log = []
    first = Gate("first", log)
    jobs.submit("answer", first)
    assert first.begun.wait(60)
    for name in ("a", "b", "c"):
        jobs.submit("answer", quick(name, log))
    first.go_on.release()
    assert jobs.wait_idle(10)
    assert log == ["first0", "c"]


def test_an_answer_goes_before_takes_also_between_their_slices(jobs):
    log = []
    takes = Gate("takes", log, slices=3)
    jobs.submit("takes", takes)
    assert takes.begun.wait(60)
    jobs.submit("answer", quick("answer", log))
    for _ in range(3):
        takes.go_on.release()
    assert jobs.wait_idle(10)
    assert log == ["takes0", "answer", "takes1", "takes2"]


def test_newer_takes_drop_what_is_left_of_older_ones(jobs):
    log = []
    old = Gate("old", log, slices=3)
    jobs.submit("takes", old)
    assert old.begun.wait(60)
    jobs.submit("takes", quick("new", log))
    old.go_on.release()
    assert jobs.wait_idle(10)
    assert log == ["old0", "new"]


def test_cancelled_work_stops_at_its_next_slice(jobs):
    log = []
    takes = Gate("takes", log, slices=2)
    jobs.submit("takes", takes)
    assert takes.begun.wait(60)
    jobs.cancel("takes")
    takes.go_on.release()
    assert jobs.wait_idle(10)
    assert log == ["takes0"]


def test_closing_drops_what_waits(jobs):
    log = []
    first = Gate("first", log)
    jobs.submit("answer", first)
    assert first.begun.wait(60)
    jobs.submit("takes", quick("takes", log))
    threading.Timer(0.02, first.go_on.release).start()
    jobs.close(10)
    jobs.close()
    assert log == ["first0"]


def test_a_kind_that_nobody_named_is_an_error(jobs):
    with pytest.raises(KeyError):
        jobs.submit("lunch", quick("lunch", []))

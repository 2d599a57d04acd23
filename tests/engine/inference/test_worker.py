import threading

from engine.inference.worker import LatestWorker


def test_runs_jobs_on_a_thread_of_its_own():
    seen = []
    worker = LatestWorker(lambda job: seen.append((job, threading.current_thread().name)))
    worker.submit(1)
    assert worker.wait_idle(5)
    worker.close()
    assert seen == [(1, "inference")]


def test_only_the_newest_waiting_job_is_run():
    started, go_on, seen = threading.Event(), threading.Event(), []

    def handle(job):
        seen.append(job)
        started.set()
        assert go_on.wait(5)

    worker = LatestWorker(handle)
    worker.submit(1)
    assert started.wait(5)
    for job in (2, 3, 4):
        worker.submit(job)
    assert not worker.wait_idle(0.01)
    go_on.set()
    assert worker.wait_idle(5)
    worker.close()
    assert seen == [1, 4]


def test_closing_drops_what_waits_and_ends_the_thread():
    started, go_on, seen = threading.Event(), threading.Event(), []

    def handle(job):
        seen.append(job)
        started.set()
        go_on.wait(5)

    worker = LatestWorker(handle, name="closing")
    worker.submit(1)
    assert started.wait(5)
    worker.submit(2)
    threading.Timer(0.02, go_on.set).start()
    worker.close()
    worker.close()
    worker.submit(3)
    assert seen == [1]
    assert "closing" not in [thread.name for thread in threading.enumerate()]

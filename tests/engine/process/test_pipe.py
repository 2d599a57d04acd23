import contextlib
import os
import threading

import pytest

from engine.process.pipe import MAX_FRAME_BYTES, MAX_QUEUED, Receiver, Sender

WAIT_S = 60.0


class Collector:
    """Both ends of a pipe with what came through."""

    def __init__(self):
        self.read_fd, self.write_fd = os.pipe()
        self.receiver = None
        self.frames, self.ended, self.arrived = [], threading.Event(), threading.Semaphore(0)

    def receive(self):
        def on_frame(frame):
            self.frames.append(frame)
            self.arrived.release()

        self.receiver = Receiver(self.read_fd, "receiver", on_frame, self.ended.set)
        return self.receiver

    def wait_for(self, count):
        for _ in range(count):
            assert self.arrived.acquire(timeout=WAIT_S)


@pytest.fixture
def pipe():
    collector = Collector()
    yield collector
    # A thread still in `read` or `write` must not meet a descriptor that has been given out anew.
    order = [collector.write_fd, collector.read_fd] if collector.receiver else [collector.read_fd]
    for fd in order:
        with contextlib.suppress(OSError):
            os.close(fd)
        if collector.receiver:
            collector.receiver.join(WAIT_S)


def test_frames_of_every_size_arrive_whole_and_in_order(pipe):
    sender = Sender(pipe.write_fd, "sender")
    pipe.receive()
    frames = [b"", b"x", b"\x00" * 300_000, b"last"]
    for frame in frames:
        sender.put(frame)
    pipe.wait_for(4)
    assert pipe.frames == frames
    sender.close(WAIT_S)


def test_closing_the_far_end_is_reported_once(pipe):
    pipe.receive()
    os.close(pipe.write_fd)
    assert pipe.ended.wait(WAIT_S)
    assert pipe.frames == []


@pytest.mark.parametrize(
    "left", [b"\x00\x00", b"\x00\x00\x00\x05abc", (MAX_FRAME_BYTES + 1).to_bytes(4, "big")]
)
def test_a_cut_or_absurd_frame_ends_the_stream(pipe, left):
    receiver = pipe.receive()
    os.write(pipe.write_fd, b"\x00\x00\x00\x01k" + left)
    os.close(pipe.write_fd)
    receiver.join(WAIT_S)
    assert pipe.frames == [b"k"]
    assert pipe.ended.is_set()


def test_closing_writes_what_is_queued(pipe):
    sender = Sender(pipe.write_fd, "sender")
    for _ in range(100):
        sender.put(b"event")
    sender.close(WAIT_S)
    pipe.receive()
    pipe.wait_for(100)


def test_a_far_end_that_does_not_read_costs_frames_but_never_blocks(pipe):
    sender = Sender(pipe.write_fd, "sender")
    # What the thread took at once, before it was held up, is not in the queue any more.
    for _ in range(2 * MAX_QUEUED + 1):
        sender.put(b"x" * 100)
    assert sender.dropped > 0
    assert not sender.broken


def test_a_far_end_that_is_gone_is_noticed(pipe):
    sender = Sender(pipe.write_fd, "sender")
    os.close(pipe.read_fd)
    sender.put(b"x")
    sender.close(WAIT_S)
    assert sender.broken
    sender.put(b"y")
    assert sender.dropped == 1


def test_a_frame_that_is_too_long_is_lost_and_those_after_it_arrive(pipe):
    """The other end would take it for garbage, and us for gone."""
    sender = Sender(pipe.write_fd, "sender")
    pipe.receive()
    sender.put(b"x" * (MAX_FRAME_BYTES + 1))
    sender.put(b"after")
    pipe.wait_for(1)
    assert (pipe.frames, sender.dropped) == ([b"after"], 1)
    sender.close(WAIT_S)

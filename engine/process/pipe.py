"""The pipe between controller and performer: frames of bytes, a thread for each direction.

A frame is its length (4 bytes, big-endian) and its bytes. Neither end ever blocks on the other:
reading and writing happen in threads of their own, and what the other end does not take is
dropped once the queue is full.
"""

import os
import struct
import threading
from collections import deque
from collections.abc import Callable

MAX_FRAME_BYTES = 1 << 22
"""No message is longer: a whole song as one pattern has some 100 kB."""
MAX_QUEUED = 20_000
"""Frames that wait for a slow reader: several minutes of events."""
_LENGTH = struct.Struct(">I")


class Sender:
    """Writes frames to a file descriptor from a thread of its own."""

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._queue: deque[bytes] = deque()
        self._ready = threading.Condition()
        self._closing = False
        self.dropped = 0
        """Frames lost because the other end did not read, or because it would not have taken one so long."""
        self.broken = False
        """Whether the other end is gone."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, frame: bytes) -> None:
        """Queue a frame. Never blocks; any thread may call."""
        with self._ready:
            if self.broken or len(self._queue) >= MAX_QUEUED or len(frame) > MAX_FRAME_BYTES:
                self.dropped += 1
                return
            self._queue.append(_LENGTH.pack(len(frame)) + frame)
            self._ready.notify()

    def close(self, timeout_s: float) -> None:
        """Write what is queued, for at most `timeout_s`, and end the thread."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while chunk := self._next_chunk():
            try:
                _write_all(self._fd, chunk)
            except OSError:
                self.broken = True
                return

    def _next_chunk(self) -> bytes:
        """Wait for frames and return them joined; empty at the end."""
        with self._ready:
            while not self._queue and not self._closing:
                self._ready.wait()
            frames = list(self._queue)
            self._queue.clear()
        return b"".join(frames)


class Receiver:
    """Reads frames from a file descriptor in a thread of its own."""

    def __init__(
        self, fd: int, name: str, on_frame: Callable[[bytes], None], on_end: Callable[[], None]
    ) -> None:
        """Start reading.

        Args:
            fd: A blocking file descriptor.
            name: Name of the thread.
            on_frame: Called in that thread for every frame.
            on_end: Called in that thread once, when the other end has closed.
        """
        self._fd = fd
        self._on_frame, self._on_end = on_frame, on_end
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the stream."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while (frame := self._read_frame()) is not None:
                self._on_frame(frame)
        finally:
            self._on_end()

    def _read_frame(self) -> bytes | None:
        head = _read_all(self._fd, _LENGTH.size)
        if head is None:
            return None
        (length,) = _LENGTH.unpack(head)
        return _read_all(self._fd, length) if length <= MAX_FRAME_BYTES else None


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read_all(fd: int, length: int) -> bytes | None:
    """Read `length` bytes; None at the end of the stream."""
    parts: list[bytes] = []
    while length:
        try:
            part = os.read(fd, length)
        except OSError:
            return None
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)

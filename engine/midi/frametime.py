"""Frames of a JACK server as monotonic time: smooth, so that what is even in frames stays even.

A server estimates the time of each cycle from when its driver woke up, and that estimate
wanders by milliseconds where the driver has no real-time scheduling. Music that was sent evenly
in frames must arrive evenly in nanoseconds, so a slow second-order loop (Adriaensen, "Using a
DLL to filter time") follows the estimates and gives the times that are used.
"""

import math

SETTLED_HZ = 0.02
"""Bandwidth once settled: a wander of 2 ms bends the tempo by less than 0.04 %."""
OPENING_HZ = 1.0
"""Bandwidth of the first cycles, when the first estimate may be milliseconds off."""
SETTLING_NS = 4e9
"""Time over which the bandwidth falls by a factor e, from `OPENING_HZ` to `SETTLED_HZ`."""
CALM_NS = 1.5e6
"""Up to this error the settled bandwidth holds; beyond it grows with the square of the error, for a
server that is starved runs slow by percents, and falling behind it would cost the lead."""
JUMP_NS = 100e6
"""An estimate further away than this is a real jump (suspend, long overrun): start anew."""


def believable(estimate_ns: float, now_ns: int) -> float:
    """Return a server's estimate of when the cycle that runs now began, or now where that cannot be.

    The loop of a server that was stopped for a while runs seconds ahead of the truth for seconds after.
    """
    return estimate_ns if abs(now_ns - estimate_ns) <= JUMP_NS else float(now_ns)


class FrameTime:
    """The time of each cycle's first frame. Fed once a cycle, from the process callback."""

    __slots__ = ("_age_ns", "_next_frame", "_next_ns", "frame_ns", "jumps", "start_ns")

    def __init__(self, rate_hz: float) -> None:
        self.start_ns = 0.0
        """Time of the current cycle's first frame."""
        self.frame_ns = 1e9 / rate_hz
        """Duration of one frame, as measured."""
        self.jumps = 0
        """How often the mapping had to start anew."""
        self._next_frame = -1
        self._next_ns = 0.0
        self._age_ns = 0.0

    def cycle(self, frame: int, frames: int, estimate_ns: float) -> None:
        """Enter the cycle of `frames` frames that begins at `frame`, by the server at `estimate_ns`.

        Args:
            frame: The server's frame counter (32 bits, it wraps).
            frames: Length of the cycle.
            estimate_ns: The server's own estimate of the time of `frame`.
        """
        skipped = (frame - self._next_frame) & 0xFFFFFFFF
        start_ns = self._next_ns + skipped * self.frame_ns
        error_ns = estimate_ns - start_ns
        if self._next_frame < 0 or abs(error_ns) > JUMP_NS or skipped >= 0x80000000:
            self.jumps += self._next_frame >= 0
            self._age_ns = 0.0
            start_ns, error_ns = estimate_ns, 0.0
        self._advance(frame, frames, start_ns, error_ns)

    def _advance(self, frame: int, frames: int, start_ns: float, error_ns: float) -> None:
        length_ns = frames * self.frame_ns
        settling_hz = OPENING_HZ * math.exp(-self._age_ns / SETTLING_NS)
        chasing_hz = min(OPENING_HZ, SETTLED_HZ * (error_ns / CALM_NS) ** 2)
        bandwidth_hz = max(SETTLED_HZ, settling_hz, chasing_hz)
        omega = 2 * math.pi * bandwidth_hz * length_ns * 1e-9
        self.start_ns = start_ns
        self._next_ns = start_ns + length_ns + math.sqrt(2) * omega * error_ns
        self.frame_ns += omega * omega * error_ns / frames
        self._next_frame = (frame + frames) & 0xFFFFFFFF
        self._age_ns += length_ns

    def ns_at(self, offset: int) -> int:
        """Return the time of the frame `offset` frames into the cycle."""
        return round(self.start_ns + offset * self.frame_ns)

    def offset_at(self, t_ns: int) -> int:
        """Return the frame nearest to `t_ns`, counted from the cycle's first frame."""
        return round((t_ns - self.start_ns) / self.frame_ns)

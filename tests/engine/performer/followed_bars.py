"""Lets a transport follow a random host, and counts the bars it has out of place."""

from random_host import RandomHost

from engine.performer.transport import Transport

TOLERANCE_BEATS = 0.12
"""A note a little less than half a 16th off is still heard where it was played."""
SILENCE_STEPS = 8
"""A silence is stepped through in so many parts."""


def wrong_bars(host: RandomHost) -> tuple[int, int]:
    """Let a transport follow; return how many bars it saw, and how many had a beat out of place."""
    transport = Transport()
    bars = wrong = 0
    bar_is_wrong = False
    for event in host.events():
        if event.silence_s:
            for part in range(1, SILENCE_STEPS + 1):
                transport.step(event.t_ns - round(event.silence_s * 1e9 * (1 - part / SILENCE_STEPS)))
        transport.receive(event.t_ns, event.data)
        transport.step(event.t_ns)
        if event.beat is None:
            continue
        if event.beat % 4 == 0:
            bars += 1
            wrong += bar_is_wrong
            bar_is_wrong = False
        off_beats = abs(transport.beats_at(event.t_ns) - event.beat)
        bar_is_wrong = bar_is_wrong or not transport.rolling or off_beats > TOLERANCE_BEATS
    return bars, wrong + bar_is_wrong

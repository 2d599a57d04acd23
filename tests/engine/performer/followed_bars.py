"""Lets a transport follow a random host, and counts the bars it has out of place."""

from typing import NamedTuple

from random_host import TICKS_PER_BEAT, RandomHost

from engine.performer.transport import Transport

TOLERANCE_BEATS = 0.12
"""A note a little less than half a 16th off is still heard where it was played."""
SILENCE_STEPS = 8
"""A silence is stepped through in so many parts."""


class Bars(NamedTuple):
    """Bars that were followed."""

    seen: int
    wrong: int
    """Bars with a beat further from its place than `TOLERANCE_BEATS`."""
    miscounted: int
    """Bars at whose first beat the count of ticks was not the host's, were it by one."""


def followed(host: RandomHost) -> Bars:
    """Let a transport follow; return how many bars it saw, and how many were out of place or miscounted."""
    transport = Transport()
    seen = wrong = miscounted = 0
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
            seen += 1
            wrong += bar_is_wrong
            bar_is_wrong = False
            # Where the latest tick is counted to be, whatever the time between ticks is thought to be.
            tick_beats = transport.beats_at(transport.clock.time_of(transport.clock.count))
            miscounted += round((tick_beats - event.beat) * TICKS_PER_BEAT) != 0
        off_beats = abs(transport.beats_at(event.t_ns) - event.beat)
        bar_is_wrong = bar_is_wrong or not transport.rolling or off_beats > TOLERANCE_BEATS
    return Bars(seen, wrong + bar_is_wrong, miscounted)

"""What a row of patterns sends along a stretch of a song, by the performer's own scheduler."""

from collections.abc import Sequence

from engine.midi.messages import note_off
from engine.music.metre import Metre
from engine.performer.ledger import Ledger
from engine.performer.looped_pattern import HALF_STEP_BEATS
from engine.performer.messages import SetPattern
from engine.performer.outbox import Outbox
from engine.performer.scheduler import Scheduler
from engine.performer.transport import Transport

BEAT_NS = 1_000_000_000
"""Length of a beat while it is unrolled; positions in beats are what counts."""

Sent = tuple[float, bytes]
"""Song position in beats, and the message."""


class _Paper:
    """An output whose lead reaches as far as is asked, and that sends nothing anywhere."""

    name = "paper"

    def __init__(self) -> None:
        self.lead_ns = 0

    def send(self, due_ns: int, data: bytes) -> None:
        """Take a message; the outbox keeps it."""

    def take_sent(self) -> list[tuple[int, int, bytes]]:
        """Return what has left: nothing."""
        return []

    def cancel(self) -> None:
        """Take nothing back."""

    def close(self) -> None:
        """Do nothing."""


def unrolled(
    patterns: Sequence[SetPattern], from_beats: float, until_beats: float, metre: Metre
) -> list[Sent]:
    """Return the note-ons and note-offs that patterns send between two song positions, in order.

    Args:
        patterns: in the order in which they take over, each with its `at_beats`; the first may have taken
            over before `from_beats`.
        from_beats: where the song begins to roll.
        until_beats: where it stops; what sounds is ended there.
        metre: of the song.
    """
    if not patterns:
        return []
    transport, port = Transport("internal"), _Paper()
    transport.metre = metre
    transport.set_tempo(0, 60e9 / BEAT_NS)
    outbox = Outbox(port, Ledger())
    scheduler, sent = Scheduler(transport, outbox), list[Sent]()

    def run(to_beats: float) -> None:
        port.lead_ns = max(0, transport.time_of(to_beats))
        scheduler.plan(0)
        sent.extend((message.beats, message.data) for message in outbox.pending)
        outbox.pending.clear()

    for number, pattern in enumerate(patterns):
        if number == 0:
            scheduler.set_pattern(pattern)
            scheduler.jump(0, transport.play(0, from_beats, 0))
            continue
        run(max(from_beats, (pattern.at_beats or 0.0) - HALF_STEP_BEATS))
        scheduler.set_pattern(pattern)
    run(until_beats)
    return [*sent, *((until_beats, note_off(*key)) for key in sorted(outbox.ledger.planned))]

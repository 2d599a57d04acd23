import pytest

from engine.performer import messages as m
from engine.performer.echo import WINDOW_NS, EchoGuard
from engine.performer.offline import OfflinePerformer

MS = 1_000_000
SCALE = m.SetPattern(1, tuple(m.NoteData(i / 2, 60 + i, 0.3, 70 + i, 0) for i in range(8)), 1)


class Loopback:
    """Plays what a performer sends back into its input, a little later and on another channel."""

    def __init__(self, delay_ns: int, *, controllers: bool = True):
        self.offline = OfflinePerformer()
        self._delay_ns = delay_ns
        self._controllers = controllers
        self._seen = 0

    def run_for(self, duration_ns: int) -> None:
        end_ns = self.offline.now_ns + duration_ns
        while self.offline.now_ns < end_ns:
            self.offline.run_for(MS)
            log = self.offline.backend.output.log
            for _, sent_ns, data in log[self._seen :]:
                note = data[0] < 0xB0
                if note or self._controllers:
                    back = bytes((data[0] & 0xF0 | 3, *data[1:])) if note else data
                    self.offline.play([(sent_ns + self._delay_ns, back)])
            self._seen = len(log)


@pytest.mark.parametrize("delay_ms", [1, 12, 60])
def test_a_loop_is_proven_reported_once_and_kept_out(delay_ms):
    loop = Loopback(delay_ms * MS)
    loop.offline.handle(SCALE)
    loop.offline.handle(m.Play())
    loop.run_for(9_000 * MS)
    faults = loop.offline.of(m.Fault)
    assert len(faults) == 1
    assert "disconnect Antiphon Out from Antiphon In" in faults[0].text
    first, *later = loop.offline.of(m.BarCaptured)
    assert 4 <= len(first.notes) <= 6  # until the proof was there
    assert [bar.notes for bar in later] == [()] * 3


def test_a_player_is_still_heard_in_a_loop():
    loop = Loopback(5 * MS)
    loop.offline.handle(SCALE)
    loop.offline.handle(m.Play())
    loop.run_for(2_500 * MS)
    loop.offline.play([(loop.offline.now_ns + 10 * MS, bytes((0x90, 61, 33)))])
    loop.run_for(2_000 * MS)
    assert [(n.pitch, n.velocity) for n in loop.offline.of(m.BarCaptured)[-1].notes] == [(61, 33)]


def test_a_clip_that_plays_the_very_same_notes_is_no_loop():
    loop = Loopback(3 * MS, controllers=False)
    loop.offline.handle(SCALE)
    loop.offline.handle(m.Play())
    loop.run_for(9_000 * MS)
    assert loop.offline.of(m.Fault) == []
    assert [len(bar.notes) for bar in loop.offline.of(m.BarCaptured)] == [8] * 4
    probes = [data for _, _, data in loop.offline.backend.output.log if data[0] == 0xBF]
    assert len(probes) == 2  # asked once, not again for a while


def test_nothing_is_suspected_while_nobody_plays():
    offline = OfflinePerformer()
    offline.handle(SCALE)
    offline.handle(m.Play())
    offline.run_for(4_000 * MS)
    assert not [data for _, _, data in offline.backend.output.log if data[0] & 0xF0 == 0xB0]


def test_a_loop_ends_when_our_notes_stop_coming_back():
    guard = EchoGuard()
    guard.looped = True
    for index in range(20):
        guard.sent(index * WINDOW_NS, bytes((0x90, 60 + index, 80)))
    guard.is_echo(40 * WINDOW_NS, bytes((0x90, 10, 80)))
    assert not guard.looped


def test_the_note_off_of_a_dropped_echo_is_dropped_with_it():
    guard = EchoGuard()
    guard.looped = True
    guard.sent(0, bytes((0x90, 60, 80)))
    assert guard.is_echo(5 * MS, bytes((0x92, 60, 80)))
    assert guard.is_echo(9 * MS, bytes((0x82, 60, 0)))
    assert not guard.is_echo(12 * MS, bytes((0x82, 60, 0)))
    assert guard.dropped == 1


@pytest.mark.parametrize(("ahead_ns", "is_ours"), [(1_900_000, True), (2_100_000, False)])
def test_an_echo_may_be_stamped_a_little_before_its_note_was_due(ahead_ns, is_ours):
    guard = EchoGuard()
    guard.looped = True
    guard.sent(1_000 * MS, b"\x90\x3c\x40")
    assert guard.is_echo(1_000 * MS - ahead_ns, b"\x93\x3c\x40") == is_ours

"""A host with a song of its own, driven op by op, and a performer that follows it.

The song has one note on each beat, and the note's pitch says which beat it is, so a captured bar
can be checked against the song: bar b has to hold the notes of beats 4 b to 4 b + 3.
"""

from engine.performer import messages as m
from engine.performer.offline import OfflinePerformer

TICKS_PER_BEAT = 24
NOTE_TICKS = 12


def pitch_of(beat: int) -> int:
    return 24 + beat % 64


class Host:
    """The master: keeps the true position, sends clock, transport and the song's notes."""

    def __init__(self, lead_ns: int, jitter_ns: int = 0, note_lag_ns: int = 0) -> None:
        self.offline = OfflinePerformer(lead_ns=lead_ns)
        self.t_ns = self.offline.now_ns + 50_000_000
        self.next_tick = 0
        self.rolling = False
        self.bpm = 120.0
        self._jitter_ns = jitter_ns
        self._note_lag_ns = note_lag_ns
        self._odd = 0
        self._held: list[tuple[int, int]] = []

    @property
    def period_ns(self) -> int:
        return round(60e9 / self.bpm / TICKS_PER_BEAT)

    def send(self, t_ns: int, *data: int) -> None:
        self.offline.play([(max(t_ns, self.offline.now_ns), bytes(data))])

    def settle(self) -> None:
        """Let the performer catch up to just before the next tick."""
        self.offline.run_until(max(self.offline.now_ns, self.t_ns - self.period_ns // 2))

    def ticks(self, count: int, dropped: frozenset[int] = frozenset(), doubled: int = -1) -> None:
        for index in range(count):
            self._odd = (self._odd * 5 + 3) % 16
            at_ns = self.t_ns + round((self._odd / 7.5 - 1) * self._jitter_ns)
            if index not in dropped:
                self.send(at_ns, 0xF8)
            if index == doubled:
                self.send(at_ns + 200_000, 0xF8)
            if self.rolling:
                self._play_song()
                self.next_tick += 1
            self.t_ns += self.period_ns
            self.settle()

    def start(self) -> None:
        self._release()
        self.send(self.t_ns - 1_000_000, 0xFA)
        self.rolling, self.next_tick = True, 0

    def resume(self) -> None:
        self.send(self.t_ns - 1_000_000, 0xFB)
        self.rolling = True

    def stop(self) -> None:
        self.send(self.t_ns - self.period_ns // 4, 0xFC)
        self._release()
        self.rolling = False
        self.offline.run_until(self.t_ns - self.period_ns // 5)

    def locate(self, sixteenth: int) -> None:
        self._release()
        self.send(self.t_ns - 1_500_000, 0xF2, sixteenth & 0x7F, sixteenth >> 7)
        self.next_tick = sixteenth * 6

    def _play_song(self) -> None:
        for off_tick, pitch in [held for held in self._held if held[0] <= self.next_tick]:
            self.send(self.t_ns - 300_000, 0x80, pitch, 0)
            self._held.remove((off_tick, pitch))
        if self.next_tick % TICKS_PER_BEAT == 0:
            pitch = pitch_of(self.next_tick // TICKS_PER_BEAT)
            self.send(self.t_ns + self._note_lag_ns, 0x90, pitch, 100)
            self._held.append((self.next_tick + NOTE_TICKS, pitch))

    def _release(self) -> None:
        for _, pitch in self._held:
            self.send(self.t_ns - 2_000_000, 0x80, pitch, 0)
        self._held.clear()


def check_bars(host: Host, tolerance_beats: float = 0.12) -> int:
    """Every captured bar holds its own four beats, in place. Returns how many were reported."""
    bars = host.offline.of(m.BarCaptured)
    for bar in bars:
        expected = [pitch_of(4 * bar.bar + beat) for beat in range(4)]
        assert [note.pitch for note in bar.notes] == expected, bar
        for beat, note in enumerate(bar.notes):
            assert abs(note.start_beats - beat) < tolerance_beats, bar
        assert bar.tied == ()
    return len(bars)


def check_output(offline: OfflinePerformer) -> None:
    """No note is switched on twice, and none sounds now."""
    sounding = set()
    for _, _, data in offline.backend.output.log:
        kind, key = data[0] & 0xF0, (data[0] & 0x0F, data[1])
        if kind == 0x90:
            assert key not in sounding, f"{key} is switched on twice"
            sounding.add(key)
        elif kind == 0x80:
            sounding.discard(key)
    assert sounding == set()

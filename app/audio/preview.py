"""What would be played while there are no MIDI ports: so that the first minute sounds without any.

With ports open the audition sound follows the messages that really left. Without, nothing leaves;
then the phrase that is playing is read along the clock.
"""

from engine.midi.messages import NOTE_OFF, NOTE_ON
from engine.music.notes import Note
from engine.performer.messages import Played
from engine.session.live import ROLLING, Sounding
from engine.session.snapshot import Snapshot

LONGEST_STEP_BEATS = 1.0
"""A jump further than this is a relocation, not the passing of time."""


class Preview:
    """Reads the playing phrase along the clock, from one call to the next."""

    def __init__(self) -> None:
        self._at_beats: float | None = None
        self._sounding: dict[tuple[int, int], float] = {}
        """Song position at which each `(channel, pitch)` ends."""

    def follow(self, snapshot: Snapshot, now_ns: int) -> list[Played]:
        """Return the messages due since the last call; none while ports are open, but for note-offs."""
        before, now = self._at_beats, self._position(snapshot, now_ns)
        self._at_beats = now
        if now is None or before is None or not 0 <= now - before <= LONGEST_STEP_BEATS:
            keys, self._sounding = list(self._sounding), {}
            return [_message(NOTE_OFF, key, 0, before or 0.0, now_ns) for key in keys]
        events = self._release(now, now_ns)
        if snapshot.live.playing is not None:
            for at_beats, note in _onsets(snapshot.live.playing, before, now):
                key = note.channel, note.pitch
                self._sounding[key] = at_beats + note.duration_beats
                events.append(_message(NOTE_ON, key, note.velocity, at_beats, now_ns))
        return events

    def _position(self, snapshot: Snapshot, now_ns: int) -> float | None:
        clock = snapshot.live.clock
        rolling = clock is not None and clock.status in ROLLING
        return snapshot.position_beats(now_ns) if rolling and not snapshot.live.ports.backend else None

    def _release(self, now_beats: float, now_ns: int) -> list[Played]:
        over = [key for key, end_beats in self._sounding.items() if end_beats <= now_beats]
        return [_message(NOTE_OFF, key, 0, self._sounding.pop(key), now_ns) for key in over]


def _onsets(playing: Sounding, before_beats: float, now_beats: float) -> list[tuple[float, Note]]:
    """Return the notes of the looping phrase that begin after one position and up to another."""
    phrase, length = playing.phrase, playing.phrase.length_beats
    found = []
    first_round = int((before_beats - playing.since_beats) // length)
    for number in (first_round, first_round + 1):
        origin = playing.since_beats + number * length
        found += [
            (origin + note.start_beats, note)
            for note in phrase.notes
            if before_beats < origin + note.start_beats <= now_beats
        ]
    return sorted(found, key=lambda pair: pair[0])


def _message(status: int, key: tuple[int, int], value: int, at_beats: float, now_ns: int) -> Played:
    channel, pitch = key
    return Played(now_ns, now_ns, at_beats, bytes((status | channel, pitch, value)))

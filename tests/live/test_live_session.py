"""The whole path over a real JACK server, with the shipped model: played, heard, varied, played back."""

import contextlib
from pathlib import Path

import pytest
from livekit import PERIOD, RATE_HZ, onsets, sounding, wait_until

import engine
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.performer.messages import PatternStarted, SetClock
from engine.session.document import Document
from engine.session.session import Session

pytestmark = pytest.mark.jack

TICK = 1000
"""Frames of a clock tick at 120 BPM, 48 kHz."""
STEP, BAR = 6 * TICK, 96 * TICK
START, STOP, CLOCK = b"\xfa", b"\xfc", b"\xf8"
MELODY = [(0, 60, 101), (4, 64, 88), (6, 67, 73), (12, 65, 94), (16, 62, 80), (22, 67, 112), (28, 64, 65)]
"""Two bars of (step, pitch, velocity)."""
BARS = 14


def script():
    """Start, so many bars of clock with the melody over and over, Stop."""
    events = [(-48, START), *((tick * TICK, CLOCK) for tick in range(BARS * 96)), (BARS * BAR - STEP, STOP)]
    for bar in range(0, BARS, 2):
        for step, pitch, velocity in MELODY:
            onset = bar * BAR + step * STEP
            events += [(onset, bytes((0x90, pitch, velocity))), (onset + STEP, bytes((0x80, pitch, 0)))]
    return events


@pytest.fixture
def session(performer):
    model = Model.load(Path(engine.__file__).parent / "bundles" / "melody_2bar", precision="float")
    controls = Controls(variation=0.0, temperature=0.5, seed=7)
    with contextlib.closing(Session(performer, document=Document(controls=controls))) as session:
        session.start(model)
        session.poll()
        yield session


def test_a_played_phrase_comes_back_as_it_was_and_then_varied(session, performer, daw):
    performer.send(SetClock("external"))
    started = []

    def reach(frame):
        def reached():
            started.extend(event for event in session.poll() if isinstance(event, PatternStarted))
            return daw.frame() >= frame

        wait_until(reached, timeout_s=60)

    start = daw.play(script(), after_s=0.5)
    reach(start + 8 * BAR)
    assert started, "no answer within eight bars"
    session.set("variation", 0.8)
    reach(start + BARS * BAR + RATE_HZ // 2)
    recorded = daw.record()

    notes = [((frame - start) / STEP, pitch, velocity) for frame, pitch, velocity in onsets(recorded)]
    grace = (PERIOD + RATE_HZ // 1000) / STEP  # what the clock's grid allows: one period and 1 ms
    first_bar = notes[0][0] / 16
    assert abs(first_bar - round(first_bar)) * 16 <= grace, "the first answer enters on a bar line"
    same = [note for note in notes if 5 * 16 - grace < note[0] < 7.5 * 16]
    expected = [(step + bar * 16, pitch, velocity) for bar in (4, 6) for step, pitch, velocity in MELODY]
    expected = [note for note in expected if 5 * 16 <= note[0] < 7.5 * 16]
    assert [note[1:] for note in same] == [note[1:] for note in expected], "variation 0 is what was played"
    assert all(abs(ours[0] - theirs[0]) <= grace for ours, theirs in zip(same, expected, strict=True))

    varied = [(round(at) % 32, pitch) for at, pitch, _ in notes if 10 * 16 - grace <= at < 12 * 16 - grace]
    assert varied, "it goes on playing"
    assert varied != sorted((step, pitch) for step, pitch, _ in MELODY), "the slider changes the music"
    assert max(at for at, _, _ in notes) < BARS * 16, "Stop silences"
    assert sounding(recorded) == set()

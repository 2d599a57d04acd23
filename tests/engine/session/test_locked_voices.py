"""Locks after a change of model: they hold in the voices they were painted on, and in no others."""

import pytest

from engine.inference.bundle.manifest import Voice
from engine.inference.constraints import Lock
from engine.inference.controls import LOCKED, Controls
from engine.music.notes import Note, Phrase
from engine.session.document import Document, HeardPhrase
from engine.session.request import request_of
from engine.session.snapshot import ModelFacts, Snapshot

TUNE, BASS, DRUM = Note(60, 0.0, 1.0), Note(36, 0.0, 2.0, channel=1), Note(38, 1.0, 0.25, channel=9)
LOCK = Lock(0.0, 4.0)


def model(*channels: int) -> ModelFacts:
    return ModelFacts(name="m", voices=tuple(Voice(name=f"voice {c}", channel=c) for c in channels))


def shown(locked: Phrase | None, facts: ModelFacts | None) -> Snapshot:
    source = HeardPhrase(Phrase.of([TUNE], 1), 0)
    controls = Controls(mode="vary", locks=(LOCK,))
    return Snapshot(document=Document(controls=controls, source=source, locked=locked), model=facts)


@pytest.mark.parametrize(
    ("locked", "channels", "held"),
    [
        ([BASS, DRUM], (2, 1, 9), [BASS, DRUM]),  # a band's bar, and the band
        ([BASS, DRUM], (0,), None),  # a melody keeps nothing of it
        ([TUNE], (9,), None),  # nor do drums of a tune
        ([TUNE, BASS, DRUM], (0,), [TUNE]),  # of a trio's bar a melody keeps the melody
        ([TUNE], (0, 1, 9), [TUNE]),
        ([], (0,), []),  # a rest that was locked stays one
        ([BASS], (), [BASS]),  # a bundle that names no voices
    ],
)
def test_locks_hold_in_the_voices_of_the_model(locked, channels, held):
    snapshot = shown(Phrase.of(locked, 1), model(*channels))
    request = request_of(snapshot, 1)
    assert request is not None
    if held is None:
        assert snapshot.locks == request.controls.locks == ()
        assert LOCKED not in request.phrases
    else:
        assert snapshot.locks == request.controls.locks == (LOCK,)
        assert request.phrases[LOCKED] == Phrase.of(held, 1)


def test_locks_hold_again_with_the_model_they_were_painted_for():
    band = Phrase.of([BASS, DRUM], 1)
    document = shown(band, model(0)).document
    assert Snapshot(document=document, model=model(0)).locks == ()
    assert Snapshot(document=document, model=model(2, 1, 9)).locks == (LOCK,)

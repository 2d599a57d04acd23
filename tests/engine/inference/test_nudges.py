"""Nudges change one thing at a time, stay within the limits, and are the same for the same seed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inference.constraints import Constraints, Lock
from engine.inference.controls import Controls
from engine.inference.nudges import nudged
from engine.music.key import Key
from engine.music.notes import DRUM_CHANNEL, Note, Phrase

TUNE = Phrase.of(
    [Note(0.0, 60, 0.5), Note(0.5, 62, 0.5), Note(1.0, 64, 1.0), Note(2.0, 67, 2.0), Note(4.0, 65, 3.0)], 2
)
C = Key(0)

notes = st.builds(
    Note,
    start_beats=st.integers(0, 31).map(lambda step: step / 4),
    pitch=st.integers(48, 84),
    duration_beats=st.integers(1, 8).map(lambda steps: steps / 4),
    channel=st.sampled_from((0, 1, DRUM_CHANNEL)),
)
phrases = st.lists(notes, max_size=12, unique_by=lambda n: (n.start_beats, n.pitch, n.channel)).map(
    lambda found: Phrase.of(found, 2)
)
seeds = st.integers(0, 999)


def changes(before: Phrase, after: Phrase) -> int:
    """How many notes are gone or new."""
    return max(len(set(before.notes) - set(after.notes)), len(set(after.notes) - set(before.notes)))


@settings(max_examples=25, deadline=None)
@given(phrases, seeds, st.integers(0, 12))
def test_each_nudge_builds_on_the_ones_before_and_changes_one_thing(phrase, seed, number):
    before = nudged(phrase, Controls(seed=seed, nudges=number), C)
    after = nudged(phrase, Controls(seed=seed, nudges=number + 1), C)
    assert changes(before, after) <= 2  # one note, and where the one beside it ends
    assert abs(len(after.notes) - len(before.notes)) <= 1
    assert after == nudged(phrase, Controls(seed=seed, nudges=number + 1), C)
    assert (after.bars, after.beats_per_bar) == (2, 4.0)
    places = [(note.start_beats, note.pitch, note.channel) for note in after.notes]
    assert len(set(places)) == len(places)
    assert all(0 <= note.start_beats < 8 and note.duration_beats > 0 for note in after.notes)


def test_a_tune_is_nudged_and_no_nudge_leaves_it():
    assert nudged(TUNE, Controls(seed=1), C) == TUNE
    assert len({nudged(TUNE, Controls(seed=seed, nudges=1), C) for seed in range(20)} - {TUNE}) > 5


@settings(max_examples=25, deadline=None)
@given(phrases, seeds, st.integers(0, 7))
def test_what_is_locked_stays_note_for_note(phrase, seed, beat):
    lock = Lock(float(beat), float(beat + 1))
    after = nudged(phrase, Controls(seed=seed, nudges=20, locks=(lock,)), C)
    assert [n for n in after.notes if lock.holds(n)] == [n for n in phrase.notes if lock.holds(n)]


@settings(max_examples=25, deadline=None)
@given(phrases, seeds)
def test_limits_hold(phrase, seed):
    def limited(**limits):
        return nudged(phrase, Controls(seed=seed, nudges=20, constraints=Constraints(**limits)), C)

    onsets = [(n.start_beats, n.channel) for n in phrase.notes]
    assert sorted((n.start_beats, n.channel) for n in limited(keep_rhythm=True).notes) == sorted(onsets)
    assert {n.pitch for n in limited(keep_pitches=True).notes} <= {n.pitch for n in phrase.notes}
    new = [n for n in limited(key="D").notes if n.channel != DRUM_CHANNEL]
    own = {n.pitch for n in phrase.notes}
    assert all(Key(2).allows(n.pitch) or n.pitch in own for n in new)
    drums = {n.pitch for n in phrase.notes if n.channel == DRUM_CHANNEL}
    assert {n.pitch for n in limited().notes if n.channel == DRUM_CHANNEL} <= drums


def test_an_eighth_is_struck_twice_as_two_sixteenths():
    eighth = Phrase.of([Note(1.0, 60, 0.5)], 2)
    found = {nudged(eighth, Controls(seed=seed, nudges=1), C) for seed in range(40)}
    assert Phrase.of([Note(1.0, 60, 0.25), Note(1.25, 60, 0.25)], 2) in found


def test_a_dotted_eighth_is_struck_twice_as_an_eighth_and_a_sixteenth():
    dotted = Phrase.of([Note(1.0, 60, 0.75)], 2)
    found = {nudged(dotted, Controls(seed=seed, nudges=1), C) for seed in range(40)}
    assert Phrase.of([Note(1.0, 60, 0.5), Note(1.5, 60, 0.25)], 2) in found

"""What is heard of key and chords, which notes are for chords, and how both travel with a phrase."""

import pytest
from hands import Hands

from engine.errors import RenderError
from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.music.chords import parse_chord
from engine.music.key import Key
from engine.music.metre import FOUR_FOUR
from engine.music.notes import Note, Phrase
from engine.performer.messages import BarCaptured, NoteData
from engine.session.document import Document, HeardPhrase, Surroundings
from engine.session.heard_harmony import Listening, is_chord_note
from engine.session.request import request_of
from engine.session.settings import Settings
from engine.session.snapshot import ModelFacts, Snapshot

MELODY = ((0.0, 69, 1.0, 90), (1.0, 71, 1.0, 90), (2.0, 72, 1.0, 90), (3.0, 76, 1.0, 90))
A_MINOR = ((0.0, 45, 4.0, 70), (0.0, 48, 4.0, 70), (0.0, 52, 4.0, 70))
F_MAJOR = ((0.0, 41, 4.0, 70), (0.0, 45, 4.0, 70), (0.0, 48, 4.0, 70))


def bar(number, melody=(), chords=(), channel=1):
    notes = [NoteData(*note, 0) for note in melody] + [NoteData(*note, channel) for note in chords]
    return BarCaptured(
        number, tuple(sorted(notes, key=lambda note: note.start_beats)), (), 120.0, FOUR_FOUR, 0
    )


def names(harmony):
    return [None if chord is None else chord.name for chord in harmony]


def test_chords_on_a_channel_are_no_part_of_the_melody():
    settings = Settings(chords_from="channel", chord_channel=2)
    after, music, known = Listening().heard(bar(0, MELODY, A_MINOR), settings)
    assert [note.pitch for note in music.notes] == [69, 71, 72, 76]
    assert names(known.harmony) == ["Am"] * 4
    _, _, later = after.heard(bar(1, MELODY, F_MAJOR), settings)
    assert names(later.harmony) == ["F"] * 4


def test_chords_below_the_split_are_no_part_of_the_melody():
    settings = Settings(chords_from="below", split_pitch=60)
    _, music, known = Listening().heard(bar(0, MELODY, A_MINOR, channel=0), settings)
    assert [note.pitch for note in music.notes] == [69, 71, 72, 76]
    assert names(known.harmony) == ["Am"] * 4


def test_in_everything_chords_are_where_three_notes_sound_together():
    settings = Settings(chords_from="all")
    after, music, known = Listening().heard(bar(0, MELODY, A_MINOR), settings)
    assert len(music.notes) == 7
    assert names(known.harmony) == ["Am"] * 4
    _, _, alone = after.heard(bar(1, MELODY), settings)
    assert alone.harmony == ()


def test_a_part_for_chords_goes_on_through_a_silence():
    settings = Settings(chords_from="channel", chord_channel=2)
    after, _, _ = Listening().heard(bar(0, MELODY, A_MINOR), settings)
    _, _, known = after.heard(bar(1, MELODY), settings)
    assert names(known.harmony) == ["Am"] * 4


def test_nothing_is_heard_where_nothing_is_asked_for():
    _, music, known = Listening().heard(bar(0, MELODY, A_MINOR), Settings(chords_from="none"))
    assert len(music.notes) == 7
    assert known.harmony == ()


@pytest.mark.parametrize(
    ("data", "chosen"),
    [((0x91, 50, 80), True), ((0x81, 50, 0), True), ((0x90, 50, 80), False), ((0xB1, 64, 127), False)],
)
def test_chord_notes_are_found_by_their_channel(data, chosen):
    assert is_chord_note(Settings(chords_from="channel", chord_channel=2), bytes(data)) is chosen


def test_the_drum_channel_is_never_below_the_split():
    assert not is_chord_note(Settings(chords_from="below"), bytes((0x99, 36, 80)))


def test_surroundings_of_the_last_beats():
    am, f = parse_chord("Am"), parse_chord("F")
    known = Surroundings(Key(9, "minor"), (am, am, f, f))
    assert known.last(2) == Surroundings(Key(9, "minor"), (f, f))


@pytest.fixture
def hands(model):
    made = Hands(model, controls=Controls(variation=0.0))
    yield made
    made.session.close()


def test_key_and_chords_travel_with_the_source_into_a_slot_and_back(hands):
    hands.session.set("chords_from", "channel")
    hands.hear(bar(0, MELODY, A_MINOR), bar(1, MELODY, F_MAJOR))
    shown = hands.session.snapshot()
    assert shown.live.key == Key(9, "minor")
    source = shown.document.source
    assert names(source.surroundings.harmony) == ["Am"] * 4 + ["F"] * 4
    hands.session.do("store.A")
    assert hands.session.snapshot().document.slot_surroundings == {"A": source.surroundings}
    hands.session.do("swap.AC")
    assert hands.session.snapshot().document.slot_surroundings == {"C": source.surroundings}
    hands.session.do("clear.C")
    assert hands.session.snapshot().document.slot_surroundings == {}


def test_the_heard_key_can_be_locked(hands):
    hands.session.do("lock_key")
    assert "no key is heard yet" in hands.session.snapshot().live.notices[0].text.lower()
    hands.play_bars(0, MELODY, MELODY)
    hands.session.do("lock_key")
    constraints = hands.session.snapshot().document.controls.constraints
    assert (constraints.key, constraints.scale) == ("A", "minor")


def test_a_line_of_chords_is_understood_or_refused(hands):
    hands.play_bars(0, MELODY, MELODY)
    hands.set(chords="Am F | C G", follow_chords=1.0)
    assert hands.session.snapshot().document.controls.chords == "Am F | C G"
    with pytest.raises(RenderError, match="chord 'H7' is unknown"):
        hands.session.set("chords", "H7")


def test_what_is_made_from_nothing_stays_in_the_key_that_was_heard():
    tune = Phrase.of([Note(0.0, 65, 1.0), Note(1.0, 70, 1.0), Note(2.0, 77, 1.0)], 1)
    heard = HeardPhrase(tune, 0, Surroundings(key=Key(5)))

    def asked(source=heard, **controls):
        document = Document(controls=Controls(mode="generate", **controls), source=source)
        request = request_of(Snapshot(document=document, model=ModelFacts(name="tiny")), 0)
        assert request.controls.constraints.key == document.controls.constraints.key
        return request.controls_in_key.constraints.key, request.controls_in_key.constraints.scale

    assert asked() == ("F", "major")
    assert asked(source=None) == (None, "major")
    assert asked(constraints=Constraints(in_key=False)) == (None, "major")
    assert asked(constraints=Constraints(key="D", scale="dorian")) == ("D", "dorian")
    assert asked(chords="Am F") == (None, "major")  # they have a key of their own

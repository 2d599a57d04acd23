"""Which channel or zone feeds which part: as chosen, or sensibly by itself."""

import pytest
from hands import Hands

from engine.inference.controls import Controls
from engine.music.metre import FOUR_FOUR
from engine.performer.messages import BarCaptured, Heard, NoteData
from engine.session.roles import of_bar, of_message
from engine.session.settings import Settings


def bar(*notes, tied=()):
    return BarCaptured(0, tuple(NoteData(*note) for note in notes), tied, 120.0, FOUR_FOUR, 0)


KEYS = bar(
    (0.0, 40, 1.0, 80, 3), (0.0, 67, 1.0, 80, 3), (1.0, 36, 0.5, 80, 9), (2.0, 72, 1.0, 80, 5), tied=(1,)
)


def parts(captured):
    return [(note.pitch, note.channel) for note in captured.notes]


def test_by_themselves_channels_stay_and_one_channel_is_melody_above_bass():
    assert of_bar(KEYS, Settings(), "melody") is KEYS
    assert of_bar(KEYS, Settings(), "trio") is KEYS  # two channels: each is a part already
    alone = bar((0.0, 40, 1.0, 80, 0), (0.0, 67, 1.0, 80, 0), (1.0, 36, 0.5, 80, 9))
    assert parts(of_bar(alone, Settings(), "trio")) == [(40, 1), (67, 0), (36, 9)]
    assert of_bar(alone, Settings(), "melody") is alone
    assert of_bar(bar((0.0, 40, 1.0, 80, 0)), Settings(), "trio").notes[0].channel == 0


def test_a_part_with_a_channel_of_its_own_is_heard_there_alone():
    chosen = Settings(melody_channel=6, bass_channel=4, drum_channel=0)
    assert parts(of_bar(KEYS, chosen, "trio")) == [(40, 1), (67, 1), (36, 9), (72, 0)]
    assert of_bar(KEYS, chosen, "trio").tied == (1,)
    assert parts(of_bar(KEYS, chosen, "melody")) == [(36, 9), (72, 0)]
    drums = Settings(drum_channel=4)
    assert parts(of_bar(KEYS, drums, "drums")) == [(40, 9), (67, 9), (72, 5)]


@pytest.mark.parametrize(("data", "there"), [(b"\x93\x28\x50", None), (b"\x95\x48\x50", b"\x90\x48\x50")])
def test_messages_of_a_turn_follow_the_same_parts(data, there):
    heard = of_message(Heard(0, 0.0, data), Settings(melody_channel=6), "melody")
    assert (heard and heard.data) == there
    pedal = Heard(0, 0.0, b"\xb3\x40\x7f")
    assert of_message(pedal, Settings(melody_channel=6), "melody") == pedal


def test_only_the_melodys_channel_is_answered(model):
    hands = Hands(model, controls=Controls(variation=0.0))
    hands.set(melody_channel=6)
    hands.hear(*(BarCaptured(n, KEYS.notes, (), 120.0, FOUR_FOUR, 0) for n in range(2)))
    assert {(note.pitch, note.channel) for note in hands.last.notes if note.channel != 9} == {(72, 0)}
    hands.session.close()

"""What patterns send along a stretch, message by message."""

from engine.music.metre import Metre
from engine.performer.messages import NoteData, SetPattern
from engine.performer.unrolled import unrolled

FOUR_FOUR = Metre()


def pattern(number, *notes, bars=1, at_beats=0.0, **options):
    data = tuple(NoteData(start, pitch, length, 80, 0) for start, pitch, length in notes)
    return SetPattern(number, data, bars, "step", 0.0, at_beats, **options)


def beats_and_kinds(sent):
    return [(round(beats, 3), "on" if data[0] == 0x90 else "off", data[1]) for beats, data in sent]


def test_nothing_is_sent_of_nothing():
    assert unrolled([], 0.0, 8.0, FOUR_FOUR) == []


def test_a_pattern_repeats_and_what_sounds_at_the_end_is_ended_there():
    sent = unrolled([pattern(1, (0.0, 60, 1.0), (3.0, 64, 2.0))], 0.0, 8.0, FOUR_FOUR)
    assert beats_and_kinds(sent) == [
        (0.0, "on", 60),
        (1.0, "off", 60),
        (3.0, "on", 64),
        (4.0, "on", 60),
        (5.0, "off", 60),
        (5.0, "off", 64),
        (7.0, "on", 64),
        (8.0, "off", 64),
    ]


def test_a_stretch_begins_in_the_middle_of_a_pattern():
    sent = unrolled([pattern(1, (0.0, 60, 1.0), (2.0, 64, 1.0))], 5.5, 8.0, FOUR_FOUR)
    assert beats_and_kinds(sent) == [(6.0, "on", 64), (7.0, "off", 64)]


def test_the_next_one_takes_over_at_its_place_and_cuts_what_it_has_not():
    first, second = pattern(1, (0.0, 60, 4.0)), pattern(2, (2.5, 72, 1.0), at_beats=2.0)
    sent = unrolled([first, second], 0.0, 4.0, FOUR_FOUR)
    assert beats_and_kinds(sent) == [(0.0, "on", 60), (2.0, "off", 60), (2.5, "on", 72), (3.5, "off", 72)]


def test_a_pattern_of_one_pass_falls_silent_after_it():
    sent = unrolled([pattern(1, (0.0, 60, 1.0), once=True)], 0.0, 12.0, FOUR_FOUR)
    assert beats_and_kinds(sent) == [(0.0, "on", 60), (1.0, "off", 60)]


def test_in_another_metre_it_repeats_after_its_own_bars():
    sent = unrolled([pattern(1, (0.0, 60, 1.0))], 0.0, 6.0, Metre(3, 4))
    assert [beats for beats, kind, _ in beats_and_kinds(sent) if kind == "on"] == [0.0, 3.0]

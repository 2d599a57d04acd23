"""What is typical of melodies: counted by hand, and how like a phrase is to them."""

import math

import pytest

from engine.music.key import Key
from engine.music.metre import Metre
from engine.music.notes import DRUM_CHANNEL, Note, Phrase
from engine.music.style import Style, line_of, moves_of, style_of

WALK = Phrase.of([Note(beat / 2, 60 + (0, 2, 4, 5)[beat % 4], 0.5) for beat in range(16)], 2)
LEAPS = Phrase.of([Note(float(beat), (60, 72, 55, 67)[beat % 4], 1.0) for beat in range(8)], 2)


def test_the_line_is_the_highest_note_of_each_step_without_drums():
    phrase = Phrase.of(
        [Note(0.02, 60, 1), Note(0.0, 67, 1), Note(1.0, 40, 1, 90, DRUM_CHANNEL), Note(1.49, 64, 1)], 1
    )
    assert line_of(phrase) == [(0, 67), (6, 64)]
    assert moves_of([(0, 67), (6, 64), (40, 64), (42, 90)]) == [(-3, 6), (12, 2)]


def test_a_style_counts_onsets_pitch_classes_and_moves():
    style = style_of([(WALK, Key(0)), (WALK.transposed(2), Key(2))], "walk")
    assert (style.name, style.bars, style.notes) == ("walk", 4, 32)
    assert style.onsets == (4, 0) * 8
    assert style.classes == (8, 0, 8, 0, 8, 8, 0, 0, 0, 0, 0, 0)
    assert style.moves[0] == (2, 2, 16)
    assert (
        style.as_phrases()
        == [Phrase.of([Note(n.start_beats, n.pitch, n.duration_beats) for n in WALK.notes], 2)] * 2
    )


def test_what_a_style_has_more_than_usual_is_favoured():
    style = style_of([(WALK, Key(0))] * 4, "walk")
    assert style.onset_nats(2, 16) > 1  # every bar begins an eighth there, usually one in four
    assert style.onset_nats(1, 16) < 0.6
    assert style.onset_nats(2, 12) > 0  # three beats a bar: by the place within the beat
    assert style.class_nats(65, Key(0)) > 0.5
    assert style.class_nats(67, Key(0)) < -1
    assert style.class_nats(67, Key(2)) == pytest.approx(style.class_nats(65, Key(0)))


def test_a_phrase_is_like_its_own_style_and_not_like_another():
    walk, leaps = (style_of([(each, Key(0))] * 4, "x") for each in (WALK, LEAPS))
    assert walk.likeness(WALK) == pytest.approx(1.0)
    assert leaps.likeness(LEAPS) == pytest.approx(1.0)
    assert walk.likeness(LEAPS) == leaps.likeness(WALK) == 0.0


def test_nothing_heard_is_no_style():
    drums = Phrase.of([Note(0.0, 36, 1, 90, DRUM_CHANNEL)], 1)
    assert style_of([(drums, None)], "x") == Style()
    assert Style().likeness(WALK) == 0.0


def test_four_notes_in_two_bars_are_a_phrase_and_three_are_none():
    four = Phrase.of([Note(float(beat), 60 + beat, 1.0) for beat in range(4)], 2)
    three = Phrase.of(four.notes[:3], 2)
    assert style_of([(four, Key(0))], "x").as_phrases() == [four]
    assert style_of([(three, Key(0))], "x").as_phrases() == []


@pytest.mark.parametrize(
    ("metre", "onsets"), [(Metre(1, 8), (8, 8)), (Metre(3, 16), (5, 5, 5)), (Metre(1, 32), (16,))]
)
def test_bars_shorter_than_a_beat_have_a_style_too(metre, onsets):
    bars = round(4 / metre.beats_per_bar)
    notes = [Note(step / 4, 60, 0.25) for step in range(16) if step / 4 < bars * metre.beats_per_bar]
    style = style_of([(Phrase.of(notes, bars, metre), Key(0))], "short")
    assert style.onsets == onsets
    assert all(math.isfinite(style.onset_nats(step, 16)) for step in range(16))


def test_a_place_that_bars_shorter_than_a_beat_lack_is_like_the_mean_of_all():
    style = Style("short", 8, 16, (8, 4), (1,) * 12)
    mean = Style("mean", 8, 16, (6,) * 16, (1,) * 12)
    assert style.onset_nats(2, 16) == mean.onset_nats(2, 16)

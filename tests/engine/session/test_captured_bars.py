import pytest

from engine.errors import RenderError
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Note
from engine.performer.messages import BarCaptured, NoteData
from engine.session.captured_bars import BARS_KEPT, CapturedBars, phrase_of


def bar(number, *notes, tied=(), metre=FOUR_FOUR):
    """Notes as (start, pitch, duration)."""
    data = tuple(NoteData(start, pitch, duration, 80, 0) for start, pitch, duration in notes)
    return BarCaptured(number, data, tuple(tied), 120.0, metre, number * 2_000_000_000)


def filled(*numbers):
    captured = CapturedBars()
    for number in numbers:
        captured = captured.with_bar(bar(number, (0.0, 60 + number, 1.0)))
    return captured


def test_a_note_held_over_two_lines_becomes_one():
    bars = [
        bar(0, (3.0, 60, 1.0)),
        bar(1, (0.0, 60, 4.0), tied=[0]),
        bar(2, (0.0, 60, 0.5), (1.0, 62, 1.0), tied=[0]),
    ]
    assert phrase_of(bars).notes == (Note(3.0, 60, 5.5), Note(9.0, 62, 1.0))


def test_a_tied_note_whose_beginning_is_missing_starts_at_the_cut():
    assert phrase_of([bar(5, (0.0, 60, 1.5), tied=[0])]).notes == (Note(0.0, 60, 1.5),)


def test_the_same_pitch_struck_again_on_the_line_stays_two_notes():
    bars = [bar(0, (3.0, 60, 1.0)), bar(1, (0.0, 60, 1.0))]
    assert phrase_of(bars).notes == (Note(3.0, 60, 1.0), Note(4.0, 60, 1.0))


def test_an_early_note_stays_before_its_line():
    phrase = phrase_of([bar(0, (-0.05, 60, 0.5)), bar(1, (-0.1, 62, 0.5))])
    assert [note.start_beats for note in phrase.notes] == [-0.05, pytest.approx(3.9)]


def test_a_phrase_closes_on_multiples_of_its_length():
    assert filled(0).closed_phrase(2, partial=True) is None
    heard = filled(0, 1).closed_phrase(2, partial=False)
    assert (heard.first_bar, heard.phrase.bars) == (0, 2)
    assert filled(0, 1, 2).closed_phrase(2, partial=True) is None
    assert filled(0, 1, 2, 3).closed_phrase(2, partial=True).first_bar == 2


def test_a_long_phrase_answers_early_only_where_asked():
    closed = [
        len(run) for run in (range(n) for n in range(1, 17)) if filled(*run).closed_phrase(16, partial=True)
    ]
    assert closed == [2, 4, 8, 16]
    assert filled(*range(8)).closed_phrase(16, partial=False) is None
    assert filled(*range(8)).closed_phrase(16, partial=True).phrase.bars == 8


def test_a_jump_of_the_transport_breaks_a_phrase():
    assert filled(4, 7).closed_phrase(2, partial=True) is None  # bar 6 was not heard
    assert filled(7, 0, 1).closed_phrase(2, partial=True).first_bar == 0


def test_a_change_of_metre_breaks_a_phrase_also_where_bars_stay_as_long():
    captured = CapturedBars().with_bar(bar(0, metre=Metre(3))).with_bar(bar(1))
    assert captured.closed_phrase(2, partial=False) is None
    captured = CapturedBars().with_bar(bar(0, metre=Metre(3))).with_bar(bar(1, metre=Metre(6, 8)))
    assert captured.closed_phrase(2, partial=False) is None


def test_keeps_the_last_64_bars_under_ids_that_never_change():
    captured = filled(*range(70))
    assert len(captured) == BARS_KEPT
    assert [each.id for each in captured][:2] == [7, 8]
    picked = captured.pick(7, 2)
    assert picked.first_bar == 6
    assert [note.pitch for note in picked.phrase.notes] == [66, 67]
    assert captured.with_bar(bar(70)).pick(8, 2) == captured.pick(8, 2)
    for first, bars in ((6, 2), (70, 2), (8, 0)):
        with pytest.raises(RenderError, match="not among the 64"):
            captured.pick(first, bars)
    with pytest.raises(RenderError, match="one after the other"):
        filled(0, 2).pick(1, 2)


def test_the_last_bars_can_be_taken():
    assert filled(0, 1, 2).last(2).first_bar == 1
    with pytest.raises(RenderError, match="3 bars heard so far, not 4"):
        filled(0, 1, 2).last(4)

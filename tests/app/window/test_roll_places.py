"""What a drag over the large roll locks: times, pitches, the voice it begins on, drum lanes."""

import pytest
from PyQt6.QtCore import QPointF, QRect, QSize

from app.window.axis import Axis
from app.window.score import RollMusic
from app.window.widgets.roll_picture import RollPicture
from app.window.widgets.roll_places import TITLE_HEIGHT, RollPlaces
from engine.inference.constraints import Lock
from engine.music.notes import Note, Phrase

pytestmark = [pytest.mark.window, pytest.mark.usefixtures("qapp")]

TRIO = Phrase.of([Note(0.0, 60, 2.0, 90), Note(0.0, 40, 2.0, 90, 1), Note(0.0, 38, 0.25, 90, 9)], 2)
DRUMS = Phrase.of([Note(0.0, 36, 0.25, 90, 9), Note(1.0, 42, 0.25, 90, 9)], 2)


def places(phrase: Phrase) -> RollPlaces:
    return RollPlaces(size=QSize(900, 600), music=RollMusic(playing=phrase), axis=Axis().grown(phrase.notes))


def at(shown: RollPlaces, beats: float, row: int) -> QPointF:
    return QPointF(shown.x(beats) + 1, shown.top() + (row + 0.5) * shown.row_height())


@pytest.mark.parametrize("phrase", [TRIO, DRUMS], ids=["trio", "drums"])
def test_a_drag_over_drum_lanes_locks_their_drums(phrase: Phrase) -> None:
    shown = places(phrase)
    snare, hat = shown.axis.row_of_lane(1), shown.axis.row_of_lane(2)
    lock = shown.lock_of(at(shown, 0.0, hat), at(shown, 3.9, snare), True)
    assert lock == Lock(0.0, 4.0, lanes=(1, 2))
    area = shown.lock_area(lock)
    assert area.contains(at(shown, 1.0, hat))
    assert area.contains(at(shown, 1.0, snare))
    assert not area.contains(at(shown, 1.0, shown.axis.row_of_lane(0)))


def test_a_drag_from_a_note_locks_its_voice_and_one_from_no_note_all_voices() -> None:
    shown = places(TRIO)
    bass, above = shown.axis.row_of_pitch(40), shown.axis.row_of_pitch(45)
    assert shown.lock_of(at(shown, 0.0, bass), at(shown, 3.9, above), True) == Lock(
        0.0, 4.0, 40, 45, channel=1
    )
    assert shown.lock_of(at(shown, 3.0, bass), at(shown, 3.9, above), True) == Lock(3.0, 4.0, 40, 45)


def test_a_drag_without_shift_or_from_pitches_to_drums_locks_everything() -> None:
    shown = places(TRIO)
    pitched, drum = shown.axis.row_of_pitch(60), shown.axis.row_of_lane(0)
    assert shown.lock_of(at(shown, 0.0, drum), at(shown, 0.9, drum), False) == Lock(0.0, 1.0)
    assert shown.lock_of(at(shown, 0.0, pitched), at(shown, 0.9, drum), True) == Lock(0.0, 1.0)


def test_a_long_title_ends_before_whose_turn_it_is() -> None:
    def middle_of_the_title_line(title: str):
        music = RollMusic(playing=TRIO, title=title, turn_text="ANSWER'S TURN")
        shown = RollPlaces(size=QSize(600, 400), music=music, axis=Axis().grown(TRIO.notes))
        return RollPicture(shown).painted(1.0).toImage().copy(QRect(250, 0, 100, TITLE_HEIGHT))

    assert middle_of_the_title_line("Vary") == middle_of_the_title_line("C major (heard, kept to) " * 9)

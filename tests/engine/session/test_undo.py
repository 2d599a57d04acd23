import itertools

import msgspec
import pytest

from engine.inference.controls import Controls
from engine.music.notes import Note, Phrase
from engine.session.document import Document, HeardPhrase
from engine.session.undo import JOINED_NS, STEPS_KEPT, Step, Undo

PHRASE = Phrase.of([Note(0.0, 60, 1.0)], 1)


def at(variation, document=None):
    return msgspec.structs.replace(document or Document(), controls=Controls(variation=variation))


def test_a_step_is_taken_back_and_done_again():
    first, second = at(0.1), at(0.2)
    undo = Undo().committed(Step("Variation 20%", "", first, second, 0))
    assert (undo.undo_label, undo.redo_label) == ("Variation 20%", "")
    undo, back = undo.undone(second)
    assert back == first
    assert (undo.undo_label, undo.redo_label) == ("", "Variation 20%")
    undo, again = undo.redone(back)
    assert again == second
    assert undo.undo_label == "Variation 20%"


def test_undo_leaves_alone_what_the_step_did_not_change():
    first, second = at(0.1), at(0.2)
    undo = Undo().committed(Step("step", "", first, second, 0))
    heard = HeardPhrase(PHRASE, 4)
    now = msgspec.structs.replace(second, source=heard)
    _, back = undo.undone(now)
    assert (back.controls.variation, back.source) == (0.1, heard)


@pytest.mark.parametrize(
    ("join", "gap_ns", "held", "steps"),
    [
        ("variation", JOINED_NS - 1, False, 1),
        ("variation", JOINED_NS, False, 2),
        ("variation", 60 * JOINED_NS, True, 1),
        ("", 1, False, 2),
    ],
)
def test_what_is_joined(join, gap_ns, held, steps):
    a, b, c = at(0.1), at(0.2), at(0.3)
    undo = Undo().committed(Step("one", join, a, b, 0), held=held)
    undo = undo.committed(Step("two", join, b, c, gap_ns), held=held)
    assert len(undo.past) == steps
    _, back = undo.undone(c)
    assert back == (a if steps == 1 else b)


def test_a_joined_step_does_not_take_back_what_came_in_between():
    a, b = at(0.1), at(0.2)
    undo = Undo().committed(Step("one", "v", a, b, 0))
    heard = HeardPhrase(PHRASE, 0)
    with_source = msgspec.structs.replace(b, source=heard)
    c = at(0.3, with_source)
    undo = undo.committed(Step("two", "v", with_source, c, 1))
    _, back = undo.undone(c)
    assert (back.controls.variation, back.source) == (0.1, heard)


def test_a_new_step_forgets_what_was_undone_and_the_oldest_are_dropped():
    documents = [at(number / 1000) for number in range(STEPS_KEPT + 5)]
    undo = Undo()
    for before, after in itertools.pairwise(documents):
        undo = undo.committed(Step("step", "", before, after, 0))
    assert len(undo.past) == STEPS_KEPT
    undo, back = undo.undone(documents[-1])
    undo = undo.committed(Step("other", "", back, at(0.9), 0))
    assert undo.future == ()
    with pytest.raises(IndexError):
        undo.redone(at(0.9))

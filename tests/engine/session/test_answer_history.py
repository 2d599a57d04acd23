"""What has sounded is listed, comes back note for note, and can be kept."""

import pytest
from hands import OTHER, TUNE, Hands

from engine.errors import RenderError
from engine.inference.controls import Controls
from engine.performer.messages import PatternStarted
from engine.session.answer_history import favourite_again
from engine.session.document import Favourite


@pytest.fixture
def hands(model):
    made = Hands(model, controls=Controls(variation=0.7, seed=1))
    yield made
    made.session.close()


def sound(hands, at_beats):
    hands.hear(PatternStarted(hands.last.pattern_id, at_beats, 0, 0.0))


def sounded(hands):
    return hands.session.snapshot().live.sounded


def test_what_sounds_is_listed_and_comes_back_note_for_note(hands):
    hands.play_bars(0, TUNE, OTHER)
    sound(hands, 8.0)
    first = hands.last
    hands.set(seed=2, variation=0.9)
    sound(hands, 16.0)
    assert hands.last.notes != first.notes
    assert [each.number for each in sounded(hands)] == [first.pattern_id, hands.last.pattern_id]
    hands.session.play_again(first.pattern_id)
    assert hands.session.wait_idle()
    assert hands.last.notes == first.notes
    shown = hands.session.snapshot()
    assert (shown.document.controls.seed, shown.document.settings.hold) == (1, True)
    hands.session.do("undo")
    assert hands.session.snapshot().document.controls.seed == 2


def test_what_a_slider_passed_over_is_not_listed(hands):
    hands.play_bars(0, TUNE, OTHER)
    sound(hands, 8.0)
    hands.set(variation=0.8)
    sound(hands, 8.25)
    hands.set(variation=0.9)
    sound(hands, 8.5)
    assert [each.document.controls.variation for each in sounded(hands)] == [0.9]


def test_what_is_not_listed_cannot_be_played_again(hands):
    with pytest.raises(RenderError, match="rendering 7 is not in the list"):
        hands.session.play_again(7)


def test_favourites_are_kept_once_and_dropped(hands):
    hands.session.do("favourite")
    assert "Nothing plays yet" in hands.session.snapshot().live.notices[-1].text
    hands.play_bars(0, TUNE, OTHER)
    sound(hands, 8.0)
    hands.session.do("favourite")
    hands.session.do("favourite")
    (kept,) = hands.session.snapshot().document.favourites
    assert kept.phrase == sounded(hands)[-1].phrase
    assert kept.controls.seed == 1
    hands.session.drop_favourite(0)
    assert hands.session.snapshot().document.favourites == ()
    with pytest.raises(RenderError, match="no favourite 1"):
        hands.session.drop_favourite(0)


def test_a_favourite_comes_back_note_for_note_from_what_it_was_made_from(hands):
    hands.play_bars(0, TUNE, OTHER)
    sound(hands, 8.0)
    made = hands.last
    hands.session.do("favourite")
    hands.session.do("store.D")
    hands.play_bars(2, OTHER, OTHER)
    hands.set(seed=2, variation=0.9)
    assert hands.last.notes != made.notes
    hands.session.play_favourite(0)
    assert hands.session.wait_idle()
    assert hands.last.notes == made.notes
    assert set(hands.session.snapshot().document.slots) == {"D"}  # it was not made from a slot
    with pytest.raises(RenderError, match="no favourite 2"):
        hands.session.play_favourite(1)


def test_a_slot_that_would_join_in_is_emptied_when_a_blend_is_played_again(hands):
    hands.play_bars(0, TUNE, OTHER)
    hands.session.do("store.A")
    hands.session.do("store.B")
    hands.set(mode="morph", morph_by="pad", pad_x=0.3)
    sound(hands, 8.0)
    made = hands.last
    hands.session.do("store.D")
    hands.session.play_again(made.pattern_id)
    assert hands.session.wait_idle()
    assert set(hands.session.snapshot().document.slots) == {"A", "B"}
    assert hands.last.notes == made.notes


def test_a_favourite_of_which_nothing_else_was_kept_is_refused(hands):
    hands.play_bars(0, TUNE, OTHER)
    sound(hands, 8.0)
    hands.session.do("favourite")
    (kept,) = hands.session.snapshot().document.favourites
    assert kept.source is not None
    state = hands.session._state
    bare = Favourite(kept.phrase, kept.controls, kept.model)
    with pytest.raises(RenderError, match="was not kept with it; drag it to a slot"):
        favourite_again(state.with_document(favourites=(bare,)), 0, 0)

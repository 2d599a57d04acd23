"""Nudges, styles and halves in a session: undone, kept in the document, greyed where they mean nothing."""

import pytest
from hands import OTHER, TUNE, Hands
from msgspec.structs import replace

from engine.errors import RenderError
from engine.inference.controls import Controls
from engine.music.metre import Metre
from engine.music.notes import Note, Phrase
from engine.performer.messages import PatternStarted
from engine.session.document import Document
from engine.session.intents import Replayed
from engine.session.snapshot import ModelFacts, Snapshot
from engine.session.store import read_document, write_document


@pytest.fixture
def hands(model):
    made = Hands(model, controls=Controls(variation=0.0))
    yield made
    made.session.close()


def test_a_nudge_changes_a_thing_is_repeated_undone_and_gone_with_a_new_take(hands):
    hands.play_bars(0, TUNE, OTHER)
    plain = hands.last.notes
    for number in (1, 2):
        hands.session.do("nudge")
        assert hands.session.wait_idle()
        assert hands.session.snapshot().document.controls.nudges == number
    twice = hands.last.notes
    assert twice != plain
    hands.session.do("undo")
    hands.session.do("redo")
    assert hands.session.wait_idle()
    assert hands.last.notes == twice
    hands.session.do("new_take")
    assert hands.session.snapshot().document.controls.nudges == 0


def test_a_style_is_learned_from_what_was_heard_kept_and_forgotten(hands, tmp_path):
    hands.session.do("style.heard")
    assert "Too little was heard" in hands.session.snapshot().live.notices[-1].text
    for first in range(0, 8, 2):
        hands.play_bars(first, TUNE, OTHER)
    hands.session.do("style.heard")
    document = hands.session.snapshot().document
    assert (document.controls.style.name, document.controls.style.bars) == ("what was heard", 8)
    write_document(tmp_path / "x.antiphon", document)
    assert read_document(tmp_path / "x.antiphon") == document
    hands.set(mode="generate", style_amount=0.0)
    unpulled = hands.last.notes
    hands.set(style_amount=1.0)
    assert hands.last.notes != unpulled
    hands.session.do("style.forget")
    assert hands.session.wait_idle()
    assert hands.last.notes == unpulled


def test_rhythm_and_pitch_vary_apart_where_a_model_has_them_apart():
    shown = Snapshot(model=ModelFacts(name="melody_2bar"))
    parameter = shown.table.parameter("vary_rhythm")
    assert shown.why_not(parameter) == (
        "melody_2bar has rhythm and pitch in one; a model of words has them apart"
    )
    assert Snapshot(model=ModelFacts(name="words_2bar", halves=True)).why_not(parameter) == ""


def test_a_threshold_counts_where_a_model_decides_each_key_for_itself():
    chain = Snapshot(
        document=Document(controls=Controls(mode="continue")),
        model=ModelFacts(name="pianoroll_continue", task="continue"),
    )
    parameter = chain.table.parameter("threshold")
    assert chain.why_not(parameter) == (
        "pianoroll_continue gives no key a probability of its own; a GRU on piano rolls does"
    )
    alone = replace(chain, model=ModelFacts(name="gru", task="continue", keys_alone=True))
    assert alone.why_not(parameter) == ""
    vary = replace(alone, document=Document())
    assert vary.why_not(parameter) == "Counts in Continue"


def test_the_answer_is_looped_over_as_many_bars_as_asked_or_played_once(hands):
    hands.play_bars(0, TUNE, OTHER)
    whole, asked = hands.last, len(hands.client.patterns)
    hands.set(loop_bars=1)
    assert (hands.last.bars, hands.last.notes) == (1, tuple(n for n in whole.notes if n.start_beats < 4))
    hands.set(loop_bars=3, repeats=False)
    assert (hands.last.bars, hands.last.once) == (3, True)
    last = [n.start_beats - 8 for n in hands.last.notes if n.start_beats >= 8]
    assert last == pytest.approx([n.start_beats for n in whole.notes if n.start_beats < 4])
    assert len(hands.client.patterns) == asked + 3


def test_slots_are_swapped_and_take_what_plays_as_it_was_before_it_was_shifted(hands):
    hands.play_bars(0, TUNE, OTHER)
    hands.set(variation=0.8, transpose=5)
    hands.hear(PatternStarted(hands.last.pattern_id, 8.0, 0, 0.0))
    hands.session.do("store_answer.B")
    hands.session.do("store.A")
    slots = hands.session.snapshot().document.slots
    shifted = hands.session.snapshot().live.playing.phrase
    assert slots["B"] == shifted.transposed(-5) != slots["A"]
    hands.session.do("swap.AB")
    hands.session.do("swap.BC")
    assert hands.session.snapshot().document.slots == {"A": slots["B"], "C": slots["A"]}
    hands.session.do("undo")
    assert hands.session.snapshot().document.slots == {"A": slots["B"], "B": slots["A"]}
    hands.session.do("swap.CD")
    assert "Slots C and D are both empty" in hands.session.snapshot().live.notices[-1].text


def test_a_replay_longer_than_a_slot_holds_is_not_stored_and_the_session_opens_again(hands, tmp_path):
    hands.play_bars(0, TUNE, OTHER)
    hands.session.do("store.A")
    phrase = hands.session.snapshot().document.slots["A"]
    hands.session._apply(Replayed(Phrase.of(phrase.notes, 65, phrase.metre)))
    hands.hear(PatternStarted(hands.last.pattern_id, 8.0, 0, 0.0))
    hands.session.do("store_answer.B")
    said = hands.session.snapshot().live.notices[-1].text
    assert said == (
        "A phrase of 65 bars in 4/4 cannot be kept; 1 to 64 bars of at most 16 quarter notes can."
    )
    write_document(tmp_path / "x.antiphon", hands.session.snapshot().document)
    assert read_document(tmp_path / "x.antiphon").slots == {"A": phrase}


@pytest.mark.parametrize(("bars", "metre"), [(65, Metre(1, 8)), (3, Metre(33, 8)), (2, Metre(8, 1))])
def test_a_file_s_phrase_that_a_saved_session_could_not_be_read_with_is_refused(bars, metre, hands):
    with pytest.raises(RenderError, match=f"a phrase of {bars} bars in {metre} cannot be kept"):
        hands.session.store("A", Phrase.of([Note(0.0, 60, 0.25)], bars, metre))
    hands.session.store("A", Phrase.of([Note(0.0, 60, 0.25)], 64, Metre(1, 8)))
    hands.session.store("B", Phrase.of([Note(0.0, 60, 0.25)], 3, Metre(32, 8)))
    assert hands.session.snapshot().document.slots.keys() == {"A", "B"}


def test_nothing_that_plays_is_stored_before_something_does(hands):
    hands.session.do("store_answer.A")
    assert "nothing to store" in hands.session.snapshot().live.notices[-1].text

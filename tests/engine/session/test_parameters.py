"""What parameters and actions say; tests/app/window/test_every_control.py has what holds of each."""

import pytest
from msgspec.structs import replace

from engine.inference.bundle.manifest import Attribute
from engine.inference.controls import Controls
from engine.music.notes import Note, Phrase
from engine.parameter import Choice, Whole
from engine.performer.messages import Heard
from engine.session.document import Binding, Document
from engine.session.live import Live
from engine.session.parameters import SETTINGS, table_for
from engine.session.snapshot import ModelFacts, Snapshot
from engine.session.state import State
from engine.session.update import update

REGISTER = Attribute(
    name="register", unit="semitones", effects={"register": 3.2}, effects_percent={"register": 5.0}
)


def test_labels_ids_and_keys_are_unique():
    entries = list(table_for((REGISTER,)))
    for what in ([entry.id for entry in entries], [entry.key for entry in entries if entry.key]):
        assert len(set(what)) == len(what)
    labels = [entry.label for entry in entries]
    assert len(set(labels)) == len(labels)
    assert all(entry.help.endswith(".") and entry.group for entry in entries)


def test_every_value_is_found_and_shown():
    shown = Snapshot(model=ModelFacts(name="tiny", attributes=(REGISTER,)))
    for name, parameter in shown.table.parameters.items():
        assert shown.value(name) == parameter.default
        assert shown.text(name)


def test_attributes_of_a_model_are_parameters_with_what_was_measured():
    register = table_for((REGISTER,)).parameter("attribute.register")
    assert (register.label, register.text(1.5), register.text(0.0)) == ("Register", "+1.5", "0.0")
    assert register.help == (
        "Higher notes to the right, lower ones to the left. A step of 1 was measured to change it by +3.2 "
        "semitones (+5%)."
    )
    assert "attribute.register" not in table_for().parameters


def test_why_a_parameter_has_no_meaning_now():
    drums = Snapshot(model=ModelFacts(name="drums_2bar", representation="drums", pitched=False))
    table = drums.table
    assert drums.why_not(table.parameter("key")) == "drums_2bar writes drums, no pitches"
    assert drums.why_not(table.parameter("morph")) == "Counts in Morph"
    assert drums.why_not(table.parameter("variation")) == ""


def test_the_mode_that_a_parameter_leads_to():
    shown = Snapshot(model=ModelFacts(name="tiny"))
    assert shown.mode_for(shown.table.parameter("morph")) == "morph"
    assert shown.mode_for(shown.table.parameter("temperature")) == "vary"
    assert shown.mode_for(shown.table.parameter("bars")) is None


def test_a_tool_whose_model_is_on_its_way_is_kept_by_what_counts_in_it():
    """A slot recalled while Vary's model loads after Groove is varied, not given a drummer's feel."""
    document = Document(controls=Controls(mode="vary"))
    groove = ModelFacts(name="groove_humanize_2bar", task="humanize", representation="groove", pitched=False)
    shown = Snapshot(document=document, model=groove, live=Live(loading="words_2bar"))
    assert shown.mode_for(shown.table.parameter("source")) == "vary"
    assert replace(shown, live=Live()).mode_for(shown.table.parameter("source")) == "groove"


def bound(name: str, kind: str = "cc", number: int = 21) -> State:
    document = Document(bindings=(Binding(kind, 0, number, name),))
    facts = ModelFacts(name="tiny", hash="tiny", attributes=(REGISTER,))
    phrase = Phrase.of([Note(0.0, 60, 1.0)], 1)
    return State(document=document, model=facts, demo_phrase=phrase)


FULL_TABLE = table_for((REGISTER,))


@pytest.mark.parametrize("name", [name for name, each in FULL_TABLE.actions.items() if not each.asks])
def test_an_action_is_done_by_a_key_or_says_why_not(name):
    before = bound(name, "note", 36)
    after, effects = update(before, Heard(1, 0.0, b"\x90\x24\x50"), 1)
    assert after.live.activity.messages[-1].use == f"moves {FULL_TABLE.actions[name].label}"
    changed = after.document != before.document or after.live.notices != before.live.notices
    idle = name in ("undo", "redo", "live", "dismiss", "unlock_all", "mode.vary", "start.guided")
    assert changed or effects or idle
    assert update(after, Heard(2, 0.0, b"\x80\x24\x00"), 2)[0].document == after.document


def test_every_labelled_value_of_a_choice_can_be_typed():
    for parameter in FULL_TABLE.parameters.values():
        if isinstance(parameter, Choice):
            for value in parameter.values:
                assert (
                    parameter.parse(parameter.text(value)) == parameter.parse(parameter.word(value)) == value
                )


@pytest.mark.parametrize(("beats", "text"), [(0.5, "0.5 beats"), (1.0, "1 beat"), (2.0, "2 beats")])
def test_a_length_of_one_is_said_in_the_singular(beats, text):
    pause = SETTINGS["pause_beats"]
    assert pause.text(beats) == text
    assert pause.parse(text) == beats


def test_every_note_is_written_by_its_name_and_typed_as_name_or_number():
    wholes = [each for each in table_for().parameters.values() if isinstance(each, Whole)]
    notes = {each.id: each for each in wholes if each.id.endswith("_pitch")}
    assert notes.keys() == {"lowest_pitch", "highest_pitch", "click_pitch", "split_pitch"}
    for each in notes.values():
        assert [each.text(pitch) for pitch in (0, 37, 60, 127)] == ["C-1", "C#2", "C4", "G9"]
        assert [each.parse(typed) for typed in ("c4", " C#2", "60")] == [60, 37, 60]

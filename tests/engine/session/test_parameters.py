"""What holds of every parameter and action."""

from engine.inference.bundle.manifest import Attribute
from engine.parameter import Action
from engine.session.parameters import table_for
from engine.session.snapshot import ModelFacts, Snapshot

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


def test_every_parameter_has_an_option_or_says_why_not():
    for parameter in table_for((REGISTER,)).parameters.values():
        assert parameter.option.startswith("--")
    assert not any(isinstance(each, Action) for each in table_for().parameters.values())


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

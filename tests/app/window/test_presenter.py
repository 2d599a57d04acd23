"""What fields show: values and texts, quiet where nothing counts, greyed with a reason where nothing can."""

import pytest
from fake_instrument import (
    CARDS,
    CONTINUES,
    HUMANIZES,
    MELODY,
    READY,
    clock,
    playing,
    with_controls,
    with_document,
    with_live,
)
from msgspec.structs import replace

from app.window.presenter import (
    Presenter,
    Surroundings,
    explanation,
    health,
    key_text,
    take_title,
)
from engine.music.key import Key
from engine.session.document import Binding
from engine.session.live import Health
from engine.session.settings import Settings, Switches
from engine.session.snapshot import ModelFacts

AROUND = Surroundings(models=CARDS)


def shown(snapshot, name):
    return Presenter().present(snapshot, AROUND)[name]


def test_every_parameter_and_action_has_a_state_and_each_greyed_one_a_reason():
    for model in (MELODY, CONTINUES, HUMANIZES, None):
        snapshot = replace(READY, model=model)
        fields = Presenter().present(snapshot, AROUND)
        assert {*snapshot.table.parameters, *snapshot.table.actions} <= set(fields)
        silent = [name for name, state in fields.items() if not state.enabled and not state.why_not]
        assert silent == []


def test_a_number_has_the_text_of_its_parameter():
    assert shown(with_controls(READY, variation=0.25), "variation").text == "25%"
    assert shown(with_controls(READY, lowest_pitch=48), "lowest_pitch").text == "C3"


def test_what_counts_in_another_tool_is_quiet_and_what_counts_in_none_is_greyed():
    morph = shown(READY, "morph")
    assert (morph.enabled, morph.active) == (True, False)
    humanizing = with_controls(replace(READY, model=HUMANIZES), mode="groove")
    keep = shown(humanizing, "keep_rhythm")
    assert not keep.enabled
    assert keep.why_not.startswith("Counts in Vary")
    assert shown(humanizing, "key").why_not == "humanize writes drums, no pitches."


def test_a_switch_that_does_not_count_is_off_and_comes_back():
    kept = with_controls(READY, keep_rhythm=True)
    assert shown(kept, "keep_rhythm").value is True
    assert shown(with_controls(kept, mode="generate"), "keep_rhythm").value is False


def test_the_scale_waits_for_a_key():
    assert shown(READY, "scale").why_not == "Choose a key first (K)."
    assert shown(with_controls(READY, key="Eb"), "scale").enabled


def test_a_tool_is_offered_if_any_installed_model_does_it():
    options = {option.value: option for option in shown(READY, "mode").options}
    assert options["continue"].enabled
    assert options["groove"].enabled
    assert options["drumify"].why_not == "No installed model does Drumify."


def test_the_daws_clock_greys_play_and_tempo_and_says_why():
    rolling = with_live(READY, clock=clock(bpm=92.5))
    assert shown(rolling, "play_stop").why_not.startswith("The DAW's clock runs")
    assert (shown(rolling, "tempo_bpm").text, shown(rolling, "tempo_bpm").enabled) == ("92.5 BPM", False)
    for own in (clock(source="internal"), clock(status="lost")):
        assert shown(with_live(READY, clock=own), "play_stop").enabled
    assert shown(with_live(READY, clock=clock(source="internal")), "play_stop").text == "Stop"
    stopped = with_live(READY, clock=clock(source="internal", status="stopped"))
    assert shown(stopped, "play_stop").text == "Play"


def test_live_is_lit_unless_a_phrase_is_held():
    assert shown(READY, "live").value is True
    assert shown(with_document(READY, settings=Settings(hold=True)), "live").value is False


def test_slots_undo_and_export_wait_for_something():
    assert shown(READY, "store.A").why_not.startswith("Nothing was heard yet")
    assert shown(READY, "recall.B").why_not == "Slot B is empty: play a phrase, then press B."
    assert not shown(READY, "undo").enabled
    snapshot = playing()
    for name in ("store.A", "recall.B", "clear.C", "undo", "export"):
        assert shown(snapshot, name).enabled, name
    assert not shown(snapshot, "recall.D").enabled


def test_models_show_their_titles_and_loading_says_so():
    field = shown(READY, "model")
    assert [option.text for option in field.options][:2] == ["Melody, 2 bars", "Melody, 16 bars"]
    assert field.value == "melody_2bar"
    loading = shown(with_live(READY, loading="humanize"), "model")
    assert loading.why_not == "humanize is being loaded; the music goes on meanwhile."


def test_a_bound_field_says_what_moves_it():
    bindings = (
        Binding("cc", 0, 21, "variation"),
        Binding("note", 0, 36, "new_take"),
        Binding("program", 0, 8, "undo"),
    )
    bound = with_document(READY, bindings=bindings)
    assert (shown(bound, "variation").binding, shown(bound, "new_take").binding) == ("CC 21", "key C2")
    assert shown(bound, "undo").binding == "program 9"
    assert shown(bound, "temperature").binding == ""


def test_the_turn_can_be_taken_while_the_music_rolls_whatever_the_turns_are():
    stopped = shown(with_live(READY, clock=clock(status="stopped")), "take_turn")
    assert (stopped.enabled, stopped.why_not) == (
        False,
        "Turns change hands at bar lines; press Play first.",
    )
    rolling = with_live(READY, clock=clock(position_beats=1.0))
    assert shown(rolling, "take_turn").enabled
    assert not shown(rolling, "take_turn").active
    assert shown(with_document(rolling, settings=Settings(turns="cue")), "take_turn").active


def test_the_title_says_how_the_answer_is_made():
    assert take_title(playing()) == "Vary 30%  ·  seed 6213"
    in_key = with_controls(playing(), key="A", scale="minor")
    assert take_title(in_key) == "Vary 30%  ·  seed 6213  ·  A minor (set)"
    assert take_title(with_controls(playing(), mode="morph", morph=0.5)) == "Morph A → B 50%  ·  seed 6213"
    assert take_title(with_controls(playing(), nudges=2)) == "Vary 30%  ·  2 nudges  ·  seed 6213"
    assert take_title(with_controls(in_key, mode="generate")) == "Generate  ·  seed 6213  ·  A minor (set)"


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (Health(), ""),
        (Health(pattern_ms=3.14), "answer 3.14 ms"),
        (Health(pattern_ms=3.14, late_ns=(-1,)), "answer 3.14 ms · on time"),
        (Health(late_ns=(5,), late_sends=2), "2 notes late"),
        (Health(late_ns=(5,), late_sends=2, dropped_input=3), "3 inputs lost"),
    ],
)
def test_health_is_one_phrase(state, line):
    assert health(with_live(READY, health=state))[0] == line


def test_lateness_is_never_negative():
    assert "below: 0.00 ms" in health(with_live(READY, health=Health(late_ns=(-900,))))[1]


def test_what_was_presented_before_leaves_no_trace():
    presenter = Presenter()
    bound = Binding(kind="cc", channel=0, number=21, target="variation")
    for snapshot in (
        READY,
        with_live(READY, switches=Switches(bypass=True)),
        with_document(READY, bindings=(bound,)),
        with_controls(READY, variation=0.9),
        with_live(READY, loading="another"),
        replace(READY, model=HUMANIZES),
        READY,
    ):
        assert presenter.present(snapshot, AROUND) == Presenter().present(snapshot, AROUND)


def test_the_line_below_explains_or_says_why_not():
    fields = Presenter().present(READY, AROUND)
    assert explanation(READY, fields["scale"], "scale", "") == "Choose a key first (K)."
    assert explanation(READY, fields["temperature"], "temperature", "x").startswith("How much chance")
    assert explanation(
        READY, fields["mode"], "mode", "Blend the phrases stored in A and B, or in A to D."
    ) == ("Blend the phrases stored in A and B, or in A to D.")
    assert explanation(READY, None, "tab.Character", "Sliders.") == "Sliders."


def test_the_key_is_the_one_set_or_the_one_heard():
    assert key_text(READY) == ""
    heard = with_live(READY, key=Key.named("Am"))
    assert key_text(heard) == "A minor (heard, kept to)"
    assert key_text(with_controls(heard, in_key=False)) == "A minor (heard)"
    assert key_text(with_controls(heard, key="Eb", scale="dorian")) == "Eb dorian (set)"


@pytest.mark.parametrize(
    ("name", "reference", "text"),
    [
        ("melody_2bar", "melody_2bar", "melody_2bar"),
        ("melody_2bar", "/songs/mine", "mine (melody_2bar)"),
        ("melody_2bar", "/songs/mine.zip", "mine (melody_2bar)"),
        ("melody_2bar", "/songs/melody_2bar", "melody_2bar"),
    ],
)
def test_a_bundle_from_elsewhere_is_not_shown_as_the_installed_one_of_its_name(name, reference, text):
    field = shown(replace(READY, model=ModelFacts(name=name, reference=reference)), "model")
    assert (field.value, field.text) == (reference, text)

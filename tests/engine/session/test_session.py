import threading

import pytest
import tinybundle
from hands import OTHER, TUNE, Hands, captured, phrase, wire

from engine.errors import RenderError
from engine.inference.constraints import Lock
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.music.metre import FOUR_FOUR, Metre
from engine.performer import messages
from engine.performer.messages import ClockState, SetPattern


def clock(**changes):
    values = {
        "status": "rolling",
        "source": "internal",
        "bpm": 120.0,
        "position_beats": 8.0,
        "metre": FOUR_FOUR,
        "t_ns": 1_000_000_000,
        "jitter_ms": 0.0,
        "bar_phase_known": True,
        "missed_ticks": 0,
        "duplicate_ticks": 0,
    }
    return ClockState(**{**values, **changes})


@pytest.fixture
def hands(model):
    made = Hands(model, controls=Controls(variation=0.0), demo_phrase=phrase(OTHER))
    yield made
    made.session.close()


def test_two_bars_heard_come_back_at_variation_zero_as_they_were_played(hands):
    hands.play_bars(0, TUNE)
    assert hands.client.patterns == []
    hands.play_bars(1, OTHER)
    assert hands.client.patterns == [SetPattern(1, wire(phrase(TUNE, OTHER)), 2, "bar", 0.0)]
    assert hands.client.threads == {"inference"}


def test_moving_the_slider_sends_what_render_returns(hands, model):
    hands.play_bars(0, TUNE, OTHER)
    hands.set(variation=0.8, seed=5)
    source = encode_slot(model, phrase(TUNE, OTHER), hands.session.snapshot().live.key)
    expected = render(model, {"heard": source}, Controls(variation=0.8, seed=5))
    assert expected != source.phrase
    assert hands.last == SetPattern(2, wire(expected), 2, "step", 0.0)


def test_each_new_phrase_becomes_the_source_unless_frozen(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.play_bars(2, OTHER, OTHER)
    assert hands.last.notes == wire(phrase(OTHER, OTHER))
    hands.session.set("hold", True)
    hands.play_bars(4, TUNE, TUNE)
    assert hands.last.notes == wire(phrase(OTHER, OTHER))
    assert hands.session.snapshot().document.source.phrase == phrase(OTHER, OTHER)
    assert hands.session.snapshot().live.heard.phrase == phrase(TUNE, TUNE)
    assert len(hands.session.snapshot().live.captured) == 6
    hands.set(hold=False)
    assert hands.last.notes == wire(phrase(TUNE, TUNE))


def test_silence_is_kept_in_the_history_but_answers_nothing(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.play_bars(2, (), ())
    assert len(hands.client.patterns) == 1
    assert hands.session.snapshot().live.heard.phrase == phrase(TUNE, TUNE)
    assert len(hands.session.snapshot().live.captured) == 4
    hands.play_bars(4, (), TUNE)  # a rest before the tune is music
    assert hands.session.snapshot().live.heard.phrase == phrase((), TUNE)


def test_the_same_phrase_again_asks_for_nothing(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.play_bars(2, TUNE, TUNE)
    assert len(hands.client.patterns) == 1


def test_another_metre_is_answered_in_that_metre_and_it_is_said_how(hands):
    in_three = tuple(note for note in TUNE if note[0] < 2.9)
    hands.hear(captured(0, in_three, Metre(3)), captured(1, in_three, Metre(3)))
    assert hands.last.bars == 2
    assert [note.start_beats for note in hands.last.notes if note.start_beats >= 3] == [
        note.start_beats + 3 for note in hands.last.notes if note.start_beats < 3
    ]
    assert "in 3/4" in hands.session.snapshot().live.notices[0].text
    hands.play_bars(2, TUNE, TUNE)
    assert hands.session.snapshot().live.notices == ()


def test_morph_ends_are_the_stored_phrases(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.session.do("store.A")
    hands.play_bars(2, OTHER, OTHER)
    hands.session.do("store.B")
    hands.set(mode="morph", morph=0.0)
    assert hands.last.notes == wire(phrase(TUNE, TUNE))
    hands.set(morph=1.0)
    assert hands.last.notes == wire(phrase(OTHER, OTHER))
    assert hands.session.snapshot().document.slots.keys() == {"A", "B"}
    sent = len(hands.client.patterns)
    hands.play_bars(4, TUNE, OTHER)  # what is heard does not disturb a morph
    assert len(hands.client.patterns) == sent


def test_a_drag_on_the_pad_is_one_step_and_its_corners_are_the_slots(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.session.do("store.A")
    hands.play_bars(2, OTHER, OTHER)
    hands.session.do("store.D")
    hands.set(mode="generate")
    hands.session.begin("pad_x")
    hands.set(pad_x=0.3)
    hands.set(pad_y=0.9)
    hands.set(pad_x=1.0)
    hands.set(pad_y=1.0)
    hands.session.end("pad_x")
    controls = hands.session.snapshot().document.controls
    assert (controls.mode, controls.morph_by) == ("morph", "pad")
    assert hands.last.notes == wire(phrase(OTHER, OTHER))
    hands.set(pad_x=0.0)
    hands.set(pad_y=0.0)
    assert hands.last.notes == wire(phrase(TUNE, TUNE))
    hands.session.do("undo")
    hands.session.do("undo")
    controls = hands.session.snapshot().document.controls
    assert (controls.mode, controls.pad_x, controls.pad_y) == ("generate", 0.5, 0.5)
    hands.set(morph=0.25)
    assert hands.session.snapshot().document.controls.morph_by == "line"


def test_a_missing_slot_is_a_hint_that_goes_away(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.set(mode="morph")
    notice = hands.session.snapshot().live.notices[0]
    assert (notice.text, notice.mood) == ("Slots A and B are empty.", "hint")
    assert len(hands.client.patterns) == 1
    hands.set(mode="vary")
    assert hands.session.snapshot().live.notices == ()


def test_an_answer_on_its_way_does_not_take_the_hint_down(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.session.set("variation", 0.5)
    hands.session.set("mode", "morph")
    assert hands.session.wait_idle()
    assert [notice.mood for notice in hands.session.snapshot().live.notices] == ["hint"]
    hands.session.do("dismiss")
    assert hands.session.snapshot().live.notices == ()


def test_generate_needs_nothing_heard(hands):
    hands.set(mode="generate")
    assert hands.last.bars == 2
    assert hands.last.notes
    assert hands.last.starts_at == "bar"


def test_storing_before_anything_was_heard_is_a_hint(hands):
    hands.session.do("store.A")
    assert "nothing to store" in hands.session.snapshot().live.notices[0].text
    with pytest.raises(RenderError, match=r"action 'store\.E' is unknown"):
        hands.session.do("store.E")


def test_a_given_phrase_of_any_length_can_be_stored_and_answered(hands):
    hands.session.store("C", phrase(OTHER))
    hands.set(source="C")
    assert hands.last.notes == wire(phrase(OTHER, OTHER))  # one bar, repeated to the model's two
    hands.session.store("C", phrase(OTHER, TUNE, OTHER))
    assert hands.session.wait_idle()
    assert (hands.last.bars, hands.last.notes) == (3, wire(phrase(OTHER, TUNE, OTHER)))


def test_bypass_plays_the_source_as_heard(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.set(variation=1.0)
    assert hands.last.notes != wire(phrase(TUNE, TUNE))
    hands.session.set("bypass", True)
    assert hands.session.wait_idle()
    assert hands.last.notes == wire(phrase(TUNE, TUNE))
    hands.play_bars(2, OTHER, OTHER)
    assert hands.last.notes == wire(phrase(OTHER, OTHER))
    hands.session.set("bypass", False)
    assert hands.session.wait_idle()
    assert hands.last.notes != wire(phrase(OTHER, OTHER))


def test_undo_and_redo_bring_back_sound_and_slots(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.session.do("store.A")
    hands.set(variation=1.0, seed=3)
    varied = hands.last.notes
    hands.session.do("undo")
    hands.session.do("undo")
    assert hands.session.wait_idle()
    assert hands.last.notes == wire(phrase(TUNE, TUNE))
    assert hands.session.snapshot().document.controls.variation == 0.0
    hands.session.do("redo")
    hands.session.do("redo")
    assert hands.session.wait_idle()
    assert hands.last.notes == varied
    assert hands.session.snapshot().live.undo_label == "Seed 3"
    hands.session.do("undo")
    hands.session.do("undo")
    hands.session.do("undo")
    assert hands.session.snapshot().document.slots == {}
    assert not hands.session.snapshot().live.undo_label
    hands.session.do("undo")  # nothing left: nothing happens


def test_a_drag_is_one_step_of_undo_and_a_pause_makes_two(hands):
    for value in (0.1, 0.2, 0.3):
        hands.later(0.1)
        hands.session.set("variation", value)
    hands.later(2.0)
    hands.session.set("variation", 0.9)
    hands.session.do("undo")
    assert hands.session.snapshot().document.controls.variation == 0.3
    hands.session.do("undo")
    assert hands.session.snapshot().document.controls.variation == 0.0
    hands.session.do("redo")
    assert hands.session.snapshot().document.controls.variation == 0.3


def test_a_new_take_changes_the_seed_and_the_music(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.set(variation=1.0)
    before = hands.session.snapshot().document.controls.seed, hands.last.notes
    hands.session.do("new_take")
    assert hands.session.wait_idle()
    assert hands.session.snapshot().document.controls.seed != before[0]
    assert hands.last.notes != before[1]


def test_a_wrong_control_raises_and_changes_nothing(hands):
    for changes in ({"variation": 1.5}, {"volume": 1}, {"seed": -1}):
        with pytest.raises(RenderError):
            hands.set(**changes)
    assert hands.session.snapshot().document.controls == Controls(variation=0.0)
    assert not hands.session.snapshot().live.undo_label


def test_the_newest_request_wins_and_those_it_passed_are_never_sent(hands, monkeypatch):
    hands.play_bars(0, TUNE, TUNE)
    at_work, go_on = threading.Event(), threading.Event()
    seen = []

    def slow_render(model, slots, controls):
        seen.append(controls.variation)
        at_work.set()
        assert go_on.wait(60)
        return render(model, slots, controls)

    monkeypatch.setattr("engine.session.renderer.render", slow_render)
    hands.session.set("variation", 0.1)
    assert at_work.wait(60)
    for value in (0.2, 0.3, 0.4, 0.9):
        hands.session.set("variation", value)
    go_on.set()
    assert hands.session.wait_idle()
    assert seen == [0.1, 0.9]
    assert [pattern.pattern_id for pattern in hands.client.patterns] == [1, 2, 3]


def test_a_result_that_comes_after_closing_is_dropped(model, monkeypatch):
    hands = Hands(model, controls=Controls(variation=0.0))
    at_work, go_on = threading.Event(), threading.Event()

    def slow_render(model, slots, controls):
        at_work.set()
        assert go_on.wait(60)
        return render(model, slots, controls)

    monkeypatch.setattr("engine.session.renderer.render", slow_render)
    hands.client.events += [captured(0, TUNE), captured(1, TUNE)]
    hands.session.poll()
    assert at_work.wait(60)
    threading.Timer(0.05, go_on.set).start()
    hands.session.close()
    hands.session.close()
    assert hands.client.patterns == []
    assert hands.client.closed == 1


@pytest.mark.parametrize("error", [RenderError("tiny: decode failed (no memory)"), ZeroDivisionError("oops")])
def test_a_failed_inference_is_a_notice_and_the_pattern_goes_on(hands, monkeypatch, error):
    hands.play_bars(0, TUNE, TUNE)

    def fail(*_):
        raise error

    monkeypatch.setattr("engine.session.renderer.render", fail)
    hands.set(variation=0.5)
    assert len(hands.client.patterns) == 1
    notice = hands.session.snapshot().live.notices[0]
    assert str(error) in notice.text
    assert notice.remedy == "The last pattern goes on."
    monkeypatch.undo()
    hands.set(variation=0.0)
    assert len(hands.client.patterns) == 2
    assert hands.session.snapshot().live.notices == ()


def test_a_lost_performer_is_a_notice(hands):
    hands.client.broken = True
    hands.play_bars(0, TUNE, TUNE)
    assert "does not answer" in hands.session.snapshot().live.notices[0].text
    hands.client.broken = False
    hands.hear(messages.Ready("jack", "Antiphon In", "Antiphon Out", True))
    assert hands.session.snapshot().live.notices == ()


def test_ports_lost_and_back(hands):
    hands.hear(messages.Ready("jack", "Antiphon In", "Antiphon Out", False))
    view = hands.session.snapshot()
    assert (view.live.ports.backend, view.live.ports.input_name, view.live.ports.realtime) == (
        "jack",
        "Antiphon In",
        False,
    )
    hands.hear(messages.PortLost("MIDI ports lost (jack)", "Start the JACK server again.", ("JACK: none",)))
    view = hands.session.snapshot()
    assert (view.live.ports.backend, view.live.ports.tried) == ("", ("JACK: none",))
    assert (view.live.notices[0].text, view.live.notices[0].remedy) == (
        "MIDI ports lost (jack)",
        "Start the JACK server again.",
    )
    hands.hear(messages.PortBack("alsa"))
    assert hands.session.snapshot().live.ports.backend == "alsa"
    assert hands.session.snapshot().live.ports.tried == ()
    assert hands.session.snapshot().live.notices == ()


def test_patterns_come_and_then_play(hands):
    hands.play_bars(0, TUNE, TUNE)
    view = hands.session.snapshot()
    assert (view.live.playing, view.live.coming) == (None, phrase(TUNE, TUNE))
    hands.hear(messages.PatternStarted(1, 12.0, 0, 8.0))
    view = hands.session.snapshot()
    assert view.live.playing.since_beats == 8.0
    assert (view.live.playing.phrase, view.live.coming) == (phrase(TUNE, TUNE), None)
    hands.set(variation=0.9)
    hands.set(variation=1.0)
    hands.hear(messages.PatternStarted(3, 8.5, 0))  # pattern 2 was overtaken
    assert hands.session.snapshot().live.coming is None


def test_snapshot_is_the_same_object_until_something_changes(hands):
    first = hands.session.snapshot()
    hands.hear()
    assert hands.session.snapshot() is first
    hands.hear(clock())
    second = hands.session.snapshot()
    assert second is not first
    assert second.live.clock == clock()


def test_position_runs_on_from_the_clocks_last_word(hands):
    assert hands.session.snapshot().position_beats(0) is None
    hands.hear(clock())
    view = hands.session.snapshot()
    assert view.position_beats(1_250_000_000) == pytest.approx(8.5)  # 0.25 s at 120 bpm
    assert view.position_beats(99_000_000_000) == pytest.approx(9.0)  # half a second at most
    hands.hear(clock(status="stopped"))
    assert hands.session.snapshot().position_beats(99_000_000_000) == 8.0


def test_lateness_and_counters_are_shown(hands):
    hands.hear(*(messages.Played(1000, 1000 + late * 1_000_000, 0.0, b"") for late in range(100)))
    hands.hear(messages.Pong(1, 4, 2))
    view = hands.session.snapshot()
    assert view.live.health.late_ms == 99.0
    assert (view.live.health.dropped_input, view.live.health.late_sends) == (4, 2)


def test_demo_feeds_the_input_and_starts_the_clock_once(hands):
    hands.session.set("demo", True)
    hands.session.do("play")  # asked a moment ago
    assert hands.client.sent == [messages.Feed(wire(phrase(OTHER)), 1), messages.Play(0.0)]
    assert hands.session.snapshot().live.switches.demo
    hands.hear(clock())
    hands.session.set("demo", False)
    assert hands.client.sent[2:] == [messages.Feed((), 1), messages.Stop()]


def test_demo_leaves_a_running_clock_alone(hands):
    hands.hear(clock(source="external"))
    hands.session.set("demo", True)
    hands.session.set("demo", False)
    assert [type(command) for command in hands.client.sent] == [messages.Feed, messages.Feed]


def test_transport_commands_reach_the_performer(hands):
    hands.set(tempo_bpm=97.0, metre="3/4", clock="internal", send_clock=True, offset_ms=-4.0)
    hands.session.do("stop")
    hands.session.do("panic")
    assert hands.client.sent == [
        messages.SetTempo(97.0),
        messages.SetMetre(Metre(3, 4)),
        messages.SetClock("internal", False, False),
        messages.SetClock("internal", True, False),
        messages.SetOffset(-4.0),
        messages.Stop(),
        messages.Panic(),
    ]


def test_every_event_reaches_the_log_in_order(model):
    log = []
    hands = Hands(model, on_event=log.append)
    events = [clock(), captured(0, TUNE), messages.Heard(1, 0.0, b"\x90\x3c\x40")]
    hands.hear(*events)
    hands.session.close()
    assert log == events


def test_bars_can_be_picked_after_they_were_played(hands):
    hands.play_bars(0, TUNE, OTHER, OTHER, TUNE)
    hands.session.pick(2, 2)
    assert hands.session.wait_idle()
    assert hands.last.notes == wire(phrase(OTHER, OTHER))
    assert hands.session.snapshot().document.settings.hold
    hands.session.do("pick_last.1")
    assert hands.session.wait_idle()
    assert hands.last.notes == wire(phrase(TUNE, TUNE))
    with pytest.raises(RenderError, match="not among the 4"):
        hands.session.pick(4, 2)
    hands.session.do("pick_last.8")
    assert hands.session.snapshot().live.notices[0].text == "4 bars heard so far, not 8; play on."


def test_a_model_can_come_later_and_be_exchanged(model, tmp_path):
    hands = Hands(None, controls=Controls(variation=0.0))
    hands.play_bars(0, TUNE, TUNE)
    assert hands.client.patterns == []
    assert hands.session.snapshot().model is None
    hands.session.set_model(model)
    assert hands.session.wait_idle()
    assert hands.last.notes == wire(phrase(TUNE, TUNE))  # what was heard meanwhile is answered
    hands.play_bars(2, TUNE, OTHER)
    assert hands.last.notes == wire(phrase(TUNE, OTHER))
    one_bar = Model.load(str(tinybundle.write(tmp_path, bars=1)), precision="float")
    hands.session.set_model(one_bar)
    assert hands.session.wait_idle()
    assert hands.last.bars == 2  # two windows of the model's one bar
    assert hands.last.notes == wire(phrase(TUNE, OTHER))
    view = hands.session.snapshot()
    assert (view.model.bars, view.model.precision, view.model.provider) == (
        1,
        "float",
        "CPUExecutionProvider",
    )
    hands.session.close()


def test_what_becomes_of_the_input_reaches_the_performer(hands):
    hands.session.set("thru_notes", True)
    hands.session.set("sustain_lengthens", False)
    sent = [command for command in hands.client.sent if isinstance(command, messages.SetInput)]
    assert sent == [
        messages.SetInput(thru_notes=True),
        messages.SetInput(thru_notes=True, sustain_lengthens=False),
    ]


def test_transposing_shifts_what_sounds_without_another_rendering(hands, monkeypatch):
    hands.play_bars(0, TUNE, TUNE)
    monkeypatch.setattr("engine.session.renderer.render", None)  # nothing may be rendered again
    hands.set(transpose=-7)
    lower = [(note.start_beats, note.pitch) for note in hands.last.notes]
    assert lower == [(note.start_beats, note.pitch - 7) for note in wire(phrase(TUNE, TUNE))]
    assert [note.pitch for note in hands.session.snapshot().live.coming.notes] == [53, 57, 60, 58] * 2
    assert hands.session.snapshot().live.undo_label == "Transpose -7"
    hands.session.do("undo")
    assert hands.last.notes == wire(phrase(TUNE, TUNE))


@pytest.fixture
def shelf(model):
    made = Hands(model, controls=Controls(variation=1.0, morph=0.2), takes=True)
    yield made
    made.session.close()


def still(hands):
    hands.later(0.3)
    hands.hear()
    return hands.session.snapshot().live.takes


def test_takes_are_computed_once_the_hand_is_still_and_differ_by_their_seeds(shelf):
    shelf.play_bars(0, TUNE, TUNE)
    assert shelf.session.snapshot().live.takes == ()
    takes = still(shelf)
    assert sorted(take.controls.seed for take in takes) == list(range(8))
    assert takes[0].fit == max(take.fit for take in takes)
    shelf.set(variation=0.5)
    assert shelf.session.snapshot().live.takes == takes
    assert {take.controls.variation for take in still(shelf)} == {0.5}


def test_a_take_that_is_kept_sounds_as_it_was_shown_and_leaves_other_settings(shelf):
    shelf.play_bars(0, TUNE, TUNE)
    take = next(take for take in still(shelf) if take.controls.seed == 2)
    index = shelf.session.snapshot().live.takes.index(take)
    shelf.set(variation=0.4)
    shelf.session.keep_take(index)
    assert shelf.session.wait_idle()
    assert shelf.last.notes == wire(take.phrase)
    controls = shelf.session.snapshot().document.controls
    assert (controls.seed, controls.variation, controls.morph) == (2, 1.0, 0.2)
    assert shelf.session.snapshot().live.undo_label == "Take 2"
    with pytest.raises(RenderError, match="there is no take 9"):
        shelf.session.keep_take(8)


def test_a_take_is_heard_from_the_next_beat_on_and_left_again(shelf):
    shelf.play_bars(0, TUNE, TUNE)
    answer = shelf.last.notes
    takes = still(shelf)
    shelf.session.hear_take(1)  # nothing plays yet
    assert shelf.last.notes == answer
    shelf.hear(messages.PatternStarted(shelf.last.pattern_id, 8.0, 0, 8.0))
    before = shelf.session.snapshot().document
    other = next(at for at, take in enumerate(takes) if wire(take.phrase) != answer)
    shelf.session.hear_take(other)
    assert (shelf.last.notes, shelf.last.starts_at) == (wire(takes[other].phrase), "beat")
    assert shelf.session.snapshot().document is before
    shelf.hear(messages.PatternStarted(shelf.last.pattern_id, 9.0, 0, 8.0))
    shelf.session.hear_take(None)
    assert (shelf.last.notes, shelf.last.starts_at) == (answer, "beat")
    sent = shelf.last.pattern_id
    shelf.session.hear_take(None)
    assert shelf.last.pattern_id == sent
    assert shelf.session.snapshot().live.sounded[-1].phrase == takes[other].phrase
    with pytest.raises(RenderError, match="there is no take 99"):
        shelf.session.hear_take(98)
    shelf.session.set("turns", "trade")
    with pytest.raises(RenderError, match="only while turns follow"):
        shelf.session.hear_take(0)


def test_the_cards_stay_where_they_are_when_one_is_kept_and_grow_with_the_setting(shelf):
    shelf.play_bars(0, TUNE, TUNE)
    takes = still(shelf)
    shelf.session.keep_take(3)
    assert still(shelf) == takes
    shelf.set(cards="32")
    assert sorted(take.controls.seed for take in still(shelf)) == [
        takes[3].controls.seed + at for at in range(32)
    ]
    shelf.set(variation=0.3)
    assert {take.controls.variation for take in still(shelf)} == {0.3}


def test_what_has_sounded_is_kept_among_the_favourites_once(hands):
    hands.play_bars(0, TUNE, TUNE)
    hands.hear(messages.PatternStarted(hands.last.pattern_id, 8.0, 0, 8.0))
    number = hands.session.snapshot().live.sounded[-1].number
    hands.session.keep_sounded(number)
    assert [each.phrase for each in hands.session.snapshot().document.favourites] == [phrase(TUNE, TUNE)]
    for refused, reason in ((number, "among the favourites already"), (99, "not in the list")):
        with pytest.raises(RenderError, match=reason):
            hands.session.keep_sounded(refused)


def test_without_takes_wanted_none_are_computed(hands):
    hands.play_bars(0, TUNE, TUNE)
    assert still(hands) == ()


def test_a_lock_is_kept_by_new_takes_and_let_go_by_undo(hands):
    hands.play_bars(0, TUNE, OTHER)
    hands.hear(messages.PatternStarted(hands.last.pattern_id, 8.0, 0, 8.0))
    hands.session.lock(Lock(4.0, 8.0))
    hands.set(variation=1.0, seed=3)
    locked = [note for note in hands.last.notes if note.start_beats >= 3.9]
    assert [(note.start_beats, note.pitch) for note in locked] == [(4.0, 72), (4.5, 71), (5.0, 69)]
    hands.session.lock(Lock(4.0, 8.0))
    assert hands.session.snapshot().document.controls.locks == ()
    hands.session.do("undo")
    assert hands.session.snapshot().document.controls.locks == (Lock(4.0, 8.0),)
    hands.session.do("unlock_all")
    document = hands.session.snapshot().document
    assert (document.controls.locks, document.locked) == ((), None)


def test_the_bar_that_plays_is_locked_by_a_button_and_let_go_by_another_press(hands):
    hands.play_bars(0, TUNE, OTHER)
    hands.session.do("lock_bar")
    assert "othing plays yet" in hands.session.snapshot().live.notices[-1].text
    hands.hear(messages.PatternStarted(hands.last.pattern_id, 8.0, 0, 8.0))
    hands.hear(clock(position_beats=21.5, t_ns=hands.now_ns))  # bars 5 and 6 of the song: its second repeat
    hands.session.do("lock_bar")
    assert hands.session.snapshot().document.controls.locks == (Lock(4.0, 8.0),)
    hands.set(variation=1.0, seed=3)
    locked = [note for note in hands.last.notes if note.start_beats >= 3.9]
    assert [(note.start_beats, note.pitch) for note in locked] == [(4.0, 72), (4.5, 71), (5.0, 69)]
    hands.session.do("lock_bar")
    assert hands.session.snapshot().document.controls.locks == ()


def test_a_note_that_begins_with_the_song_is_heard_once(hands):
    """It comes before the word that the song rolls, and its end after it."""
    hands.hear(messages.Heard(1_000_000_000, 0.0, bytes((0x90, 60, 80))), clock(position_beats=0.0))
    hands.hear(messages.Heard(1_400_000_000, 0.8, bytes((0x80, 60, 0))))
    hands.later(9.0)
    hands.play_bars(0, TUNE)
    assert [each.free for each in hands.session.snapshot().live.captured] == [False]


def test_a_slider_learns_a_controller_whatever_is_played_meanwhile(hands):
    hands.session.learn("morph")
    hands.hear(messages.Heard(0, 0.0, bytes((0x91, 45, 90))), messages.Heard(0, 0.0, bytes((0xB0, 21, 0))))
    assert [(each.kind, each.number) for each in hands.session.snapshot().document.bindings] == [("cc", 21)]
    hands.session.learn("new_take")
    hands.hear(messages.Heard(0, 0.0, bytes((0x90, 24, 90))))
    assert hands.session.snapshot().document.bindings[-1].kind == "note"


def test_learning_is_over_once_the_knob_goes_on_turning(hands):
    hands.session.learn("variation")
    turned = [messages.Heard(0, 0.0, bytes((0xB0, 21, value))) for value in (0, 10, 127)]
    hands.hear(*turned)
    shown = hands.session.snapshot()
    assert (shown.live.learning, shown.value("variation")) == ("", 1.0)


def test_both_halves_of_a_fine_controller_are_learned(hands):
    hands.session.learn("variation")
    pair = [(21, 0), (53, 0), (21, 64), (53, 0)]
    hands.hear(*[messages.Heard(0, 0.0, bytes((0xB0, number, value))) for number, value in pair])
    shown = hands.session.snapshot()
    assert [(each.kind, each.number) for each in shown.document.bindings] == [("cc14", 21)]
    assert shown.value("variation") == pytest.approx(0.5, abs=0.001)

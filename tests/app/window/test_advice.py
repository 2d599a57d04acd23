"""What the page of connections says: what is connected, what came in, and the one thing to do next."""

import pytest
from fake_instrument import READY, captured, clock, with_document, with_live
from msgspec.structs import replace

from app.bundle_cards import BundleCard
from app.window.advice import connection_advice, connection_facts, message_lines, message_words, osc_lines
from app.window.daws import DAWS, daw_lines
from engine.inference.controls import Controls
from engine.performer.messages import LinkState
from engine.session.document import Connections
from engine.session.live import Activity, InputMessage, OscActivity
from engine.session.settings import Settings, Switches

NOTE = InputMessage(1, bytes((0x90, 60, 90)), "played")
WIRED = with_document(READY, connections=Connections(("DAW:out",), ("Synth:in",)))


def playing_in(**changes):
    return with_live(WIRED, activity=Activity(messages=(NOTE,)), **changes)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (with_live(READY, ports=replace(READY.live.ports, backend="")), "There are no MIDI ports"),
        (READY, "Nothing comes in"),
        (playing_in(), "Notes come in, but no clock"),
        (playing_in(clock=clock(source="internal")), "Notes come in, but no clock"),
        (playing_in(clock=clock(status="lost")), "The clock stopped coming"),
        (playing_in(clock=clock(status="stopped")), "The clock comes, but the DAW stands still"),
        (playing_in(clock=clock(bar_phase_known=False)), "The clock was joined in the middle"),
        (with_live(READY, captured=captured(2), clock=clock()), "Nothing takes the answer"),
        (playing_in(clock=clock()), "All is connected"),
    ],
)
def test_the_first_thing_that_is_missing_is_said(state, word):
    assert connection_advice(state).startswith(word)


def test_facts_name_ports_what_they_are_wired_to_and_the_clock():
    facts = connection_facts(playing_in(clock=clock(bpm=92.5, missed_ticks=3)))
    assert facts["Input"] == "Antiphon:Antiphon In"
    assert facts["comes from"] == "DAW:out"
    assert facts["Clock"] == "locked · external clock · 92.5 BPM · jitter 0.12 ms · 3 ticks missed"
    assert connection_facts(READY)["goes to"] == "nothing is connected to it"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((0x90, 60, 90), "note on · ch 1 · C4 · 90"),
        ((0x89, 38, 0), "note off · ch 10 · drum 38 · 0"),
        ((0xB3, 64, 127), "controller · ch 4 · 64 · 127"),
        ((0xE0, 0, 0), "bend · ch 1 · -8192"),
        ((0xE0, 0, 64), "bend · ch 1 · +0"),
        ((0xC1, 5), "program · ch 2 · 6"),
        ((0xFA,), "FA"),
        ((), ""),
    ],
)
def test_a_message_in_words(data, words):
    assert message_words(bytes(data)) == words


def test_the_newest_message_comes_first_and_what_was_ignored_is_counted():
    bend = InputMessage(2, bytes((0xE0, 0, 64)), "an echo", False)
    activity = Activity(messages=(NOTE, bend), ignored={"an echo": 4})
    assert message_lines(with_live(READY, activity=activity)) == [
        "bend · ch 1 · +0   →   ignored: an echo",
        "note on · ch 1 · C4 · 90   →   played",
        "4 ignored: an echo",
    ]


def test_where_chords_are_played_to_a_line_the_model_that_hears_them_is_named():
    models = (
        BundleCard("drums", "", ("vary",), 2, "drums"),
        BundleCard("writer", "", ("continue",), 4, "pianoroll"),
        BundleCard("grand", "", ("vary", "morph"), 2, "pianoroll"),
    )
    crowded = {"notes under or beside the one that is heard of their step": 3}
    chords = with_live(READY, activity=Activity(ignored=crowded))
    said = "3 ignored: notes under or beside the one that is heard of their step"
    assert message_lines(chords, models) == [said, "Chords are heard by the model grand."]
    assert message_lines(chords, models[:2]) == [said]
    continuing = with_document(chords, controls=Controls(mode="continue"))
    assert message_lines(continuing, models) == [said, "Chords are heard by the model writer."]
    other = with_live(READY, activity=Activity(ignored={"an echo": 1}))
    assert message_lines(other, models) == ["1 ignored: an echo"]


def test_the_most_frequent_reasons_are_named_and_the_others_counted():
    activity = Activity(ignored={f"reason {n}": n for n in range(1, 11)})
    lines = message_lines(with_live(READY, activity=activity))
    assert lines[0] == "10 ignored: reason 10"
    assert lines[7:] == ["3 ignored: reason 3", "3 ignored for other reasons"]


def test_osc_says_that_it_is_off_and_what_came_in():
    assert osc_lines(READY) == ["OSC is off: nothing is heard and nothing is sent."]
    came = OscActivity(
        received=3, refused={"no such thing": 1}, messages=("/a 1   →   done", "/b   →   refused: x")
    )
    on = with_live(READY, switches=Switches(osc=True), osc=came)
    assert osc_lines(on) == [
        "Port 9000 hears this machine alone; changes go nowhere. 3 messages came in.",
        "/b   →   refused: x",
        "/a 1   →   done",
        "1 refused: no such thing",
    ]
    open_to_all = with_document(on, settings=Settings(osc_from="network", osc_to="10.0.0.7:9001"))
    assert osc_lines(open_to_all)[0] == (
        "Port 9000 hears every machine; changes go to 10.0.0.7:9001. 3 messages came in."
    )


def test_link_says_who_shares():
    assert connection_facts(READY)["Link"] == "off: nothing is shared in the network"
    on = with_live(READY, switches=Switches(link=True))
    assert connection_facts(on)["Link"] == "on; no other program is there yet"
    two = with_live(on, link=LinkState(True, 2, 92.5))
    assert connection_facts(two)["Link"] == "on; 2 other programs at 92.5 BPM"


def test_facts_say_which_channels_came_and_what_they_feed():
    assert connection_facts(READY)["Channels"] == "no note came yet"
    came = with_live(READY, activity=Activity(notes={0: 12, 9: 1, 1: 3}))
    assert connection_facts(came)["Channels"] == "1: 12 notes, 2: 3 notes, 10 (drums): 1 note"
    chords = with_document(came, settings=Settings(chords_from="channel"))
    assert "2 (chords): 3 notes" in connection_facts(chords)["Channels"]
    chosen = with_document(came, settings=Settings(melody_channel=2, drum_channel=5))
    assert (
        connection_facts(chosen)["Channels"]
        == "1 (left out): 12 notes, 2 (melody): 3 notes, 10 (left out): 1 note"
    )


def test_facts_say_where_the_song_is_and_whether_a_start_came():
    facts = connection_facts(playing_in(clock=clock(position_beats=45.0)))
    assert (facts["Start"], facts["Position"]) == ("came: the DAW plays", "12.2, in quarter notes 46.0")
    assert connection_facts(playing_in(clock=clock(source="internal")))["Start"] == "by Play, here"


def test_facts_say_why_each_back_end_cannot_be_used():
    tried = ("JACK: no server runs; start one", "ALSA: no sequencer; load it")
    lost = with_live(READY, ports=replace(READY.live.ports, backend="", tried=tried))
    assert connection_facts(lost)["Back end"] == (
        "none is open. JACK: no server runs; start one. ALSA: no sequencer; load it"
    )


def test_every_daw_has_a_line_for_the_three_things():
    first, second, third, *daws, tried = daw_lines()
    assert "Ardour" in tried
    assert "Antiphon In" in first and "clock" in second and "Antiphon Out" in third
    assert len(daws) == len(DAWS) >= 8

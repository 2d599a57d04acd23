"""Metronome, count-in and Link: what settings send to the performer, and what comes back."""

import pytest

from engine.music.metre import Metre
from engine.performer import messages as m
from engine.session import intents as i
from engine.session.state import Send, State
from engine.session.update import opening, update


def sent(effects):
    return [effect.command for effect in effects if isinstance(effect, Send)]


def after(state, *intents):
    for each in intents:
        state, effects = update(state, each, 0)
    return state, sent(effects)


@pytest.mark.parametrize(
    ("intent", "command"),
    [
        (i.Set("metronome", True), m.SetMetronome(True, 9, 37)),
        (i.Set("click_channel", 3), m.SetMetronome(False, 2, 37)),
        (i.Set("click_pitch", 76), m.SetMetronome(False, 9, 76)),
        (i.Set("metre", "6/8"), m.SetMetre(Metre(6, 8))),
        (i.Set("metre", "7/8"), m.SetMetre(Metre(7, 8))),
        (i.Set("link", True), m.SetLink(True, True)),
    ],
)
def test_a_setting_is_sent_when_it_changes(intent, command):
    assert command in after(State(), intent)[1]
    assert not sent(update(after(State(), intent)[0], intent, 0)[1])


def test_a_start_is_counted_in_as_set():
    _, commands = after(State(), i.Set("count_in", 2), i.Do("play"))
    assert commands == [m.Play(0.0, 2)]


def test_link_is_off_at_every_start_and_its_setting_says_nothing_while_it_is():
    assert not State().live.switches.link
    assert not any(isinstance(command, m.SetLink) for command in sent(opening(State(), 0)[1]))
    assert not after(State(), i.Set("link_start_stop", False))[1]
    _, commands = after(State(), i.Set("link", True), i.Set("link_start_stop", False))
    assert commands == [m.SetLink(True, False)]
    _, commands = after(State(), i.Set("link", True), i.Set("link", False))
    assert commands == [m.SetLink(False, True)]


def test_the_tempo_of_the_others_is_shown_and_kept_and_not_sent_back():
    state, commands = after(State(), i.Set("link", True), m.LinkState(True, 2, 93.25))
    assert (state.shown.value("tempo_bpm"), state.live.link.peers) == (93.25, 2)
    assert commands == []
    assert state.undo == State().undo
    assert after(state, i.Set("tempo_bpm", 100.0))[1] == [m.SetTempo(100.0)]
    beyond, _ = after(state, m.LinkState(True, 2, 900.0))
    assert beyond.shown.value("tempo_bpm") == 93.25


def test_where_link_cannot_be_had_it_is_off_again_and_the_remedy_is_said():
    state, commands = after(State(), i.Set("link", True), m.LinkState(False, problem="Install it"))
    assert not state.live.switches.link
    assert [notice.text for notice in state.live.notices] == ["Install it"]
    assert commands == [m.SetLink(False, True)]

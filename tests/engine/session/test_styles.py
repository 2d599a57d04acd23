"""A style is learned from files beside the music: undone, kept, overtaken by a newer one, refused."""

import pytest
from hands import OTHER, TUNE, Hands
from msgspec.structs import replace

from engine.inference.controls import Controls
from engine.midifile.write import Part, write_midi
from engine.music.notes import Note
from engine.music.style import NO_STYLE, Style
from engine.session import intents as i
from engine.session.document import Document
from engine.session.live import Kept
from engine.session.state import ReadStyle, State
from engine.session.store import read_document
from engine.session.update import update

WALTZ = Style("waltzes", 12, 60)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "my songs"
    made.mkdir()
    tune = [Note(at / 2, 60 + (0, 4, 7, 4)[at % 4], 0.5) for at in range(32)]
    write_midi(made / "one.mid", [Part("Lead", tune)], bars=4)
    (made / "two.mid").write_bytes(b"MThd")
    return made


def reading(state=None):
    """A state in which files are being read, and their effects."""
    return update(state or State(), i.LearnStyle(("/songs",)), 0)


def texts(state):
    return [(notice.text, notice.mood) for notice in state.live.notices if notice.about == "style"]


def test_files_are_asked_for_and_their_style_is_a_step_of_undo():
    state, effects = reading()
    assert effects == (ReadStyle(1, ("/songs",)),)
    assert texts(state) == [("MIDI files are being read for a style.", "waiting")]
    state, _ = update(state, i.StyleProgress(1, 3, 9), 0)
    assert state.live.reading_style == "3 of 9 files"
    state, _ = update(state, i.StyleRead(1, WALTZ, "12 bars of 8 files"), 0)
    assert state.document.controls.style == WALTZ
    assert (state.live.reading_style, state.live.undo_label) == ("", "Learn style")
    assert texts(state) == [("waltzes: 12 bars of 8 files", "hint")]
    state, _ = update(state, i.Do("undo"), 0)
    assert state.document.controls.style == NO_STYLE
    state, _ = update(state, i.Do("redo"), 0)
    assert state.document.controls.style == WALTZ


def test_the_notice_counts_every_ten_files_unless_it_was_put_away():
    state, _ = update(reading()[0], i.StyleProgress(1, 20, 90), 0)
    assert texts(state) == [("20 of 90 files have been read for a style.", "waiting")]
    state, _ = update(state, i.StyleProgress(1, 21, 90), 0)
    assert texts(state) == [("20 of 90 files have been read for a style.", "waiting")]
    state, _ = update(state, i.Dismiss("style"), 0)
    state, _ = update(state, i.StyleProgress(1, 30, 90), 0)
    assert (texts(state), state.live.reading_style) == ([], "30 of 90 files")


def test_files_that_could_not_be_used_stay_said_until_they_were_seen():
    state, _ = update(reading()[0], i.StyleRead(1, WALTZ, "12 bars of 8 files; 1 file ignored", 1), 0)
    assert texts(state) == [("waltzes: 12 bars of 8 files; 1 file ignored", "waiting")]
    assert texts(update(state, i.Dismiss("style"), 0)[0]) == []


def test_what_was_overtaken_changes_nothing():
    state, _ = reading()
    state, effects = reading(state)
    assert effects == (ReadStyle(2, ("/songs",)),)
    for late in (i.StyleProgress(1, 1, 1), i.StyleRead(1, WALTZ, ""), i.StyleRefused(1, "no")):
        assert update(state, late, 0)[0] == state


def test_forgetting_ends_the_reading_and_keeps_what_was_learned_before_it():
    state, effects = update(reading()[0], i.Do("style.forget"), 0)
    assert effects == (ReadStyle(2),)
    assert (state.live.reading_style, texts(state)) == ("", [])
    assert update(state, i.StyleRead(1, WALTZ, ""), 0)[0] == state
    again, _ = update(state, i.Do("style.forget"), 0)
    assert again.live.notices[-1].text == "No style has been learned."


def test_another_document_is_not_given_the_style_that_was_asked_for_in_the_last():
    state, effects = update(reading()[0], i.Opened(Document(), Kept()), 0)
    assert ReadStyle(2) in effects
    state, _ = update(state, i.StyleRead(1, WALTZ, ""), 0)
    assert state.document.controls.style == NO_STYLE


def test_a_refusal_is_a_notice_and_leaves_the_style():
    learned = replace(State(), document=Document(controls=Controls(style=WALTZ)))
    state, _ = update(reading(learned)[0], i.StyleRefused(1, "x: holds no MIDI file"), 0)
    assert texts(state) == [("x: holds no MIDI file", "bad")]
    assert state.document.controls.style == WALTZ
    assert state.live.reading_style == ""


def test_the_same_notes_come_from_the_same_seed_after_the_session_is_opened_again(model, folder, tmp_path):
    file = tmp_path / "x.antiphon"
    hands = Hands(model, controls=Controls(variation=0.0), file=file)
    hands.play_bars(0, TUNE, OTHER)
    hands.set(mode="generate", seed=5, style_amount=1.0)
    unpulled = hands.last.notes
    hands.session.learn_style([folder])
    assert hands.session.wait_idle()
    shown, pulled = hands.session.snapshot(), hands.last.notes
    assert (shown.document.controls.style.name, shown.document.controls.style.bars) == ("my songs", 4)
    assert "4 bars of 1 file; 1 file ignored, the first: two.mid" in shown.live.notices[-1].text
    assert pulled != unpulled
    hands.session.close()
    again = Hands(model, document=read_document(file), file=file)
    assert again.session.wait_idle()
    assert again.last.notes == pulled
    again.session.do("style.forget")
    assert again.session.wait_idle()
    assert again.last.notes == unpulled
    again.session.close()


def test_a_folder_without_melodies_is_refused_by_a_notice(model, tmp_path):
    hands = Hands(model)
    hands.session.learn_style([tmp_path])
    assert hands.session.wait_idle()
    notice = hands.session.snapshot().live.notices[-1]
    assert notice.text == f"{tmp_path.name}: holds no MIDI file; choose another folder"
    hands.session.close()

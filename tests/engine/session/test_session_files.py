"""A session and its file: what is kept, opened, and what happens where it cannot be."""

import json
import sys

import pytest
from hands import OTHER, TUNE, Hands, phrase, wire

from engine.errors import SessionFileError
from engine.inference.controls import Controls
from engine.session.autosave import log_path
from engine.session.document import Document
from engine.session.session import Session
from engine.session.store import FileLock, read_document, write_document


@pytest.fixture
def file(tmp_path):
    return tmp_path / "session.antiphon"


@pytest.fixture
def hands(model, file):
    made = Hands(model, controls=Controls(variation=0.0), file=file)
    yield made
    made.session.close()


def test_a_closed_session_is_opened_again_with_the_same_music(hands, file, model):
    hands.play_bars(0, TUNE, OTHER)
    hands.session.do("store.B")
    hands.set(variation=0.7, seed=5)
    answer = hands.last
    hands.session.close()
    document = read_document(file)
    again = Hands(model, document=document)
    assert again.session.wait_idle()
    assert (again.last.notes, again.last.anchor_beats) == (answer.notes, answer.anchor_beats)
    assert again.session.snapshot().document == hands.session.snapshot().document
    again.session.close()


def test_the_log_has_what_was_heard_and_what_was_made_of_it(hands, file):
    hands.play_bars(0, TUNE, TUNE)
    hands.session.close()
    begun, *records = [json.loads(line) for line in log_path(file).read_text().splitlines()]
    assert "begun" in begun
    assert [next(name for name in record if name != "at_s") for record in records] == ["bar", "bar", "take"]
    assert records[0]["bar"]["bar"] == 0
    take = records[2]["take"]
    assert take["request"]["controls"]["variation"] == 0.0
    assert [note["pitch"] for note in take["phrase"]["notes"]] == [60, 64, 67, 65] * 2


def test_another_document_is_opened_and_the_first_stays(hands, file, tmp_path):
    hands.play_bars(0, TUNE, TUNE)
    hands.set(variation=0.5)
    other = tmp_path / "other.antiphon"
    write_document(other, Document(controls=Controls(mode="generate", seed=3)))
    hands.session.open_document(other)
    assert hands.session.wait_idle()
    shown = hands.session.snapshot()
    assert (shown.document.controls.seed, shown.live.kept.path) == (3, str(other))
    assert shown.live.undo_label == ""
    assert read_document(file).controls.variation == 0.5
    hands.set(seed=4)
    hands.session.close()
    assert read_document(other).controls.seed == 4
    assert read_document(file).controls.variation == 0.5


def test_a_new_document_gets_a_file_of_its_own(hands, file):
    hands.set(variation=0.5)
    hands.session.do("session.new")
    shown = hands.session.snapshot()
    assert shown.document.controls == Controls()
    assert shown.live.kept.path != str(file)
    assert shown.live.kept.recent[0] == shown.live.kept.path
    assert read_document(file).controls.variation == 0.5


def test_saving_under_another_name_goes_on_there(hands, file, tmp_path):
    hands.set(variation=0.5)
    hands.session.save_as(tmp_path / "copy.antiphon")
    hands.set(variation=0.6)
    hands.session.close()
    assert read_document(file).controls.variation == 0.5
    assert read_document(tmp_path / "copy.antiphon").controls.variation == 0.6


def test_what_cannot_be_opened_or_written_changes_nothing(hands, tmp_path):
    (tmp_path / "broken.antiphon").write_text("{")
    before = hands.session.snapshot()
    with pytest.raises(SessionFileError, match=r"broken\.antiphon: is no session"):
        hands.session.open_document(tmp_path / "broken.antiphon")
    with pytest.raises(SessionFileError, match="cannot be saved"):
        hands.session.save_as(tmp_path / "broken.antiphon" / "x.antiphon")
    assert hands.session.snapshot() is before


def test_saving_over_a_document_open_elsewhere_leaves_it(hands, tmp_path):
    path = tmp_path / "other.antiphon"
    write_document(path, Document(controls=Controls(seed=9)))
    with FileLock(path), pytest.raises(SessionFileError, match="is open in another Antiphon"):
        hands.session.save_as(path)
    assert read_document(path).controls.seed == 9


@pytest.mark.skipif(sys.platform == "win32", reason="Windows says in another way that a name is too long")
@pytest.mark.parametrize(("length", "fits"), [(249, True), (250, False), (255, False)])
def test_a_name_that_leaves_no_room_for_the_files_beside_it_is_refused(hands, tmp_path, length, fits):
    path = (
        tmp_path / f"{'a' * (length - 9)}.antiphon"
    )  # a disk's names have 255 bytes; .NAME.lock is 6 longer
    if fits:
        hands.session.save_as(path)
        assert path.exists()
        return
    with pytest.raises(SessionFileError, match="too long a name for a session; choose a shorter one"):
        hands.session.save_as(path)
    with pytest.raises(SessionFileError, match="too long a name"):
        Session(hands.client, file=path)
    assert not path.exists()


def test_a_full_disk_is_a_notice_and_the_music_goes_on(hands, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.session.autosave.write_document", full)
    monkeypatch.setattr("engine.session.autosave.EVERY_S", 0.0)
    hands.session._file.autosave._every_s = 0.0
    hands.play_bars(0, TUNE, TUNE)
    notice = None
    while notice is None:  # an attempt from before the disk was full may report first
        hands.session._file.autosave._thread.join(0.01)
        hands.hear()
        notices = hands.session.snapshot().live.notices
        notice = next((each for each in notices if each.about == "kept"), None)
    assert "no space left on device" in notice.text
    assert not hands.session.snapshot().live.kept.saved
    hands.play_bars(2, OTHER, OTHER)
    assert hands.last.notes == wire(phrase(OTHER, OTHER))


def test_the_same_document_in_two_sessions_is_refused(hands, file):
    with pytest.raises(SessionFileError, match="is open in another Antiphon"):
        Session(hands.client, file=file)

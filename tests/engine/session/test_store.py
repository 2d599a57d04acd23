import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SessionFileError
from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.music.chords import parse_chord
from engine.music.metre import Metre
from engine.music.notes import Note, Phrase
from engine.session.autosave import Autosave, log_path
from engine.session.document import Binding, Document, Favourite, HeardPhrase, ModelReference
from engine.session.settings import Settings
from engine.session.store import UPGRADES, FileLock, read_document, set_aside, write_document

PHRASE = Phrase.of([Note(0.02, 60, 0.9, 90), Note(1 / 3, 64, 0.5, 70, 9)], 1)
FULL = Document(
    controls=Controls(
        mode="morph",
        variation=0.123,
        attributes=(("register", -1.5),),
        constraints=Constraints(key="Eb", scale="blues", lowest_pitch=40),
    ),
    settings=Settings(tempo_bpm=97.5, metre="6/8", hold=True),
    slots={"A": PHRASE, "D": PHRASE},
    source=HeardPhrase(PHRASE, 7),
    locked=PHRASE,
    favourites=(Favourite(PHRASE, slots={"B": PHRASE}, locked=PHRASE, source=HeardPhrase(PHRASE, 3)),),
    model=ModelReference("melody_2bar", "ab" * 32),
    bindings=(Binding("cc14", 3, 21, "variation"),),
)


def test_a_document_saved_and_opened_is_equal(tmp_path):
    for document in (Document(), FULL):
        write_document(tmp_path / "x.antiphon", document)
        assert read_document(tmp_path / "x.antiphon") == document
    assert [path.name for path in tmp_path.iterdir()] == ["x.antiphon"]


def test_a_favourite_of_what_a_replay_played_may_be_longer_than_a_slot_holds(tmp_path):
    kept = Document(
        favourites=(Favourite(Phrase.of(PHRASE.notes, 200)),), locked=Phrase.of(PHRASE.notes, 200)
    )
    write_document(tmp_path / "x.antiphon", kept)
    assert read_document(tmp_path / "x.antiphon") == kept


def bound(**fields) -> dict:
    return {"kind": "note", "channel": 0, "number": 60, "target": "variation", **fields}


def changed(path: Path, change) -> Path:
    write_document(path, FULL)
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.update(version=99), "newer Antiphon"),
        (lambda v: v.update(version=0), "version 0 is unknown"),
        (lambda v: v.pop("version"), "no version"),
        (lambda v: v["controls"].update(variation=3), "variation 3"),
        (lambda v: v["controls"].update(mode="dream"), "mode"),
        (lambda v: v["settings"].update(metre="11/8"), "metre"),
        (lambda v: v["settings"].update(loop_bars=2**31), "loop_bars 2147483648"),
        (lambda v: v["settings"].update(tempo_bpm=0), "tempo_bpm 0"),
        (lambda v: v["settings"].update(click_channel=17), "click_channel 17"),
        (lambda v: v["settings"].update(transpose=-25), "transpose -25"),
        (lambda v: v["slots"].update(E=v["slots"]["A"]), "slots"),
        (lambda v: v["slots"].update(heard=v["slots"]["A"]), "slots"),
        (lambda v: v["slots"]["A"]["notes"][0].update(pitch=128), "no instrument plays"),
        (lambda v: v["slots"]["A"]["notes"][0].update(duration_beats=0), "no instrument plays"),
        (lambda v: v["source"]["phrase"].update(bars=0), "0 bars"),
        (lambda v: v["locked"].update(metre=[4, 0]), "1 bars in 4/0"),
        (lambda v: v["locked"].update(bars=2**31), "2147483648 bars"),
        (lambda v: v["favourites"][0]["phrase"]["notes"][0].update(velocity=10**30), "no instrument plays"),
        (lambda v: v["favourites"][0]["slots"].update(heard=v["locked"]), "slots"),
        (lambda v: v["favourites"][0]["slots"]["B"].update(bars=65), "65 bars"),
        (lambda v: v["favourites"][0]["locked"].update(metre=[0, 4]), "in 0/4"),
        (
            lambda v: v["favourites"][0]["source"]["phrase"]["notes"][0].update(pitch=-1),
            "no instrument plays",
        ),
        (lambda v: v["controls"].update(locks=[{"start_beats": 0, "end_beats": 1e308}]), "holds nothing"),
        (lambda v: v["controls"]["style"].update(bars=-1), "no music has"),
        (lambda v: v["controls"]["style"].update(bars=8, classes=[1] * 12), "no music has"),
        (lambda v: v["controls"]["style"].update(bars=8, onsets=[1] * 16, classes=[1]), "no music has"),
        (lambda v: v["controls"]["style"].update(moves=[[2, 2, 0]]), "no music has"),
        (lambda v: v["controls"]["style"].update(phrases=[[[0, 4, 128]]]), "no instrument plays"),
        (lambda v: v.update(bindings=[bound(number=128)]), "<= 127"),
        (lambda v: v.update(bindings=[bound(channel=16)]), "<= 15"),
    ],
)
def test_a_file_that_cannot_be_is_refused_in_one_line(change, words, tmp_path):
    with pytest.raises(SessionFileError) as caught:
        read_document(changed(tmp_path / "x.antiphon", change))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b"{", b"[" * 100_000, b"null"])
def test_what_is_no_session_is_refused(data, tmp_path):
    (tmp_path / "x.antiphon").write_bytes(data)
    with pytest.raises(SessionFileError):
        read_document(tmp_path / "x.antiphon")


def test_fields_of_another_time_are_left_out(tmp_path):
    path = changed(tmp_path / "x.antiphon", lambda v: (v.update(weather="rain"), v.pop("bindings")))
    assert read_document(path) == msgspec.structs.replace(FULL, bindings=())


def test_an_older_file_is_upgraded_step_by_step(tmp_path):
    def from_minus_one_slots_were_a_list(values):
        return {**values, "slots": dict(zip("ABCD", values["slots"], strict=False))}

    def from_zero_nothing(values):
        return {**values, "settings": {**values["settings"], "tempo_bpm": 97.5}}

    def older(values):
        values.update(version=-1, slots=[values["slots"]["A"]])
        values["settings"].pop("tempo_bpm")

    path = changed(tmp_path / "x.antiphon", older)
    upgrades = {**UPGRADES, -1: from_minus_one_slots_were_a_list, 0: from_zero_nothing}
    assert read_document(path, upgrades) == msgspec.structs.replace(FULL, slots={"A": PHRASE})


def test_a_file_from_before_replay_had_its_name_keeps_what_was_set_and_bound(tmp_path):
    def of_before(values):
        values.update(version=2)
        values["settings"]["again_from_bar"] = values["settings"].pop("replay_from_bar") + 4
        values["bindings"] = [{"kind": "note", "channel": 0, "number": 60, "target": "again"}]

    read = read_document(changed(tmp_path / "x.antiphon", of_before))
    assert (read.settings.replay_from_bar, read.bindings) == (5, (Binding("note", 0, 60, "replay"),))
    for broken in ({"settings": 3}, {"bindings": 3}, {"bindings": [3]}, {"bindings": [{"target": 3}]}):
        path = changed(tmp_path / "x.antiphon", lambda values, bad=broken: values.update(version=2, **bad))
        with pytest.raises(SessionFileError, match="no session"):
            read_document(path)


@pytest.mark.parametrize(
    ("chosen", "beats", "metre", "chords"),
    [
        ("6/8", 3.0, Metre(6, 8), "Am F C C"),  # of the chords of quarters 0 and 1.5, 3 and 4.5
        ("4/4", 3.0, Metre(3, 4), "Am F F C C C"),
        ("7/8", 3.5, Metre(7, 8), "Am Am F F F F C C C C C"),
        ("4/4", 2.5, Metre(5, 8), "Am Am F F F C C C C C"),
    ],
)
def test_a_file_from_before_phrases_had_a_metre_keeps_its_bars_and_chords(
    chosen, beats, metre, chords, tmp_path
):
    quarters = {"root": 9, "quality": "m"}, {"root": 5}, {"root": 5}, *[{"root": 0}] * 3
    old = {
        "notes": [{"start_beats": 0.0, "pitch": 60, "duration_beats": 1.0}],
        "bars": 2,
        "beats_per_bar": beats,
    }

    def older(values):
        values.update(version=3, slots={"A": old}, source={"phrase": old, "first_bar": 1})
        values["settings"].update(metre=chosen)
        values["source"]["surroundings"] = {"harmony": [*quarters]}
        values["slot_surroundings"] = {"A": {"harmony": [*quarters]}}

    found = read_document(changed(tmp_path / "x.antiphon", older))
    wanted = tuple(parse_chord(name) for name in chords.split())
    assert found.slots["A"] == found.source.phrase == Phrase.of([Note(0.0, 60, 1.0)], 2, metre)
    assert found.source.surroundings.harmony == wanted
    assert found.slot_surroundings["A"].harmony == wanted


@pytest.mark.parametrize("beats", [0, -4, 1e300, 1 / 3, "4", None])
def test_a_number_of_beats_that_is_no_metre_is_refused(beats, tmp_path):
    def older(values):
        values.update(version=3)
        values["slots"]["A"] = {"notes": [], "bars": 1, "beats_per_bar": beats, "metre": [6, 0]}

    with pytest.raises(SessionFileError):
        read_document(changed(tmp_path / "x.antiphon", older))


def test_a_file_from_before_the_pad_morphs_along_the_line(tmp_path):
    def of_before(values):
        values.update(version=1)
        for name in ("morph_by", "pad_x", "pad_y"):
            values["controls"].pop(name)

    assert read_document(changed(tmp_path / "x.antiphon", of_before)) == FULL
    path = changed(tmp_path / "x.antiphon", lambda values: values.update(version=1, controls=[]))
    with pytest.raises(SessionFileError, match="no session"):
        read_document(path)


@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damage") / "x.antiphon"
    write_document(path, FULL)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        assert isinstance(read_document(path), Document)
    except SessionFileError as error:
        assert "\n" not in str(error)


def test_a_broken_file_is_set_aside_under_a_name_of_its_own(tmp_path):
    for number in (1, 2):
        (tmp_path / "x.antiphon").write_text(f"broken {number}")
        assert set_aside(tmp_path / "x.antiphon").name == f"x.broken-{number}.antiphon"
    assert (tmp_path / "x.broken-1.antiphon").read_text() == "broken 1"


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "x.antiphon"
    write_document(path, FULL)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_document(path, Document())
    monkeypatch.undo()
    assert read_document(path) == FULL
    assert [each.name for each in tmp_path.iterdir()] == ["x.antiphon"]


def test_a_document_is_open_in_one_program_at_a_time(tmp_path):
    path = tmp_path / "x.antiphon"
    lock = FileLock(path)
    code = (
        "import sys; from pathlib import Path; from engine.session.store import FileLock\n"
        "FileLock(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(path)]
    root = Path(__file__).parents[3]
    other = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert "is open in another Antiphon" in other.stderr
    lock.release()
    assert subprocess.run(command, capture_output=True, cwd=root, check=False).returncode == 0


class Reports:
    def __init__(self):
        self.all, self.came = [], threading.Event()

    def __call__(self, path, complete, problem):
        self.all.append((complete, problem))
        self.came.set()


def test_the_newest_document_is_saved_at_the_latest_on_closing(tmp_path):
    path = tmp_path / "new" / "x.antiphon"
    autosave = Autosave(path, Reports(), every_s=3600)
    for number in range(5):
        autosave.save(msgspec.structs.replace(FULL, controls=Controls(seed=number)))
    autosave.log({"bar": 1})
    autosave.close()
    autosave.close()
    assert read_document(path).controls.seed == 4
    (record,) = [json.loads(line) for line in log_path(path).read_text().splitlines()]
    assert record["bar"] == 1
    assert record["at_s"] > 0


def test_a_place_that_cannot_be_written_is_reported_and_tried_again(tmp_path):
    (tmp_path / "file").write_text("")
    reports = Reports()
    autosave = Autosave(tmp_path / "file" / "x.antiphon", reports, every_s=0.0)
    autosave.save(FULL)
    autosave.log({"bar": 1})
    assert reports.came.wait(60)
    complete, problem = reports.all[0]
    assert not complete
    assert "the session cannot be saved" in problem
    (tmp_path / "file").unlink()
    autosave.close()
    assert read_document(tmp_path / "file" / "x.antiphon") == FULL
    assert '"bar": 1' in log_path(tmp_path / "file" / "x.antiphon").read_text()


def test_a_log_that_has_grown_goes_on_in_a_new_file(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.session.autosave.LOG_BYTES", 10)
    path = tmp_path / "x.antiphon"
    for number in range(3):
        autosave = Autosave(path, Reports())
        autosave.log({"bar": number})
        autosave.close()
    assert '"bar": 2' in log_path(path).read_text()
    assert '"bar": 1' in (tmp_path / "x.antiphon.log.1").read_text()

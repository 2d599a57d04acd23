"""`antiphon replay` and `antiphon history` on a log that is written here by hand."""

from pathlib import Path

import pytest
import tinybundle
from typer.testing import CliRunner

from app import cli
from engine.errors import AntiphonError
from engine.inference.controls import HEARD, Controls
from engine.inference.model import Model
from engine.inference.render import render
from engine.inference.slots import encode_slot
from engine.midifile.read import read_midi
from engine.music.metre import FOUR_FOUR
from engine.music.notes import Note, Phrase
from engine.performer.messages import BarCaptured, NoteData
from engine.session.request import Request
from engine.text import json_bytes

TUNE = Phrase.of([Note(float(beat), 60 + beat, 0.5, 80) for beat in range(8)], 2)


def run(*arguments: object):
    return CliRunner().invoke(cli.application, [str(value) for value in arguments])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return tinybundle.write(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def session(bundle, tmp_path) -> Path:
    """A performance of six bars: two are heard, and answered from bar 3 on at variation .5 with seed 4."""
    model = Model.load(str(bundle), precision="float", provider="CPUExecutionProvider")
    controls = Controls(variation=0.5, seed=4, temperature=1.0)
    answer = render(model, {HEARD: encode_slot(model, TUNE)}, controls)
    request = Request(
        model=model.bundle.hash,
        controls=controls,
        phrases={HEARD: TUNE},
        bypassed=None,
        anchor_beats=8.0,
        starts_at="bar",
    )
    notes = [NoteData(float(beat), 60 + beat, 0.5, 80, 0) for beat in range(4)]
    later = [NoteData(note.start_beats, note.pitch + 4, 0.5, 80, 0) for note in notes]
    sent = [(8.0 + n.start_beats, bytes((0x90, n.pitch, n.velocity))) for n in answer.notes]
    sent += [(8.0 + n.end_beats, bytes((0x80, n.pitch, 0))) for n in answer.notes]
    records = [
        {"begun": {}},
        {"clock": {"rolling": True, "at_beats": 0.0, "bpm": 100.0, "metre": FOUR_FOUR}},
        {"bar": BarCaptured(0, tuple(notes), (), 100.0, FOUR_FOUR, 0)},
        {"bar": BarCaptured(1, tuple(later), (), 100.0, FOUR_FOUR, 0)},
        {"take": {"pattern": 1, "model": str(bundle), "request": request, "phrase": answer, "transpose": 0}},
        {"started": {"pattern": 1, "at_beats": 8.0, "anchor_beats": 8.0}},
        *({"sent": (beats, data.hex())} for beats, data in sorted(sent)),
        {"clock": {"rolling": False, "at_beats": 16.0, "bpm": 100.0, "metre": FOUR_FOUR}},
    ]
    log = tmp_path / "tonight.antiphon.log"
    log.write_bytes(b"\n".join(json_bytes({"at_s": 1.0, **record}) for record in records) + b"\n")
    return tmp_path / "tonight.antiphon"


def tracks(file: Path):
    return {
        track.name: [(note.start_beats, note.pitch) for note in track.notes]
        for track in read_midi(file).tracks
        if track.notes
    }


def test_a_performance_is_written_as_it_was_and_with_one_thing_changed(session, tmp_path):
    was, again, changed = tmp_path / "was.mid", tmp_path / "again.mid", tmp_path / "changed.mid"
    assert run("replay", session, "-o", was).exit_code == 0
    assert tracks(was)["Heard"] == [(float(beat), 60 + beat) for beat in range(8)]
    done = run("replay", session, "-o", again, "--render")
    assert "1 answer rendered again, all as they sounded" in done.output
    assert again.read_bytes() == was.read_bytes()
    done = run("replay", session, "-o", changed, "--set", "variation=0", "--set-from", 4)
    assert (done.exit_code, "1 answer rendered with variation=0" in done.output) == (0, True)
    before, after = tracks(was)["Antiphon"], tracks(changed)["Antiphon"]
    assert [n for n in after if n[0] < 12] == [n for n in before if n[0] < 12]
    assert [n for n in after if n[0] >= 12] == [(12.0 + beat, 64 + beat) for beat in range(4)]
    run("replay", session, "-o", changed, "--set", "variation=0", "--from-bar", 4, "--no-heard")
    assert tracks(changed) == {"Antiphon": [(float(beat), 64 + beat) for beat in range(4)]}


def test_every_answer_is_written_to_a_file_of_its_own(session, tmp_path):
    done = run("history", session, "-o", tmp_path / "out")
    assert "bar 3, Vary 50%, seed 4" in done.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tonight-1.mid"]
    assert read_midi(tmp_path / "out" / "tonight-1.mid").bpm == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--from-bar", 9), "bar 9 is not in this performance; it has bars 1 to 4"),
        (("--set", "variation=0", "--set-from", 9), "bar 9 is not in this performance"),
        (("--set", "loudness=1"), "'loudness' is nothing to replay with"),
        (("--performance", 3), "holds 1 performance, not 3"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(arguments, reason, session, tmp_path):
    done = run("replay", session, "-o", tmp_path / "x.mid", *arguments)
    assert done.exit_code != 0
    assert isinstance(done.exception, AntiphonError)
    assert reason in str(done.exception)
    assert not (tmp_path / "x.mid").exists()


def test_a_performance_without_an_answer_is_what_was_heard(tmp_path):
    notes = (NoteData(0.0, 60, 1.0, 80, 0), NoteData(2.0, 64, 1.0, 80, 0))
    records = [
        {"begun": {}},
        {"clock": {"rolling": True, "at_beats": 0.0, "bpm": 100.0, "metre": FOUR_FOUR}},
        {"bar": BarCaptured(0, notes, (), 100.0, FOUR_FOUR, 0)},
        {"clock": {"rolling": False, "at_beats": 4.0, "bpm": 100.0, "metre": FOUR_FOUR}},
    ]
    session = tmp_path / "a.antiphon"
    log = tmp_path / "a.antiphon.log"
    log.write_bytes(b"".join(json_bytes({"at_s": 0.0, **each}) + b"\n" for each in records))
    for more in ((), ("--render",)):
        done = run("replay", session, "-o", tmp_path / "a.mid", "--heard", *more)
        assert done.exit_code == 0, done.output
        assert "bars 1 to 1, 0 notes of the answers" in done.output
        (track,) = read_midi(tmp_path / "a.mid").tracks
        assert [(note.start_beats, note.pitch) for note in track.notes] == [(0.0, 60), (2.0, 64)]

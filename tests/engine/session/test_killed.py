"""A session that is killed while it saves itself: what was saved is there, and the file is whole."""

import subprocess
import sys

import pytest

from engine.session.store import read_document

CHILD = """
import sys, threading
from pathlib import Path
from engine.inference.controls import Controls
from engine.music.notes import Note, Phrase
from engine.session.autosave import Autosave
from engine.session.document import Document

notes = [Note(step / 100, 60, 0.01) for step in range(5000)]
slots = {name: Phrase.of(notes, 16) for name in "ABCD"}  # long enough to be killed in the middle of it
saved = threading.Event()
autosave = Autosave(Path(sys.argv[1]), lambda path, whole, problem: whole and saved.set(), every_s=0.0)
for seed in range(1, 1_000_000):
    saved.clear()
    autosave.save(Document(controls=Controls(seed=seed), slots=slots))
    saved.wait()
    print(seed, flush=True)
"""


@pytest.mark.parametrize("saves", [1, 2, 4])
def test_what_was_saved_before_a_kill_is_there_after_it(tmp_path, saves):
    path = tmp_path / "session.antiphon"
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = [int(child.stdout.readline()) for _ in range(saves)]
        child.kill()
    document = read_document(path)
    assert document.controls.seed >= said[-1] == saves
    assert {name: len(phrase.notes) for name, phrase in document.slots.items()} == dict.fromkeys("ABCD", 5000)

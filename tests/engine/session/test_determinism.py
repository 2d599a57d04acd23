"""The same document and seed give the same bytes, in this process and in a fresh one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tinybundle
from hands import OTHER, TUNE, Hands, phrase

from engine.inference.constraints import Constraints
from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.performer.messages import SetPattern, encode
from engine.session.document import Document, HeardPhrase
from engine.session.store import write_document

CODE = """
import sys
from pathlib import Path
from hands import Hands
from engine.inference.model import Model
from engine.performer.messages import encode
from engine.session.store import read_document
model = Model.load(sys.argv[1], precision="float", provider="CPUExecutionProvider")
hands = Hands(model, document=read_document(Path(sys.argv[2])))
assert hands.session.wait_idle()
print(encode(hands.last).hex())
"""
HERE = Path(__file__).parent


@pytest.mark.parametrize(
    "controls",
    [
        Controls(variation=0.6, temperature=1.0, seed=4242),
        Controls(mode="morph", morph=0.37, seed=7, attributes=(("density", 1.5),)),
        Controls(mode="generate", seed=99, temperature=1.3, constraints=Constraints(key="Eb", scale="blues")),
    ],
)
def test_a_fresh_process_sends_the_same_bytes(controls, tmp_path):
    bundle = tinybundle.write(tmp_path / "bundle")
    slots = {"A": phrase(TUNE, OTHER), "B": phrase(OTHER, OTHER)}
    document = Document(controls=controls, slots=slots, source=HeardPhrase(phrase(TUNE, TUNE), 6))
    write_document(tmp_path / "x.antiphon", document)
    model = Model.load(str(bundle), precision="float", provider="CPUExecutionProvider")
    hands = Hands(model, document=document)
    assert hands.session.wait_idle()
    here = encode(hands.last).hex()
    hands.session.close()
    assert isinstance(hands.last, SetPattern)
    assert hands.last.notes
    paths = [HERE.parents[2], HERE, HERE.parent / "inference"]
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(bundle), str(tmp_path / "x.antiphon")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONHASHSEED": "1"},
    )
    assert done.stdout.strip() == here, done.stderr

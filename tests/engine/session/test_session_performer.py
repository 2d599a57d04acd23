"""The session with a whole performer on recording ports: from note in to note out, on time moved by hand."""

import pytest
import tinybundle
from hands import OfflineClient

from engine.inference.controls import Controls
from engine.inference.model import Model
from engine.music.notes import Note, Phrase
from engine.session.document import Document
from engine.session.session import Session

S = 1_000_000_000
BAR_NS = 2 * S  # 120 bpm
START_NS = 2 * S
DEMO = Phrase.of([Note(beat + 0.02, 60 + beat, 0.5, 70 + beat) for beat in range(8)], 2)


class Rig:
    """A session, its performer, and a DAW that sends clock and notes."""

    def __init__(self, model, controls, **options):
        self.client = OfflineClient()
        self.offline = self.client.offline
        self.session = Session(
            self.client,
            document=Document(controls=controls),
            now_ns=lambda: self.offline.now_ns,
            **options,
        )
        self.session.start(model)

    def daw_plays(self, bars, phrase):
        """Clock at 120 bpm from `START_NS` on for `bars` bars; the phrase in its first bars."""
        ticks = [(START_NS + round(i * S / 48), b"\xf8") for i in range(96 * bars)]
        notes = []
        for note in phrase.notes:
            on, off = (START_NS + round(beats * S / 2) for beats in (note.start_beats, note.end_beats))
            notes += [(on, bytes((0x90, note.pitch, note.velocity))), (off, bytes((0x80, note.pitch, 0)))]
        self.offline.play(sorted([(START_NS - 1_000_000, b"\xfa"), *ticks, *notes]))

    def run_until_bar(self, bar):
        """Go on step by step, the session polling 50 times a second."""
        end_ns = START_NS + round(bar * BAR_NS)
        while self.offline.now_ns < end_ns:
            self.offline.run_until(min(self.offline.now_ns + 20_000_000, end_ns))
            self.session.poll()
            assert self.session.wait_idle()

    def note_ons(self, from_bar):
        """(beats from a bar on, pitch, velocity) of what left the output."""
        start_ns = START_NS + from_bar * BAR_NS
        log = self.offline.backend.output.log
        return [
            (round((due - start_ns) / (S / 2), 2), data[1], data[2])
            for due, _, data in log
            if data[0] == 0x90 and due >= start_ns
        ]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tinybundle.write(tmp_path_factory.mktemp("bundle"))
    return Model.load(str(folder), precision="float", provider="CPUExecutionProvider")


@pytest.fixture
def rig(model):
    made = Rig(model, controls=Controls(variation=0.0), demo_phrase=DEMO)
    yield made
    made.session.close()


def played(phrase, beats=0.0):
    return [(round(n.start_beats - beats, 2), n.pitch, n.velocity) for n in phrase.notes]


def test_what_was_played_comes_back_in_its_place_with_its_feel(rig):
    rig.daw_plays(8, DEMO)
    rig.run_until_bar(6.5)
    # The answer to bars 0 and 1 starts on a bar line, in bar 3 with the phrase's second bar.
    first = rig.note_ons(0)[0]
    assert first == (12.02, 64, 74)
    assert rig.note_ons(4)[:8] == played(DEMO)
    view = rig.session.snapshot()
    assert view.live.playing.phrase == view.live.heard.phrase
    assert [(n.pitch, n.velocity) for n in view.live.heard.phrase.notes] == [
        (n.pitch, n.velocity) for n in DEMO.notes
    ]
    assert view.live.playing.since_beats == 0.0
    assert len(view.live.captured) == 6
    assert view.position_beats(rig.offline.now_ns) == pytest.approx(26.0, abs=0.05)


def test_a_slider_moved_in_the_middle_goes_on_in_the_middle(rig):
    rig.daw_plays(8, DEMO)
    rig.run_until_bar(4.5)
    rig.session.set("variation", 1.0)
    rig.session.set("seed", 2)
    assert rig.session.wait_idle()
    coming = rig.session.snapshot().live.coming
    rig.run_until_bar(6)
    assert rig.session.snapshot().live.playing.phrase == coming
    expected = [event for event in played(coming, 4.0) if event[0] >= 0]
    assert [event for event in rig.note_ons(5) if event[0] < 3.9] == [e for e in expected if e[0] < 3.9]


def test_the_demo_is_heard_and_answered_on_the_internal_clock(rig):
    rig.session.set("demo", True)
    rig.run_until_bar(5)
    view = rig.session.snapshot()
    assert view.live.clock.source == "internal"
    assert [n.pitch for n in view.live.heard.phrase.notes] == [n.pitch for n in DEMO.notes]
    assert view.live.playing is not None
    rig.session.set("demo", False)
    rig.run_until_bar(5.2)
    assert rig.session.snapshot().live.clock.status == "stopped"
    assert rig.offline.sounding() == set()


def test_closing_leaves_no_note_on(rig):
    rig.daw_plays(8, Phrase.of([Note(0.0, 60, 7.5)], 2))
    rig.run_until_bar(4.5)
    assert rig.offline.sounding() == {(0, 60)}
    rig.session.close()
    rig.offline.run_for(S)
    assert rig.offline.sounding() == set()

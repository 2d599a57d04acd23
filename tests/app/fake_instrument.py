"""An instrument and a sound without processes: they record calls; the document behaves as the real one's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import structs
from msgspec.structs import replace

from app.bundle_cards import BundleCard
from app.demo import demo_phrase
from app.window.sound import Sound
from engine.inference.bundle.manifest import Attribute
from engine.inference.constraints import Lock
from engine.inference.controls import Controls, SlotName, with_value
from engine.midi.ports import now_ns
from engine.modes.catalogue import modes_of
from engine.music.metre import FOUR_FOUR
from engine.music.notes import Note, Phrase
from engine.parameter import Value
from engine.performer.messages import BarCaptured, ClockState, Event, NoteData
from engine.session.captured_bars import CapturedBars
from engine.session.document import Document, HeardPhrase
from engine.session.instrument import Instrument
from engine.session.live import Health, Live, Ports, Sounding
from engine.session.parameters import SETTINGS, SWITCHES
from engine.session.snapshot import ModelFacts, Snapshot

ATTRIBUTES = (
    Attribute(name="density", unit="onsets per step", effects={"density": 0.144}),
    Attribute(
        name="in_scale", unit="share of onsets", effects={"in_scale": 0.02}, effects_percent={"in_scale": 2.3}
    ),
    Attribute(name="swagger", unit="struts", effects={}),
)
MELODY = ModelFacts(name="melody_2bar", reference="melody_2bar", attributes=ATTRIBUTES)
CONTINUES = ModelFacts(name="continue", task="continue", bars=4, representation="pianoroll")
HUMANIZES = ModelFacts(name="humanize", task="humanize", representation="groove", pitched=False)
CARDS = (
    BundleCard("melody_2bar", "Melody, 2 bars", modes_of("autoencode"), 2, "melody"),
    BundleCard("melody_16bar", "Melody, 16 bars", modes_of("autoencode"), 16, "melody"),
    BundleCard("continue", "Continue, polyphonic", modes_of("continue"), 4, "pianoroll"),
    BundleCard("humanize", "Groove: humanise drums", modes_of("humanize"), 2, "groove"),
)
PORTS = Ports(
    backend="jack", input_name="Antiphon:Antiphon In", output_name="Antiphon:Antiphon Out", realtime=True
)
INSTALLED = {
    "melody_2bar": modes_of("autoencode"),
    "melody_16bar": modes_of("autoencode"),
    "continue": modes_of("continue"),
    "humanize": modes_of("humanize"),
}
READY = Snapshot(
    document=Document(controls=Controls(variation=0.4, seed=7)),
    live=Live(ports=PORTS, installed=INSTALLED),
    model=MELODY,
)


def clock(**changes: Any) -> ClockState:
    """A clock of a DAW that rolls, or one that differs from it."""
    values: dict[str, Any] = {
        "status": "rolling",
        "source": "external",
        "bpm": 120.0,
        "position_beats": 0.0,
        "metre": FOUR_FOUR,
        "t_ns": now_ns(),
        "jitter_ms": 0.12,
        "bar_phase_known": True,
        "missed_ticks": 0,
        "duplicate_ticks": 0,
    }
    return ClockState(**{**values, **changes})


def with_live(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """Return a snapshot whose live state differs."""
    return structs.replace(snapshot, live=structs.replace(snapshot.live, **changes))


def with_document(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """Return a snapshot whose document differs."""
    return structs.replace(snapshot, document=structs.replace(snapshot.document, **changes))


def with_controls(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """Return a snapshot with other values of controls, by id."""
    controls = snapshot.document.controls
    for name, value in changes.items():
        controls = with_value(controls, name, value)
    return with_document(snapshot, controls=controls)


def captured(bars: int) -> CapturedBars:
    """Return bars of the demo phrase, as if it had been played over and over."""
    phrase, kept = demo_phrase(), CapturedBars()
    for number in range(bars):
        bar = phrase.window(number % phrase.bars, 1)
        notes = tuple(
            NoteData(n.start_beats, n.pitch, n.duration_beats, n.velocity, n.channel) for n in bar.notes
        )
        kept = kept.with_bar(BarCaptured(number, notes, (), 120.0, FOUR_FOUR, 0))
    return kept


def answer(phrase: Phrase, shift: int) -> Phrase:
    """Return a phrase that differs from another one by every other note."""
    moved = [
        replace(note, pitch=note.pitch + shift) if at % 2 else note for at, note in enumerate(phrase.notes)
    ]
    return Phrase.of(moved, phrase.bars, phrase.metre)


def playing() -> Snapshot:
    """What an instrument shows in the middle of playing."""
    phrase = demo_phrase()
    bass = [Note(beat, 38 + int(beat) % 5, 0.9, 90) for beat in (0.0, 2.0, 4.0, 6.0)]
    document = Document(
        controls=Controls(variation=0.3, seed=6213),
        slots={"A": phrase, "B": answer(phrase, 4), "C": Phrase.of(bass, 2)},
        source=HeardPhrase(phrase, 8),
    )
    live = Live(
        ports=PORTS,
        installed=INSTALLED,
        clock=clock(position_beats=45.3),
        captured=captured(10),
        heard=document.source,
        playing=Sounding(answer(phrase, -3), 0.0),
        coming=answer(phrase, 5),
        health=Health(pattern_ms=3.1, late_ns=(12_000,) * 20),
        undo_label="Variation 30%",
    )
    return Snapshot(document=document, live=live, model=MELODY)


def changed(value: Any, changes: dict[str, Any]) -> Any:
    """`msgspec.structs.replace` for fields known by name only; what is set was checked by its parameter."""
    return replace(value, **changes)


@dataclass
class FakeInstrument:
    """Records calls; `state` is what it shows."""

    state: Snapshot = READY
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    closed: int = 0

    def poll(self) -> Sequence[Event]:
        events, self.events = self.events, []
        return events

    def snapshot(self) -> Snapshot:
        return self.state

    def do(self, action: str) -> None:
        self.calls.append(("do", action))

    def set(self, parameter: str, value: Value) -> None:
        self.calls.append(("set", parameter, value))
        found = self.state.table.parameter(parameter)
        found.check(value)
        if parameter in SETTINGS:
            settings = changed(self.state.document.settings, {parameter: value})
            self.state = with_document(self.state, settings=settings)
        elif parameter in SWITCHES:
            self.state = with_live(self.state, switches=changed(self.state.live.switches, {parameter: value}))
        else:
            self.state = with_controls(self.state, **{parameter: value})

    def begin(self, parameter: str) -> None:
        self.calls.append(("begin", parameter))

    def end(self, parameter: str) -> None:
        self.calls.append(("end", parameter))

    def store(self, slot: SlotName, phrase: Phrase) -> None:
        self.calls.append(("store", slot, phrase))

    def lock(self, part: Lock) -> None:
        self.calls.append(("lock", part))

    def pick(self, first_id: int, bars: int) -> None:
        self.calls.append(("pick", first_id, bars))

    def keep_take(self, index: int) -> None:
        self.calls.append(("keep_take", index))

    def keep_sounded(self, number: int) -> None:
        self.calls.append(("keep_sounded", number))

    def hear_take(self, index: int | None) -> None:
        self.calls.append(("hear_take", index))

    def play_again(self, number: int) -> None:
        self.calls.append(("play_again", number))

    def play_favourite(self, index: int) -> None:
        self.calls.append(("play_favourite", index))

    def drop_favourite(self, index: int) -> None:
        self.calls.append(("drop_favourite", index))

    def dismiss(self, about: str) -> None:
        self.calls.append(("dismiss", about))
        left = tuple(notice for notice in self.state.live.notices if notice.about != about)
        self.state = with_live(self.state, notices=left)

    def load_model(self, reference: str) -> None:
        self.calls.append(("load_model", reference))

    def learn_style(self, paths: Sequence[Path]) -> None:
        self.calls.append(("learn_style", list(paths)))

    def learn(self, target: str) -> None:
        self.calls.append(("learn", target))

    def unbind(self, target: str) -> None:
        self.calls.append(("unbind", target))

    def new_document(self) -> None:
        self.calls.append(("new_document",))

    def open_document(self, path: Path) -> None:
        self.calls.append(("open_document", path))

    def save_as(self, path: Path) -> None:
        self.calls.append(("save_as", path))

    def close(self) -> None:
        self.closed += 1


class RecordingSound:
    status = "Sound: test"

    def __init__(self) -> None:
        self.calls: list[str] = []

    def hear(self, events: object) -> None:
        self.calls.append("hear")

    def silence(self) -> None:
        self.calls.append("silence")

    def start(self) -> None:
        self.calls.append("start")

    def turn_on(self) -> None:
        self.calls.append("turn_on")

    def close(self) -> None:
        self.calls.append("close")


INSTRUMENT: type[Instrument] = FakeInstrument
SOUND: type[Sound] = RecordingSound
"""For mypy, which finds what either lacks."""

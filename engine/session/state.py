"""All that a session knows, frozen: the snapshot's three parts and what only `update` needs."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.music.notes import Phrase
from engine.performer.messages import Command
from engine.session.document import Binding, Document
from engine.session.heard_harmony import Listening
from engine.session.intents import Answered, OscMessage
from engine.session.live import Live, Mood
from engine.session.notices import cleared, posted
from engine.session.open_bar import OpenBar
from engine.session.request import Request
from engine.session.snapshot import ModelFacts, Snapshot
from engine.session.undo import Step, Undo


class Send(msgspec.Struct, frozen=True):
    """Effect: a command for the performer."""

    command: Command


class Render(msgspec.Struct, frozen=True):
    """Effect: an answer to compute."""

    request: Request


class RenderTakes(msgspec.Struct, frozen=True):
    """Effect: takes to compute beside an answer, and how many."""

    request: Request
    count: int


class Load(msgspec.Struct, frozen=True):
    """Effect: a model to load, by name or path."""

    reference: str


class Save(msgspec.Struct, frozen=True):
    """Effect: a document that has changed."""

    document: Document


class Log(msgspec.Struct, frozen=True):
    """Effect: something to append to the log beside the document."""

    record: Mapping[str, Any]


class OscPlace(msgspec.Struct, frozen=True):
    """Where OSC messages come in and where changes go."""

    port: int
    network: bool
    """Whether other machines are heard; else only programs on this one."""
    to: tuple[str, int] | None
    """Address and port that changes are sent to; None for nowhere."""


class OpenOsc(msgspec.Struct, frozen=True):
    """Effect: hear OSC messages at a place, or none any more."""

    place: OscPlace | None


class SendOsc(msgspec.Struct, frozen=True):
    """Effect: OSC messages for somebody."""

    messages: tuple[OscMessage, ...]
    to: tuple[str, int]


class Replay(msgspec.Struct, frozen=True):
    """Effect: music of this performance to put together for a replay."""

    from_bar: int
    """Of the performance, from 0."""
    change: str
    """What is to be otherwise, as `variation=0.6`; empty for nothing."""
    with_heard: bool


class ReadStyle(msgspec.Struct, frozen=True):
    """Effect: MIDI files to learn a style from; none ends the reading of those before."""

    number: int
    """Of the reading, so that one that was overtaken is told from the newest."""
    paths: tuple[str, ...] = ()
    """Of files and folders."""


class New(msgspec.Struct, frozen=True):
    """Effect: begin with an empty document."""


Effect = Send | Replay | Render | RenderTakes | Load | Save | Log | New | OpenOsc | SendOsc | ReadStyle


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A session between two updates."""

    document: Document = msgspec.field(default_factory=Document)
    live: Live = msgspec.field(default_factory=Live)
    model: ModelFacts | None = None
    undo: Undo = msgspec.field(default_factory=Undo)
    gesture: str = ""
    """Join key while a control is held."""
    gestures: int = 0
    """How many gestures have begun, so that two on the same control are two steps."""
    asked: Request | None = None
    """What was asked for last."""
    asked_from: tuple[tuple[Request, Document], ...] = ()
    """The last requests with the documents they were made from."""
    sent_from: Mapping[int, Document] = msgspec.field(default_factory=dict)
    """Documents that the patterns on their way and the one that sounds were made from, by pattern."""
    takes_wanted: bool = False
    """Whether takes are shown beside the answer."""
    previewing: bool = False
    """Whether a take sounds, or is about to, that was not kept."""
    takes_asked: Request | None = None
    """What takes were asked for last."""
    answer: Answered | None = None
    """The rendering that was sent last, as it was before the settings of the output."""
    sent: Mapping[int, Phrase] = msgspec.field(default_factory=dict)
    """Patterns on their way that have not begun, by id."""
    last_pattern: int = 0
    """Id of the pattern sent last; 0 for none."""
    just_learned: Binding | None = None
    """The binding learned last, until a message comes that is not the fine half of its controller."""
    demo_phrase: Phrase | None = None
    """What the demo plays into the input."""
    started_clock: bool = False
    """Whether the demo started the internal clock, and so stops it."""
    play_sent: bool = False
    """Whether Play was sent and the clock has not spoken since."""
    style_asked: int = 0
    """Number of the reading of files for a style that was asked for last; 0 for none."""
    listening: Listening = msgspec.field(default_factory=Listening)
    """Key and chords of what is heard."""
    open_bar: OpenBar = msgspec.field(default_factory=OpenBar)
    """What was heard since the last captured bar, where turns are taken."""

    @property
    def takes_wait(self) -> bool:
        """Whether there are takes to ask for once the hand is still."""
        asked = self.asked
        if not self.takes_wanted or asked is None or asked.bypassed is not None or asked is self.takes_asked:
            return False
        return not self._is_among_takes(asked)

    def _is_among_takes(self, asked: Request) -> bool:
        """Return whether an answer is one of the takes shown: they stay where they are once one is kept."""
        before = self.takes_asked
        if before is None or all(take.controls != asked.controls for take in self.live.takes):
            return False
        return replace(asked, controls=before.controls).same_music(before)

    @property
    def shown(self) -> Snapshot:
        """What window and stream see."""
        return Snapshot(document=self.document, live=self.live, model=self.model)

    def with_live(self, **changes: Any) -> "State":
        """Return the state with fields of `live` changed."""
        return replace(self, live=replace(self.live, **changes))

    def with_document(self, **changes: Any) -> "State":
        """Return the state with fields of the document changed; no step of undo."""
        return replace(self, document=msgspec.structs.replace(self.document, **changes))

    def committed(self, now_ns: int, label: str, join: str = "", **changes: Any) -> "State":
        """Return the state with fields of the document changed as a step of undo."""
        if all(getattr(self.document, name) == value for name, value in changes.items()):
            return self
        document = msgspec.structs.replace(self.document, **changes)
        held = bool(self.gesture) and self.gesture.partition("#")[0] == join
        step = Step(label, self.gesture if held else join, self.document, document, now_ns)
        return replace(self, document=document, undo=self.undo.committed(step, held=held))

    def noted(
        self, about: str, text: str, remedy: str = "", mood: Mood = "bad", *, now_ns: int = 0
    ) -> "State":
        """Return the state with a notice in place of an older about the same."""
        notices = posted(self.live.notices, about, text, remedy, mood, now_ns=now_ns)
        return self if notices is self.live.notices else self.with_live(notices=notices)

    def cleared(self, *about: str) -> "State":
        """Return the state without the notices about some subjects."""
        notices = cleared(self.live.notices, *about)
        return self if notices is self.live.notices else self.with_live(notices=notices)

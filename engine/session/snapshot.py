"""What window and stream see of a session: three references that do not change under them."""

from functools import lru_cache
from typing import Any

import msgspec

from engine.inference.bundle.manifest import Attribute, Voice
from engine.inference.constraints import Lock
from engine.inference.controls import Mode, value_of
from engine.inference.features import DRUMMER_CHOICE, HALVES, KEYS_ALONE, MODEL_FEATURES, PITCHES
from engine.modes.catalogue import counts, modes_of, places_of
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Phrase
from engine.parameter import Parameter
from engine.session.document import Document
from engine.session.live import LONGEST_GUESS_NS, NS_PER_MINUTE, ROLLING, Live
from engine.session.parameters import SETTINGS, SWITCHES, Table, table_for


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be known of the model that is loaded."""

    name: str
    reference: str = ""
    """What it was loaded by: name of an installed bundle, or a path."""
    hash: str = ""
    """sha256 of its bundle.json."""
    task: str = "autoencode"
    sentences: bool = False
    """Whether it can say how words follow each other."""
    bars: int = 2
    """Bars it takes and returns."""
    metres: tuple[Metre, ...] = (FOUR_FOUR,)
    """Those whose bars it knows, its own first."""
    representation: str = "melody"
    pitched: bool = True
    """Whether it writes pitches."""
    halves: bool = False
    """Whether its latent has rhythm and pitch apart."""
    keys_alone: bool = False
    """Whether it decides each key of a step for itself."""
    drummer_choice: bool = False
    """Whether its decoder can be given a style and who plays."""
    attributes: tuple[Attribute, ...] = ()
    """Its directions in the latent space."""
    voices: tuple[Voice, ...] = ()
    """Where each part of what it writes goes."""
    precision: str = ""
    provider: str = ""

    @property
    def modes(self) -> tuple[Mode, ...]:
        """What it can be asked for; the first is the usual one."""
        return modes_of(self.task, self.sentences)

    @property
    def features(self) -> frozenset[str]:
        """What parameters may need of a model."""
        return _features(self.pitched, self.halves, self.keys_alone, self.drummer_choice)


@lru_cache(maxsize=16)
def _features(pitched: bool, halves: bool, keys_alone: bool, drummer_choice: bool) -> frozenset[str]:
    has = {PITCHES: pitched, HALVES: halves, KEYS_ALONE: keys_alone, DRUMMER_CHOICE: drummer_choice}
    return frozenset(name for name, yes in has.items() if yes)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A session at one moment."""

    document: Document = msgspec.field(default_factory=Document)
    live: Live = msgspec.field(default_factory=Live)
    model: ModelFacts | None = None
    """None while none is loaded."""

    @property
    def table(self) -> Table:
        """Parameters and actions, with the attributes of the model."""
        return table_for(self.model.attributes if self.model else ())

    @property
    def modes(self) -> tuple[Mode, ...]:
        """What the model can be asked for; before there is one, what the usual ones do."""
        return self.model.modes if self.model else modes_of("autoencode")

    @property
    def features(self) -> frozenset[str]:
        """What parameters may need of the model; before there is one, all."""
        return self.model.features if self.model else MODEL_FEATURES

    @property
    def locked(self) -> Phrase | None:
        """The phrase that locks are parts of, in the model's voices; None without notes of theirs."""
        phrase, voices = self.document.locked, self.model.voices if self.model else ()
        if phrase is None or not phrase.notes or not voices:
            return phrase
        channels = {voice.channel for voice in voices}
        own = [note for note in phrase.notes if note.channel in channels]
        return Phrase.of(own, phrase.bars, phrase.metre) if own else None

    @property
    def locks(self) -> tuple[Lock, ...]:
        """The locks that hold: none while all they keep is of another model's voices."""
        lost = self.document.locked is not None and self.locked is None
        return () if lost else self.document.controls.locks

    def value(self, name: str) -> Any:
        """Return the value of a parameter by id; KeyError if there is none."""
        if name in SETTINGS:
            return getattr(self.document.settings, name)
        if name in SWITCHES:
            return getattr(self.live.switches, name)
        return value_of(self.document.controls, name)

    def text(self, name: str) -> str:
        """Return the value of a parameter as it is shown."""
        return self.table.parameter(name).text(self.value(name))

    def counts(self, parameter: Parameter) -> bool:
        """Return whether a parameter has a meaning in the mode that is set."""
        return counts(parameter, self.document.controls.mode, self.features)

    def why_not(self, parameter: Parameter) -> str:
        """Return why a parameter has no meaning now, empty where it has one."""
        if self.counts(parameter):
            return ""
        if self.model is not None and PITCHES in parameter.needs and not self.model.pitched:
            return f"{self.model.name} writes drums, no pitches"
        if self.model is not None and HALVES in parameter.needs and not self.model.halves:
            return f"{self.model.name} has rhythm and pitch in one; a model of words has them apart"
        if self.model is not None and KEYS_ALONE in parameter.needs and not self.model.keys_alone:
            return f"{self.model.name} gives no key a probability of its own; a GRU on piano rolls does"
        if DRUMMER_CHOICE in parameter.needs and self.model is not None and self.model.task == "humanize":
            return f"{self.model.name} cannot play as a drummer; one that gives quantised drums a feel can"
        return f"Counts in {places_of(parameter)}"

    def mode_for(self, parameter: Parameter) -> Mode | None:
        """Return the mode to be in when a parameter is moved: the present one if it counts there.

        Else the first of the model's in which it counts; None if there is none. Before a model is loaded, and
        while another one loads, the present mode stays: one that does it is on its way.
        """
        present = self.document.controls.mode
        settled = self.model is not None and not self.live.loading
        modes, features = (self.modes if settled else (present, *self.modes)), self.features
        if present in modes and counts(parameter, present, features):
            return present
        return next((mode for mode in modes if counts(parameter, mode, features)), None)

    def position_beats(self, now_ns: int) -> float | None:
        """Return the song position at a monotonic time, or None before the clock has spoken."""
        clock = self.live.clock
        if clock is None:
            return None
        if clock.status not in ROLLING:
            return clock.position_beats
        ahead_ns = min(max(now_ns - clock.t_ns, 0), LONGEST_GUESS_NS)
        return clock.position_beats + ahead_ns * clock.bpm / NS_PER_MINUTE

"""The document: everything the player has set, frozen and versioned; what is saved and undone."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from engine.inference.controls import Controls, SlotName
from engine.music.chords import Harmony
from engine.music.key import Key
from engine.music.notes import Phrase
from engine.session.settings import Settings

VERSION = 4
"""Of the document's schema; `engine.session.store` upgrades older ones."""
BindingKind = Literal["cc", "cc14", "note", "program"]


class Surroundings(msgspec.Struct, frozen=True):
    """What is known of the harmony of a phrase; it travels with it into the slots."""

    key: Key | None = None
    """Of the music around it; None where none is known."""
    harmony: Harmony = ()
    """Chord of each pulse, None where there is none; empty where none are known."""

    def last(self, pulses: int) -> "Surroundings":
        """Return what is known of the last pulses."""
        return Surroundings(self.key, self.harmony[-pulses:] if pulses else ())


UNKNOWN = Surroundings()


class HeardPhrase(msgspec.Struct, frozen=True):
    """A phrase out of what was played, and where it stood in the song."""

    phrase: Phrase
    first_bar: int
    """Bar number of its first bar."""
    surroundings: Surroundings = UNKNOWN


class ModelReference(msgspec.Struct, frozen=True):
    """A model by name, with the hash of its bundle so that another of the same name is noticed."""

    name: str = ""
    """Name of an installed bundle or path of one; empty for none."""
    hash: str = ""
    """sha256 of bundle.json; empty where it was never loaded."""


class Binding(msgspec.Struct, frozen=True):
    """A MIDI message that moves a parameter or does an action."""

    kind: BindingKind
    """`cc`: 7 bits; `cc14`: the pair of `number` and `number` + 32; `note`: a key; `program`."""
    channel: Annotated[int, msgspec.Meta(ge=0, le=15)]
    number: Annotated[int, msgspec.Meta(ge=0, le=127)]
    """Controller, key or program."""
    target: str
    """Id of a parameter or an action."""


class Connections(msgspec.Struct, frozen=True):
    """Ports of other programs that ours were wired to."""

    sources: tuple[str, ...] = ()
    sinks: tuple[str, ...] = ()


class Favourite(msgspec.Struct, frozen=True):
    """A phrase that the player has kept, how it was made, and from what: the fields are the document's."""

    phrase: Phrase
    controls: Controls = Controls()
    model: ModelReference = ModelReference()
    slots: Mapping[SlotName, Phrase] = {}
    """Of those that it was made from."""
    slot_surroundings: Mapping[SlotName, Surroundings] = {}
    locked: Phrase | None = None
    source: HeardPhrase | None = None
    transpose: int = 0


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """All of it is values; a change makes another document that shares what has not changed."""

    version: int = VERSION
    controls: Controls = Controls()
    settings: Settings = Settings()
    slots: Mapping[SlotName, Phrase] = {}
    """Phrases in the slots A to D; an empty slot is not in it."""
    slot_surroundings: Mapping[SlotName, Surroundings] = {}
    """Key and chords of the phrases in the slots, where they are known."""
    favourites: tuple[Favourite, ...] = ()
    """Oldest first."""
    locked: Phrase | None = None
    """The phrase that `controls.locks` are parts of."""
    source: HeardPhrase | None = None
    """What the answer starts from; it follows what is heard unless `settings.hold`."""
    model: ModelReference = ModelReference()
    bindings: tuple[Binding, ...] = ()
    connections: Connections = Connections()

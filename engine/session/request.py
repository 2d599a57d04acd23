"""What an answer depends on, all of it values; made from a state, computed by the inference thread."""

from collections.abc import Mapping

import msgspec

from engine.inference.controls import CONTROLS, HEARD, LOCKED, Controls, changed
from engine.inference.features import DRUMMER_CHOICE
from engine.modes.catalogue import counting, slots_of
from engine.music.key import Key
from engine.music.metre import FOUR_FOUR, Metre
from engine.music.notes import Phrase
from engine.music.scales import KEYS
from engine.performer.messages import StartAt
from engine.session.document import UNKNOWN, Document, Surroundings
from engine.session.recognition import key_of
from engine.session.snapshot import Snapshot


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that is asked for."""

    model: str
    """Hash or name of the model; empty where none is needed."""
    controls: Controls
    """Only what counts; the rest is at its default."""
    phrases: Mapping[str, Phrase]
    """Those that are needed, by slot name."""
    surroundings: Mapping[str, Surroundings] = msgspec.field(default_factory=dict)
    """Their keys and chords, by slot name."""
    key: Key | None = None
    """What comes from no slot stays in it."""
    drum_kit: str = "gm"
    """Name of the kit that drums are read and written by."""
    bypassed: Phrase | None
    """Play this as it is."""
    anchor_beats: float
    """Song position the answer's first beat is counted from: where its source stood."""
    starts_at: StartAt
    at_beats: float | None = None
    """Bar line the answer takes its turn at; None where turns are not taken."""
    until_beats: float | None = None
    """Bar line the answer ends at; None where it goes on."""
    bpm: float = 0.0
    """Tempo of the song in whole beats a minute, for a model conditioned on it; 0 for another."""
    metre: Metre = FOUR_FOUR
    """Metre of the song; what comes from no slot is brought into it."""
    asked_ns: int = 0

    @property
    def span_beats(self) -> tuple[float | None, float | None]:
        """Where the answer's turn begins and ends."""
        return self.at_beats, self.until_beats

    @property
    def controls_in_key(self) -> Controls:
        """The controls, held to the key that comes from no slot."""
        if self.key is None:
            return self.controls
        return changed(self.controls, key=KEYS[self.key.tonic], scale=self.key.scale)

    def same_music(self, other: "Request | None") -> bool:
        """Return whether another request gives the same notes in the same place of the loop."""
        return other is not None and self._music() == other._music()

    def _music(self) -> tuple[object, ...]:
        lengths = [phrase.length_beats for phrase in self.phrases.values()]
        place: object = self.anchor_beats % lengths[0] if lengths else self.anchor_beats
        if self.at_beats is not None:
            place = self.span_beats
        if self.bypassed is not None:
            return self.bypassed, place
        own = None if self.phrases else (self.metre, self.key)
        return self.model, self.controls, self.phrases, self.surroundings, self.drum_kit, self.bpm, own, place


def phrases_of(document: Document) -> dict[str, Phrase]:
    """Return the phrases that slots hold, by name; the source goes by `heard`."""
    phrases: dict[str, Phrase] = dict(document.slots.items())
    if document.source is not None:
        phrases[HEARD] = document.source.phrase
    return phrases


def surroundings_of(document: Document) -> dict[str, Surroundings]:
    """Return keys and chords of the phrases that slots hold, by name, as far as they are known."""
    known: dict[str, Surroundings] = dict(document.slot_surroundings.items())
    if document.source is not None:
        known[HEARD] = document.source.surroundings
    return known


def missing_slots(document: Document) -> tuple[str, ...]:
    """Return the names of the slots that the mode needs and that are empty."""
    phrases = phrases_of(document)
    return tuple(name for name in slots_of(document.controls, phrases) if name not in phrases)


def request_of(
    shown: Snapshot, now_ns: int, span_beats: tuple[float, float | None] | None = None
) -> Request | None:
    """Return what is to be computed now; None where something is missing, or a fitting model
    is on its way.

    Args:
        shown: the session.
        now_ns: the moment it is asked for.
        span_beats: where the answer's turn begins and ends, where turns are taken.
    """
    document, model = shown.document, shown.model
    phrases = phrases_of(document)
    needed = slots_of(document.controls, phrases)
    bypassed = phrases.get(document.controls.source) if shown.live.switches.bypass else None
    able = model is not None and document.controls.mode in model.modes
    if bypassed is None and (not able or any(name not in phrases for name in needed)):
        return None
    attributes = [attribute.name for attribute in model.attributes] if model else []
    chosen = {name: phrases[name] for name in needed if name in phrases}
    known, controls = surroundings_of(document), document.controls
    if shown.locks != controls.locks:
        controls = changed(controls, locks=shown.locks)
    if shown.locks and (locked := shown.locked) is not None:
        chosen[LOCKED] = locked
        # In the source's key, so that a model that moves phrases to its own key moves both alike.
        known[LOCKED] = known.get(document.controls.source, UNKNOWN)
    return Request(
        model=(model.hash or model.name) if model else "",
        controls=counting(controls, shown.features, attributes),
        key=_key_heard(shown),
        phrases=chosen,
        surroundings={
            name: known[name].last(phrase.pulses) for name, phrase in chosen.items() if name in known
        },
        drum_kit=document.settings.drum_kit,
        bypassed=bypassed,
        anchor_beats=_anchor_beats(document, bypassed is not None) if span_beats is None else span_beats[0],
        starts_at=document.settings.takes_over,
        at_beats=None if span_beats is None else span_beats[0],
        until_beats=None if span_beats is None else span_beats[1],
        bpm=_bpm(shown),
        metre=shown.live.clock.metre if shown.live.clock else Metre.named(document.settings.metre),
        asked_ns=now_ns,
    )


def _key_heard(shown: Snapshot) -> Key | None:
    """Return the key that what is made from nothing stays in; None where it brings or is given one.

    A slot brings its key along, and so do chords that are typed; else there would be none but C.
    """
    source, controls = shown.document.source, shown.document.controls
    free = controls.constraints.in_key and controls.constraints.key is None and not controls.chords
    if source is None or not free or slots_of(controls) or not shown.counts(CONTROLS["key"]):
        return None
    return source.surroundings.key or key_of(source.phrase)


def _bpm(shown: Snapshot) -> float:
    """Return the song's tempo for a model conditioned on it; a whole number, so that a clock may waver."""
    if DRUMMER_CHOICE not in shown.features:
        return 0.0
    clock = shown.live.clock
    return float(round(clock.bpm if clock else shown.document.settings.tempo_bpm))


def _anchor_beats(document: Document, bypass: bool) -> float:
    """Count an answer to what was heard from where that stood, another from the song's start.

    What continues it is counted from where it ended.
    """
    source = document.source
    if source is None or HEARD not in slots_of(document.controls):
        return 0.0
    follows = document.controls.mode == "continue" and not bypass
    return (source.first_bar + follows * source.phrase.bars) * source.phrase.beats_per_bar

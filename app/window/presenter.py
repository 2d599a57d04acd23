"""From the instrument's state to what every field of the window shows. No Qt."""

from collections.abc import Collection, Mapping
from itertools import combinations
from pathlib import PurePath

import msgspec
from msgspec.structs import replace

from app.bundle_cards import BundleCard
from app.window.field_state import Fields, FieldState, Option
from app.window.view import milliseconds, plays_internally
from engine.inference.controls import CONTROLS, STORED, Controls
from engine.modes.catalogue import TOOLS
from engine.modes.pad import pad_weights
from engine.parameter import Choice, Parameter
from engine.session.bindings import short_name_of
from engine.session.snapshot import Snapshot
from engine.text import counted

SOUND_OFF = "Sound off"
"""Beginning of the words of a sound that cannot be heard."""
NOTHING_HEARD = "Nothing was heard yet: play a phrase, or press D for the demo."
NOTHING_PLAYS = "Nothing plays yet. Play a phrase first, or press D."
FOLLOWS_DAW = "The DAW's clock runs: start, stop and set the tempo there."


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the window knows besides the instrument's state."""

    models: tuple[BundleCard, ...] = ()
    """The models that can be loaded."""
    locking: bool = False
    """Whether a drag over the roll paints locks."""
    sound_on: bool = False
    """Whether the answer is heard here."""
    sound_text: str = ""
    """What sounds, or why nothing does."""

    @property
    def sounds(self) -> bool:
        """Whether the answer is heard here: it is switched on, and there is something that sounds."""
        return self.sound_on and not self.sound_text.startswith(SOUND_OFF)


class Presenter:
    """Presents snapshots, about 30 a second while music plays, in most of which the clock alone moved."""

    def __init__(self) -> None:
        """Begin with nothing presented."""
        self._decided_by: tuple[object, ...] = (None,) * 4
        self._declared: Fields = {}

    def present(self, snapshot: Snapshot, around: Surroundings) -> Fields:
        """Return the state of every field by the id of its parameter or action."""
        declared = self._declared_fields(snapshot)
        fields = dict(declared)
        fields |= _slot_fields(snapshot) | _take_fields(snapshot) | _transport_fields(fields, snapshot)
        fields["scale"] = _scale_field(fields["scale"], snapshot)
        fields["mode"] = _mode_field(snapshot)
        fields |= _turn_fields(fields, snapshot)
        fields |= _style_fields(fields, snapshot)
        kept = "Only a session with a file keeps what sounded: save it (Ctrl+Shift+S), then play."
        fields["replay"] = _available(bool(snapshot.live.kept.path), kept)
        fields |= _morph_fields(fields, snapshot)
        fields["model"] = _model_field(snapshot, around)
        fields["unlock_all"] = _available(bool(snapshot.locks), "Nothing is locked.")
        fields["locking"] = FieldState(value=around.locking)
        fields["live"] = FieldState(value=not snapshot.document.settings.hold)
        fields["sound"] = FieldState(value=around.sounds, text="Sound on" if around.sounds else "Sound off")
        for name, state in declared.items():
            if state.binding != fields[name].binding:
                fields[name] = replace(fields[name], binding=state.binding)
        return fields

    def _declared_fields(self, snapshot: Snapshot) -> Fields:
        """Return what declarations and bindings make of the document, anew when that has changed."""
        live = snapshot.live
        decided_by = snapshot.document, snapshot.model, live.switches, live.loading
        if any(now is not before for now, before in zip(decided_by, self._decided_by, strict=True)):
            self._decided_by = decided_by
            self._declared = declared_fields(snapshot)
        return self._declared


def declared_fields(snapshot: Snapshot) -> Fields:
    """Return the state of every parameter and action as its declaration and the document have it."""
    table = snapshot.table
    fields = {name: parameter_field(found, snapshot) for name, found in table.parameters.items()}
    fields |= {name: FieldState() for name in table.actions}
    for binding in snapshot.document.bindings:
        if binding.target in fields:
            fields[binding.target] = replace(fields[binding.target], binding=short_name_of(binding))
    return fields


def parameter_field(parameter: Parameter, snapshot: Snapshot) -> FieldState:
    """Return the state of a parameter: quiet where it does not count now, greyed where it cannot."""
    value = snapshot.value(parameter.id)
    active = not parameter.needs or snapshot.counts(parameter)
    possible = not parameter.needs or snapshot.mode_for(parameter) is not None
    is_switch = isinstance(value, bool)
    return FieldState(
        value=value and active if is_switch else value,
        text="" if is_switch else parameter.text(value),
        enabled=possible,
        active=active,
        why_not="" if possible else f"{snapshot.why_not(parameter)}.",
    )


def _scale_field(state: FieldState, snapshot: Snapshot) -> FieldState:
    if not state.enabled or snapshot.value("key") is not None:
        return state
    return replace(state, enabled=False, why_not="Choose a key first (K).")


def _style_fields(fields: Fields, snapshot: Snapshot) -> Fields:
    """Return the fields about style: how far it pulls means nothing before one is learned."""
    learned, heard = bool(snapshot.document.controls.style.bars), len(snapshot.live.captured) > 0
    amount, first = fields["style_amount"], "Learn a style first: from what was heard, or from files."
    if amount.enabled and not learned:
        amount = replace(amount, enabled=False, why_not=first)
    forgets = learned or bool(snapshot.live.reading_style)
    return {
        "style_amount": amount,
        "style.heard": _available(heard, NOTHING_HEARD),
        "style.forget": _available(forgets, "No style has been learned."),
    }


def style_text(snapshot: Snapshot) -> str:
    """Return what takes are pulled to, or how many of the files for a style have been read."""
    style, reading = snapshot.document.controls.style, snapshot.live.reading_style
    if reading:
        return f"reading {reading}"
    return f"{style.name}, {counted(style.bars, 'bar')}" if style.bars else "no style yet"


def _turn_fields(fields: Fields, snapshot: Snapshot) -> Fields:
    """Return the fields about turns, quiet unless they count with the turns that are set."""
    turns = snapshot.document.settings.turns
    hands_over = _available(snapshot.live.rolling, "Turns change hands at bar lines; press Play first.")
    return {
        "turn_bars": replace(fields["turn_bars"], active=turns == "trade"),
        "pause_beats": replace(fields["pause_beats"], active=turns == "pause"),
        "meanwhile": replace(fields["meanwhile"], active=turns != "follow"),
        "take_turn": replace(hands_over, active=turns == "cue"),
    }


def _morph_fields(fields: Fields, snapshot: Snapshot) -> Fields:
    """Return the fields of the line and of the pad, quiet unless the morph goes by them."""
    by = snapshot.document.controls.morph_by
    names = {"line": ("morph", "morph_from", "morph_to"), "pad": ("pad_x", "pad_y")}
    return {
        name: replace(fields[name], active=fields[name].active and way == by)
        for way, each in names.items()
        for name in each
    }


def _mode_field(snapshot: Snapshot) -> FieldState:
    offered = {mode for modes in snapshot.live.installed.values() for mode in modes} | set(snapshot.modes)
    options = tuple(
        Option(
            value=mode,
            text=tool.label,
            enabled=mode in offered,
            why_not="" if mode in offered else f"No installed model does {tool.label}.",
        )
        for mode, tool in TOOLS.items()
    )
    return FieldState(value=snapshot.document.controls.mode, options=options)


def _transport_fields(fields: Fields, snapshot: Snapshot) -> Fields:
    clock = snapshot.live.clock
    internal = plays_internally(clock)
    rolling = internal and snapshot.live.rolling
    tempo = fields["tempo_bpm"]
    if clock is not None:
        text = snapshot.table.parameter("tempo_bpm").text(clock.bpm)
        tempo = replace(tempo, value=round(clock.bpm, 1), text=text)
    why_not = "" if internal else FOLLOWS_DAW
    play = FieldState(value=rolling, text="Stop" if rolling else "Play", enabled=internal, why_not=why_not)
    return {"play_stop": play, "tempo_bpm": replace(tempo, enabled=internal, why_not=why_not)}


def _take_fields(snapshot: Snapshot) -> Fields:
    live = snapshot.live
    return {
        "undo": _available(bool(live.undo_label), "There is nothing to undo yet."),
        "redo": _available(bool(live.redo_label), "Nothing was undone."),
        "export": _available(live.playing is not None, NOTHING_PLAYS),
    }


def _slot_fields(snapshot: Snapshot) -> Fields:
    heard = snapshot.document.source is not None
    fields: Fields = {}
    for slot in STORED:
        filled = slot in snapshot.document.slots
        empty = f"Slot {slot} is empty: play a phrase, then press {slot}."
        fields[f"store.{slot}"] = _available(heard, NOTHING_HEARD)
        fields[f"recall.{slot}"] = _available(filled, empty)
        fields[f"clear.{slot}"] = _available(filled, empty)
        fields[f"store_answer.{slot}"] = _available(snapshot.live.playing is not None, NOTHING_PLAYS)
    for first, second in combinations(STORED, 2):
        filled = not snapshot.document.slots.keys().isdisjoint((first, second))
        fields[f"swap.{first}{second}"] = _available(filled, f"Slots {first} and {second} are both empty.")
    return fields


def _available(yes: bool, why_not: str) -> FieldState:
    return FieldState(enabled=yes, why_not="" if yes else why_not)


def _model_field(snapshot: Snapshot, around: Surroundings) -> FieldState:
    options = tuple(
        Option(value=card.name, text=card.title, enabled=not card.fault, why_not=card.fault)
        for card in around.models
    )
    if snapshot.live.loading:
        wait = f"{snapshot.live.loading} is being loaded; the music goes on meanwhile."
        return FieldState(text="loading …", options=options, enabled=False, why_not=wait)
    if snapshot.model is None:
        return FieldState(value="", text="no model", options=options)
    reference = snapshot.model.reference or snapshot.model.name
    return FieldState(value=reference, text=_model_text(snapshot.model.name, reference), options=options)


def _model_text(name: str, reference: str) -> str:
    """Return what a model is called that is none of those installed: its place's name, then its own."""
    place = PurePath(reference).name.removesuffix(".zip")
    return name if place == name else f"{place} ({name})"


def take_title(snapshot: Snapshot) -> str:
    """Return how the answer is made, in a few words."""
    if snapshot.live.switches.bypass:
        return "What was played, as it is"
    controls = snapshot.document.controls
    parts = [made_text(controls, snapshot.document.slots), f"seed {controls.seed}"]
    if snapshot.counts(CONTROLS["key"]):
        parts.append(key_text(snapshot))
    return "  ·  ".join(filter(None, parts))


def shares_text(shares: Mapping[str, float]) -> str:
    """Return how much of each slot there is, as `A 42% · B 58%`; less than half a percent is left out."""
    return " · ".join(f"{name} {share:.0%}" for name, share in shares.items() if share >= 0.005)


def made_text(controls: Controls, filled: Collection[str]) -> str:
    """Return which tool makes an answer, how far it goes, and how many single things of it are changed.

    Args:
        controls: of the answer.
        filled: the slots that hold something.
    """
    nudged = counted(controls.nudges, "nudge") if controls.nudges else ""
    return "  ·  ".join(filter(None, (_tool_text(controls, filled), nudged)))


def _tool_text(controls: Controls, filled: Collection[str]) -> str:
    tool = TOOLS[controls.mode]
    if controls.mode == "morph" and controls.morph_by == "pad":
        return f"{tool.label} {shares_text(pad_weights(controls.pad_x, controls.pad_y, filled))}"
    if controls.mode == "morph":
        share = CONTROLS["morph"].text(controls.morph)
        return f"{tool.label} {controls.morph_from} → {controls.morph_to} {share}"
    if CONTROLS["variation"].needs <= tool.offers:
        return f"{tool.label} {CONTROLS['variation'].text(controls.variation)}"
    return tool.label


def key_text(snapshot: Snapshot) -> str:
    """Return the key that is set, or the one that is heard; empty where there is neither."""
    limits, heard = snapshot.document.controls.constraints, snapshot.live.key
    if limits.key is not None:
        return f"{limits.key} {limits.scale} (set)"
    if heard is None:
        return ""
    return f"{heard.name} (heard{', kept to' if limits.in_key else ''})"


def health(snapshot: Snapshot) -> tuple[str, str]:
    """Return one phrase about how well the machine keeps up, and the figures behind it."""
    state, ports = snapshot.live.health, snapshot.live.ports
    late_ms = None if state.late_ms is None else max(0.0, state.late_ms)
    if state.dropped_input:
        verdict = f"{counted(state.dropped_input, 'input')} lost"
    elif state.late_sends:
        verdict = f"{counted(state.late_sends, 'note')} late"
    else:
        verdict = "" if late_ms is None else "on time"
    answer = "" if state.pattern_ms is None else f"answer {milliseconds(state.pattern_ms)}"
    granted = {None: "not known yet", True: "yes", False: "no"}[ports.realtime]
    tip = (
        f"From a change to its pattern: {milliseconds(state.pattern_ms)}. "
        f"Lateness of notes, 99 of 100 below: {milliseconds(late_ms)}. Real-time scheduling: {granted}."
    )
    return " · ".join(filter(None, (answer, verdict))), tip


def explanation(snapshot: Snapshot, state: FieldState | None, field_id: str, own: str) -> str:
    """Return the line about the field the hand is on: why it cannot be used, or what it does.

    Args:
        snapshot: it holds the table.
        state: what the field shows.
        field_id: of a parameter or an action; another id leaves the widget's own words.
        own: what the widget says of itself.
    """
    if state is not None and not state.enabled and state.why_not:
        return state.why_not
    found = snapshot.table.parameters.get(field_id) or snapshot.table.actions.get(field_id)
    if found is None or (isinstance(found, Choice) and own in found.helps.values()):
        return own
    return found.help

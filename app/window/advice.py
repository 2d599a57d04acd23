"""What the page of connections says: facts, messages in words, and what is missing. No Qt."""

from collections.abc import Sequence

from app.bundle_cards import BundleCard, hearing_chords
from app.window.axis import note_name
from app.window.view import bar_and_beat, lamp_of, milliseconds
from engine.midi.messages import (
    BEND,
    CONTROL,
    FIRST_SYSTEM,
    KEY_PRESSURE,
    NOTE_OFF,
    NOTE_ON,
    PRESSURE,
    PROGRAM,
    channel,
    is_note,
    kind,
)
from engine.music.left_out import BESIDE_LINE
from engine.music.notes import DRUM_CHANNEL
from engine.session.roles import part_channel
from engine.session.snapshot import Snapshot
from engine.text import counted

KINDS = {
    NOTE_OFF: "note off",
    NOTE_ON: "note on",
    KEY_PRESSURE: "key pressure",
    CONTROL: "controller",
    PROGRAM: "program",
    PRESSURE: "pressure",
    BEND: "bend",
}

REASONS_LISTED = 8
"""So many reasons for which messages were ignored are named, the most frequent ones."""

STARTS = {
    "stopped": "none came, or a stop after it",
    "armed": "came; the next tick is the downbeat",
    "rolling": "came: the DAW plays",
    "flywheel": "came: the DAW plays",
    "lost": "came, but the clock was lost",
}
"""What is known of the DAW's start, by the clock's state."""


def connection_facts(snapshot: Snapshot) -> dict[str, str]:
    """Return what is connected and how the clock runs, by what it is about."""
    ports, wired, clock = snapshot.live.ports, snapshot.document.connections, snapshot.live.clock
    there = bool(ports.backend)
    facts = {
        "Back end": ports.backend.upper() if there else ". ".join(("none is open", *ports.tried)),
        "Input": ports.input_name if there else "–",
        "comes from": ", ".join(wired.sources) or "nothing is connected to it",
        "Channels": _channel_words(snapshot),
        "Output": ports.output_name if there else "–",
        "goes to": ", ".join(wired.sinks) or "nothing is connected to it",
        "Clock": "–",
        "Start": "–",
        "Position": "–",
        "Link": _link_words(snapshot),
    }
    if clock is not None:
        faults = [f"{clock.missed_ticks} ticks missed"] if clock.missed_ticks else []
        faults += [f"{clock.duplicate_ticks} doubled"] if clock.duplicate_ticks else []
        jitter = f"jitter {milliseconds(clock.jitter_ms)}" if clock.source == "external" else ""
        words = (lamp_of(clock, there).word, f"{clock.source} clock", f"{clock.bpm:.1f} BPM", jitter, *faults)
        facts["Clock"] = " · ".join(filter(None, words))
        known = "" if clock.bar_phase_known else " (where the bar begins is not known: start the DAW again)"
        facts["Start"] = STARTS[clock.status] if clock.source == "external" else "by Play, here"
        place = bar_and_beat(clock.position_beats, clock.metre)
        facts["Position"] = f"{place}, in quarter notes {clock.position_beats + 1:.1f}{known}"
    return facts


def _channel_words(snapshot: Snapshot) -> str:
    """Return how many notes came on which channel, and what each feeds."""
    notes = snapshot.live.activity.notes
    words = [
        f"{number + 1}{_feeds(snapshot, number)}: {counted(notes[number], 'note')}"
        for number in sorted(notes)
    ]
    return ", ".join(words) or "no note came yet"


def _feeds(snapshot: Snapshot, number: int) -> str:
    """Return what a channel (0 to 15) feeds, in brackets; nothing where it feeds what there is."""
    settings, model = snapshot.document.settings, snapshot.model
    if settings.chords_from == "channel" and number == settings.chord_channel - 1:
        return " (chords)"
    part = part_channel(settings, model.representation if model else "", number)
    if part is None:
        return " (left out)"
    if part == DRUM_CHANNEL:
        return " (drums)"
    given = {settings.melody_channel: " (melody)", settings.bass_channel: " (bass)"}
    return given.get(number + 1, "")


def _link_words(snapshot: Snapshot) -> str:
    link = snapshot.live.link
    if not snapshot.live.switches.link:
        return "off: nothing is shared in the network"
    if not link.peers:
        return "on; no other program is there yet"
    return f"on; {counted(link.peers, 'other program')} at {link.bpm:.1f} BPM"


def connection_advice(snapshot: Snapshot) -> str:
    """Return the one thing to do next so that it plays with the DAW."""
    ports, clock, activity = snapshot.live.ports, snapshot.live.clock, snapshot.live.activity
    if not ports.backend:
        return "There are no MIDI ports. Start the MIDI system (JACK, PipeWire or ALSA), or see About."
    if not activity.messages and not snapshot.live.captured.bars:
        return "Nothing comes in. In the DAW, send the track you play on to this program's input."
    if clock is None or clock.source == "internal":
        return (
            "Notes come in, but no clock. In the DAW, switch on MIDI clock with start and stop for this "
            "input; without it the internal clock plays."
        )
    if clock.status == "lost":
        return "The clock stopped coming. Start the DAW again, or press Space to play on."
    if clock.status == "stopped":
        return "The clock comes, but the DAW stands still. Press play there."
    if not clock.bar_phase_known:
        return "The clock was joined in the middle. Stop and start the DAW, so that bars begin together."
    if not snapshot.document.connections.sinks:
        return "Nothing takes the answer. Choose this program's output as the input of an instrument track."
    return "All is connected: notes and clock come in, and the answer is taken."


def message_words(data: bytes) -> str:
    """Return a MIDI message in words: kind, channel, and note or values."""
    if not data or data[0] >= FIRST_SYSTEM:
        return " ".join(f"{byte:02X}" for byte in data)
    words = f"{KINDS.get(kind(data), '?')} · ch {channel(data) + 1}"
    if is_note(data) and len(data) == 3:
        name = f"drum {data[1]}" if channel(data) == DRUM_CHANNEL else note_name(data[1])
        return f"{words} · {name} · {data[2]}"
    if kind(data) == BEND and len(data) == 3:
        return f"{words} · {(data[1] | data[2] << 7) - 8192:+d}"
    if kind(data) == PROGRAM and len(data) == 2:
        return f"{words} · {data[1] + 1}"
    return " · ".join([words, *(str(byte) for byte in data[1:])])


def message_lines(snapshot: Snapshot, models: Sequence[BundleCard] = ()) -> list[str]:
    """Return the last messages, the newest first, and how many were ignored for which reason.

    Of chords played to a line, the one among `models` is named that hears them.
    """
    activity = snapshot.live.activity
    lines = [
        f"{message_words(each.data)}   →   {'' if each.used else 'ignored: '}{each.use}"
        for each in reversed(activity.messages)
    ]
    often = sorted(activity.ignored.items(), key=lambda each: -each[1])
    lines += [f"{count} ignored: {reason}" for reason, count in often[:REASONS_LISTED]]
    hearer = hearing_chords(models, snapshot.document.controls.mode)
    if hearer and f"notes {BESIDE_LINE}" in activity.ignored:
        lines.append(f"Chords are heard by the model {hearer}.")
    rest = sum(count for _, count in often[REASONS_LISTED:])
    return lines + ([f"{rest} ignored for other reasons"] if rest else [])


def osc_lines(snapshot: Snapshot) -> list[str]:
    """Return where OSC is heard and sent, what came in, the newest first, and what was refused how often."""
    osc, settings = snapshot.live.osc, snapshot.document.settings
    if not snapshot.live.switches.osc:
        return ["OSC is off: nothing is heard and nothing is sent."]
    heard = "every machine" if settings.osc_from == "network" else "this machine alone"
    goes = f"changes go to {settings.osc_to}" if settings.osc_to.strip() else "changes go nowhere"
    lines = [f"Port {settings.osc_port} hears {heard}; {goes}. {counted(osc.received, 'message')} came in."]
    lines += reversed(osc.messages)
    return lines + [f"{count} refused: {reason}" for reason, count in osc.refused.items()]

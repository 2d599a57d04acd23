"""What the player sets besides the music: clock, output, source; and the switches that are not saved."""

from ipaddress import IPv4Address
from typing import Annotated, Literal

import msgspec

from engine.errors import RenderError
from engine.music.scales import PITCH_NAMES
from engine.parameter import Choice, Number, Text, Toggle, Whole
from engine.performer.messages import ClockSource, StartAt

LAST_PORT = 65535
Turns = Literal["follow", "trade", "pause", "cue"]
ChordsFrom = Literal["all", "channel", "below", "none"]
Meanwhile = Literal["rest", "play"]
DrumKitName = Literal["gm", "gs", "xg", "roland", "toontrack", "addictive"]
Metre = Literal["4/4", "3/4", "2/4", "5/4", "6/8", "7/8", "9/8", "12/8"]
OscFrom = Literal["machine", "network"]
Cards = Literal["8", "16", "32", "64"]


def network_place(text: str) -> tuple[str, int]:
    """Return address and port of a text such as 192.168.1.20:9001.

    Names are not looked up, for that would ask the network; `localhost` alone is known.

    Raises:
        ValueError: it is none; one line says what is.
    """
    host, _, port = text.strip().rpartition(":")
    try:
        address = IPv4Address("127.0.0.1" if host == "localhost" else host)
        number = int(port) if port.isascii() and port.isdigit() else 0
    except ValueError:
        number = 0
    if not 1 <= number <= LAST_PORT:
        raise ValueError(f"{text.strip()!r} is no place to send to; write it as 192.168.1.20:9001")
    return str(address), number


def _read_change(text: str) -> object:
    """Read what is to be changed in a replay; ValueError with the reason."""
    from engine.session.replay_change import Change  # which knows these settings

    try:
        return Change.read(text)
    except RenderError as error:
        raise ValueError(str(error)) from None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Saved with the document; of them only the drum kit changes what a rendering gives."""

    tempo_bpm: Annotated[
        float,
        Number(
            label="Tempo",
            low=20.0,
            high=400.0,
            digits=1,
            step=1.0,
            shown="{:.1f} BPM",
            group="Clock",
            option_name="tempo",
            help="Tempo of the internal clock, in BPM; an external clock brings its own.",
        ),
    ] = 120.0
    metre: Annotated[
        Metre,
        Choice(
            label="Metre",
            group="Clock",
            help="Metre of the bars: 3/4 is felt in three, 6/8 in two dotted beats. MIDI clock carries none, "
            "so set it here.",
        ),
    ] = "4/4"
    clock: Annotated[
        ClockSource,
        Choice(
            label="Clock",
            group="Clock",
            words={"auto": "as it comes", "internal": "own", "external": "from outside"},
            help="Whose tempo counts: auto follows a clock that comes in and else keeps its own.",
        ),
    ] = "auto"
    send_clock: Annotated[
        bool,
        Toggle(label="Send clock", group="Clock", help="Send MIDI clock while the internal clock runs."),
    ] = False
    link_start_stop: Annotated[
        bool,
        Toggle(
            label="Link starts and stops",
            group="Clock",
            help="With Link, start and stop together with the programs that share that too.",
        ),
    ] = True
    spp_in_clocks: Annotated[
        bool,
        Toggle(
            label="Position in clocks",
            group="Clock",
            help="Read song position as MIDI clocks, as Ardour 7 sends it, instead of sixteenths.",
        ),
    ] = False
    offset_ms: Annotated[
        float,
        Number(
            label="Output offset",
            low=-200.0,
            high=200.0,
            digits=1,
            step=1.0,
            shown="{:+.0f} ms",
            group="Output",
            help="Play everything later (+) or earlier (-), in milliseconds, for an instrument that lags.",
        ),
    ] = 0.0
    metronome: Annotated[
        bool,
        Toggle(
            label="Metronome",
            key="Ctrl+M",
            group="Metronome",
            help="Play a click on every beat to the output, the first of a bar louder.",
        ),
    ] = False
    count_in: Annotated[
        int,
        Whole(
            label="Count-in",
            low=0,
            high=2,
            words={0: "none", 1: "1 bar", 2: "2 bars"},
            group="Metronome",
            help="Bars that are counted with clicks before the internal clock starts.",
        ),
    ] = 0
    click_channel: Annotated[
        int,
        Whole(
            label="Click channel",
            low=1,
            high=16,
            group="Metronome",
            help="MIDI channel of the clicks; 10 is that of the drums.",
        ),
    ] = 10
    click_pitch: Annotated[
        int,
        Whole(
            label="Click note",
            words=PITCH_NAMES,
            group="Metronome",
            help="MIDI note of the clicks; C#2 is the side stick of General MIDI drums.",
        ),
    ] = 37
    transpose: Annotated[
        int,
        Whole(
            label="Transpose",
            low=-24,
            high=24,
            shown="{:+d}",
            words={0: "0"},
            group="Output",
            help="Shift everything that is played by semitones, after everything else; drums stay.",
        ),
    ] = 0
    takes_over: Annotated[
        StartAt,
        Choice(
            label="Takes over at",
            words={
                "step": "next step",
                "beat": "next beat",
                "bar": "next bar",
                "phrase": "end of phrase",
            },
            group="Output",
            help="When a changed answer takes over: at the next step, beat or bar, or as what plays ends.",
        ),
    ] = "step"
    loop_bars: Annotated[
        int,
        Whole(
            label="Loop",
            high=16,
            shown="{} bars",
            words={0: "whole answer", 1: "1 bar"},
            group="Output",
            help="How many bars of the answer are played before it begins again; a shorter one is repeated.",
        ),
    ] = 0
    repeats: Annotated[
        bool,
        Toggle(
            label="Repeat",
            group="Output",
            help="Begin the answer again where it is over; off, it rests until the next one.",
        ),
    ] = True
    chords_from: Annotated[
        ChordsFrom,
        Choice(
            label="Chords from",
            group="Input",
            words={
                "all": "everything heard",
                "channel": "a channel",
                "below": "keys below the split",
                "none": "nothing",
            },
            help="Where chords are heard: in everything that is played, on a channel of their own, or in the "
            "keys below the split. Notes of a channel or zone for chords are no part of the melody.",
        ),
    ] = "all"
    chord_channel: Annotated[
        int,
        Whole(
            label="Chord channel",
            low=1,
            high=16,
            group="Input",
            help="MIDI channel that chords come on, where they come on one of their own.",
        ),
    ] = 2
    split_pitch: Annotated[
        int,
        Whole(
            label="Split",
            words=PITCH_NAMES,
            group="Input",
            help="Lowest note of the melody, where the keys below are for chords; C4 is middle C.",
        ),
    ] = 60
    melody_channel: Annotated[
        int,
        Whole(
            label="Melody channel",
            high=16,
            words={0: "by itself"},
            group="Input",
            help="MIDI channel that the melody comes on; others that have no part are left out then.",
        ),
    ] = 0
    bass_channel: Annotated[
        int,
        Whole(
            label="Bass channel",
            high=16,
            words={0: "by itself"},
            group="Input",
            help="MIDI channel that the bass comes on, for models of three parts; by itself, channel 2, or "
            "low notes where one channel carries all.",
        ),
    ] = 0
    drum_channel: Annotated[
        int,
        Whole(
            label="Drum channel",
            high=16,
            words={0: "by itself"},
            group="Input",
            help="MIDI channel that drums come on; by itself, channel 10.",
        ),
    ] = 0
    drum_kit: Annotated[
        DrumKitName,
        Choice(
            label="Drum kit",
            group="Input",
            words={
                "gm": "General MIDI",
                "gs": "Roland GS",
                "xg": "Yamaha XG",
                "roland": "Roland TD",
                "toontrack": "EZdrummer, Superior Drummer",
                "addictive": "Addictive Drums 2",
            },
            help="Which notes play which drums, in what is heard and in the answer of a model of drums.",
        ),
    ] = "gm"
    thru_notes: Annotated[
        bool,
        Toggle(
            label="Notes through",
            group="Input",
            help="Send what is played on to the output, beside the answer.",
        ),
    ] = False
    thru_controllers: Annotated[
        bool,
        Toggle(
            label="Controllers through",
            group="Input",
            help="Send bend, pressure and controllers on to the output as they come.",
        ),
    ] = True
    sustain_lengthens: Annotated[
        bool,
        Toggle(
            label="Pedal lengthens",
            group="Input",
            help="Let sustain and sostenuto lengthen what is heard; off, they stay pedals and are sent on.",
        ),
    ] = True
    turns: Annotated[
        Turns,
        Choice(
            label="Turns",
            group="Turns",
            words={
                "follow": "follow",
                "trade": "trade bars",
                "pause": "when I pause",
                "cue": "on cue",
            },
            help="When the answer plays: follow is always, each phrase answered as it ends; trade is so many "
            "bars each; when I pause is at the next bar line after a silence; on cue is from Take turn on.",
        ),
    ] = "follow"
    turn_bars: Annotated[
        int,
        Whole(
            label="Bars each",
            low=1,
            high=16,
            group="Turns",
            help="Length of a turn when bars are traded, in bars.",
        ),
    ] = 4
    pause_beats: Annotated[
        float,
        Number(
            label="Pause",
            low=0.5,
            high=16.0,
            digits=1,
            step=0.5,
            shown="{:g} beats",
            words={1.0: "1 beat"},
            group="Turns",
            help="Silence, in beats, after which the answer takes the next bar line, with when I pause.",
        ),
    ] = 2.0
    meanwhile: Annotated[
        Meanwhile,
        Choice(
            label="While I play",
            group="Turns",
            words={"rest": "rests", "play": "plays on"},
            help="What the answer does while it is the player's turn.",
        ),
    ] = "rest"
    replay_from_bar: Annotated[
        int,
        Whole(
            label="Replay from bar",
            low=1,
            high=9999,
            group="Replay",
            help="Bar from which Replay begins.",
            no_option="chosen while playing; `antiphon replay` writes a performance to a file",
        ),
    ] = 1
    replay_with: Annotated[
        str,
        Text(
            label="Replay with",
            group="Replay",
            example="variation=0.6",
            empty="as it was",
            reader=_read_change,
            help="One thing that is otherwise in a replay, as variation=0.6; empty for none.",
            no_option="typed while playing; `antiphon replay --set` writes a performance to a file",
        ),
    ] = ""
    replay_heard: Annotated[
        bool,
        Toggle(
            label="Replay my part",
            group="Replay",
            help="Play what you played too in a replay.",
            no_option="chosen while playing; `antiphon replay` writes both as tracks",
        ),
    ] = True
    hold: Annotated[
        bool,
        Toggle(
            label="Hold",
            key="H",
            group="Take",
            help="Keep answering this phrase while you play on.",
        ),
    ] = False
    cards: Annotated[
        Cards,
        Choice(
            label="Cards",
            group="Take",
            help="How many takes are computed beside the answer and shown as cards, the best fit first.",
        ),
    ] = "8"
    osc_port: Annotated[
        int,
        Whole(
            label="OSC port",
            low=1024,
            high=LAST_PORT,
            group="OSC",
            help="UDP port that OSC messages come in on.",
        ),
    ] = 9000
    osc_from: Annotated[
        OscFrom,
        Choice(
            label="OSC comes from",
            words={"machine": "this machine", "network": "the network"},
            group="OSC",
            help="Whose OSC messages are heard: those of programs on this machine alone, or of every machine "
            "that can reach this one, such as a tablet.",
        ),
    ] = "machine"
    osc_to: Annotated[
        str,
        Text(
            label="OSC goes to",
            example="192.168.1.20:9001",
            empty="nowhere",
            reader=network_place,
            group="OSC",
            help="Where every change of a control is sent while OSC is on, as address and port; empty for "
            "nowhere.",
        ),
    ] = ""


class Switches(msgspec.Struct, frozen=True, kw_only=True):
    """What is on or off for now; a document that is opened finds them off."""

    bypass: Annotated[
        bool,
        Toggle(
            label="Original",
            key="O",
            group="Take",
            help="Hear what was played instead of the answer (bypass).",
            no_option="a comparison by ear while playing",
        ),
    ] = False
    demo: Annotated[
        bool,
        Toggle(
            label="Demo",
            key="D",
            group="Session",
            help="Play the demo phrase into the input, as if you did.",
        ),
    ] = False
    link: Annotated[
        bool,
        Toggle(
            label="Link",
            group="Clock",
            help="Share tempo, beat, start and stop with programs in the network by Ableton Link; a MIDI "
            "clock that comes in still leads. Off at every start.",
        ),
    ] = False
    osc: Annotated[
        bool,
        Toggle(
            label="OSC",
            group="OSC",
            help="Let OSC messages move the controls, and send changes where OSC goes to. Off at every start "
            "and when a session is opened.",
        ),
    ] = False

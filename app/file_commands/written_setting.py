"""What a written file takes over from the bars that its phrase came from: tempos, programs, messages."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from msgspec.structs import replace

from app.file_commands.parts import Part
from engine.midi.messages import PROGRAM
from engine.midifile.controllers import Message, without_gestures
from engine.midifile.window import Window
from engine.midifile.write import Setting, Tempos
from engine.music.notes import DRUM_CHANNEL
from engine.text import counted


def setting_of(
    taken: Window, parts: Sequence[Part], bars: int, controllers: bool, say: Callable[[str], None]
) -> Setting:
    """Return resolution, tempo map, metre, channels, programs and messages of the bars that were taken.

    Args:
        taken: the bars.
        parts: what was taken of them.
        bars: how many bars of the window's metre they are repeated to.
        controllers: whether controllers, pressure and bend are written too.
        say: is given one line about those that are, and one about those that are left out.
    """
    leads = {part.channel: max(part.tracks, key=taken.onsets) for part in parts if part.chosen}
    messages = {
        channel: _repeated(taken.messages(lead), taken, bars) if controllers else ()
        for channel, lead in leads.items()
    }
    if kept := sum(_moving(of_it) for of_it in messages.values()):
        say(f"{counted(kept, 'controller message')} of the source written too")
    others = [
        track for part in parts for track in part.tracks if track.channel != leads[part.channel].channel
    ]
    if controllers and (lost := sum(_moving(taken.messages(track)) for track in others)):
        say(
            f"{counted(lost, 'controller message')} of other channels left out: "
            "a part is written on one channel"
        )
    return Setting(
        ppq=taken.song.ppq,
        tempos=_repeated_tempos(taken, bars),
        metre=taken.metre,
        channels={channel: lead.channel for channel, lead in leads.items() if channel != DRUM_CHANNEL},
        programs={
            channel: taken.program(lead)
            for channel, lead in leads.items()
            if (channel == DRUM_CHANNEL) == lead.is_drum
        },
        messages=messages,
    )


def _moving(messages: Sequence[Message]) -> int:
    """Count the messages that are no programs."""
    return sum(message.data[0] != PROGRAM for message in messages)


def _repeated(messages: Sequence[Message], taken: Window, bars: int) -> tuple[Message, ...]:
    """Repeat messages with the bars, until they fill `bars`."""
    length = Fraction(taken.bar_ticks, taken.song.ppq)
    return tuple(
        Message(message.start_beats + first * length, message.data)
        for first in range(0, bars, taken.bars)
        for message in messages
        if message.start_beats + first * length < bars * length
    )


def _repeated_tempos(taken: Window, bars: int) -> Tempos:
    length = Fraction(taken.bar_ticks, taken.song.ppq)
    return tuple(
        (at + first * length, microseconds)
        for first in range(0, bars, taken.bars)
        for at, microseconds in taken.tempos()
        if at + first * length < bars * length
    )


def setting_after(taken: Window, setting: Setting) -> Setting:
    """Return what music after the bars takes over: their last tempo and the state they leave behind."""
    messages = {channel: without_gestures(tuple(of_it)) for channel, of_it in setting.messages.items()}
    tempos = ((Fraction(0), taken.last_tempo().microseconds),)
    return replace(setting, tempos=tempos, messages=messages)

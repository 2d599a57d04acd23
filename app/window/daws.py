"""What each DAW calls the three things that are needed, where it has ways of its own. No Qt."""

EVERY_DAW = (
    "1. Let the track you play on send its MIDI to Antiphon In.",
    "2. Let MIDI clock go there too, with start, stop and song position.",
    "3. Let an instrument track listen to Antiphon Out, and hear it while it is not recorded.",
)
DAWS = {
    "Ardour": "Connect its clock port and the track's MIDI output to Antiphon In, and Antiphon Out to the "
    "instrument's track. Version 7 counts song position in clocks: switch Position in clocks on. "
    "Tried: Ardour 7.3 with JACK.",
    "Ableton Live": "Each MIDI port has switches for track and sync: for the output to Antiphon In both, for "
    "the input from Antiphon Out track alone. Or share the tempo by Link.",
    "Bitwig Studio": "Clock is sent by port, to be switched on for Antiphon In; a hardware instrument or a "
    "note output sends the track. Link works too.",
    "Cubase, Nuendo": "Choose Antiphon In where the project sends MIDI clock, let the clock follow the "
    "project's position there, and choose it as the output of a MIDI track; monitoring on the instrument "
    "track lets Antiphon Out through.",
    "FL Studio": "The output port of Antiphon In has a switch to send master sync; a MIDI out channel with "
    "the same port number plays to it.",
    "Logic Pro": "The project's synchronisation sends clock to a destination; an external instrument track "
    "sends the notes. A destination of the clock has a delay of its own, beside Output offset here.",
    "REAPER": "The output Antiphon In has a switch to send clock and song position; the track sends to it as "
    "a MIDI hardware output, and another is armed for Antiphon Out.",
    "Studio One, Waveform, Renoise and others": "Look for MIDI clock among the settings of the output port "
    "and for the port's name among the track's outputs.",
}
TRIED = (
    "Tried with Antiphon was Ardour alone. Live, Cubase, Logic and REAPER are described after what their "
    "makers and users write, the others from what is known of them."
)


def daw_lines() -> list[str]:
    """Return the three things, a line for each DAW, and which were tried."""
    return [*EVERY_DAW, *(f"{name}: {words}" for name, words in DAWS.items()), TRIED]

"""MIDI ports behind one protocol: JACK, RtMidi and recording."""

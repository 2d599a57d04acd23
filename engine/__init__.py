"""The live engine: music, MIDI, clock, inference. No Qt, no torch."""

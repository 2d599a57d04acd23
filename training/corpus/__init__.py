"""MIDI folders in, a memory-mapped corpus out."""

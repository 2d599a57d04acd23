"""Standard MIDI files: bytes to songs, songs to parts and bars, phrases back to bytes."""

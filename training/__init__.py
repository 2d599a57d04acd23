"""From folders of MIDI to trained models."""

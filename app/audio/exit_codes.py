"""With what the sound's process ends, for both sides of it."""

OK, LOST, MISSING = 0, 1, 3
"""As it was asked to; the audio device went; something it needs is not installed."""

"""The session: what the player sets and what is true now, how both change, and what is kept of it."""

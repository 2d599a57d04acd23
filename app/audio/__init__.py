"""The optional sound: what is played, made audible in a process of its own."""

"""What the program's own processes share: how they are started, and their limits and streams."""

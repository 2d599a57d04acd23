"""The desktop app: the window, the headless stream and the offline commands."""

"""The commands that read and write `.mid` files."""

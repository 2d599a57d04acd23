"""The pages of the window, as tables of ids."""

"""The bundles that are taken where none is named."""

DEFAULT_MODEL = "words_2bar"
CONTINUING_MODEL = "pianoroll_continue"
CONTINUING_LINES = "sentences_16bar"
"""Continues what is one voice."""
GROOVE_MODEL = "groove_humanize_2bar"
DRUMIFY_MODEL = "groove_drumify_2bar"
ACCOMPANY_MODEL = "accompany_2bar"

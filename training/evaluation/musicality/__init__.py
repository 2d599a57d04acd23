"""Measures of whether something sounds like music, each meant to be read beside held-out music."""

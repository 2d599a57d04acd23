"""Styles and drummers whose feel can be asked for, as models of grooves know them."""

from collections.abc import Mapping
from typing import Literal

PLAYING_CONDITIONS: tuple[Literal["tempo", "style", "drummer"], ...] = ("tempo", "style", "drummer")
"""What the decoder of a groove can be given of how it is played: all of it or nothing."""

DRUM_STYLES = (
    "afrobeat",
    "afrocuban",
    "blues",
    "country",
    "dance",
    "funk",
    "gospel",
    "highlife",
    "hiphop",
    "jazz",
    "latin",
    "middleeastern",
    "neworleans",
    "pop",
    "punk",
    "reggae",
    "rock",
    "soul",
)
"""Those of the Groove MIDI Dataset. Models know them by their place plus 1, so that none may be moved."""
STYLE_WORDS: Mapping[str | float | None, str] = {
    "afrocuban": "Afro-Cuban",
    "hiphop": "hip-hop",
    "middleeastern": "Middle Eastern",
    "neworleans": "New Orleans",
}
"""How styles are written whose name is no word."""
DRUMMERS = 10
"""Of the Groove MIDI Dataset, which calls them drummer1 to drummer10; models know them by these numbers."""
UNSAID = 0
"""Number of no style and of no drummer in particular."""


def style_number(name: str | None) -> int:
    """Return the number that models know a style by; `UNSAID` for one they do not know."""
    return DRUM_STYLES.index(name) + 1 if name in DRUM_STYLES else UNSAID


def drummer_number(name: str) -> int:
    """Return the number that models know a drummer by; `UNSAID` for one they do not know."""
    number = name.removeprefix("drummer")
    return int(number) if number.isdecimal() and int(number) <= DRUMMERS else UNSAID

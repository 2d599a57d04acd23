"""Whether music is played in triplets, and so in a compound metre whatever is written before it.

A bar of 4/4 whose quarters fall into three, a shuffle too, is a bar of 12/8 in everything but its name. On
the 16ths of a model of 4/4 a third of a beat has no place; on those of a compound metre it has.
"""

from bisect import bisect_right

from engine.music.metre import Metre
from engine.music.notes import Phrase

FEWEST_ON_THIRDS = 3
"""Onsets on thirds of a beat below which a figure is an ornament, not a metre."""
_BEAT = 24
"""Parts of a beat, in which each place is a whole number."""
_HALF_WAY = (3, 7, 10, 14, 17, 21)
"""Half-way from each of a beat, its quarter, third, half, two thirds and three quarters to the next."""


def felt_metre(phrase: Phrase) -> Metre:
    """Return the metre that a phrase is felt in: the compound one if its quarters are played in triplets.

    That is so if more of its onsets lie nearest to a third of a beat than to a half, and twice as many as
    to a quarter that is no half, and no fewer than three.
    """
    if phrase.metre.denominator != 4:
        return phrase.metre
    places = [0] * (len(_HALF_WAY) + 1)
    for note in phrase.notes:
        places[bisect_right(_HALF_WAY, note.start_beats % 1 * _BEAT)] += 1
    _, quarter, third, half, two_thirds, three_quarters, _ = places
    thirds, quarters = third + two_thirds, quarter + three_quarters
    is_in_thirds = thirds >= FEWEST_ON_THIRDS and thirds > half and thirds >= 2 * quarters
    return phrase.metre.in_triplets if is_in_thirds else phrase.metre

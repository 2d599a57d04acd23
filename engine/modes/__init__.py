"""The tools of the instrument, one module each: what makes an answer out of slots and controls."""

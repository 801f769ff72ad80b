"""Measurements against a named peer and against the physical limit, in one run, as ratios."""

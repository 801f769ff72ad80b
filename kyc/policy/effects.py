"""The lattice of effects: the strictest one wins."""

from enum import IntEnum


class Effect(IntEnum):
    """What a rule, or a whole decision, says; a higher value is stricter."""

    ALLOW = 0
    CONDITIONS = 1
    REVIEW = 2
    EXIT_ONLY = 3
    DENY = 4
    FREEZE = 5

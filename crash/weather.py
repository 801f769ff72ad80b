"""In which weather each mutant shows: events per second, and the chance of a fault per request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crash.spec import Spec


@dataclass(frozen=True, slots=True)
class Weather:
    """What differs from the ordinary storm, and what the judge says of this bug and no other.

    ``shows`` names invariants, each with words of its finding where it has several.
    """

    rates: dict[str, float] = field(default_factory=dict)
    chance: float = 0.08
    shows: tuple[str, ...] = ("I1", "I1b")


# Who calls a transaction over that is not: its order is minted twice, or called failed and minted,
# or the chain waits for ever for a number of which nobody thinks any more.
_LOSES_WHAT_WAITS = {"rest": 0.3, "drop": 0.5}
_WRONGLY_OVER = ("I1", "I1b", "I2 FAILED, though", "I6 nobody")

WEATHER: dict[str, Weather] = {
    "F1": Weather(_LOSES_WHAT_WAITS, chance=0.15, shows=_WRONGLY_OVER),
    "F2": Weather({"rest": 0.3, "spike": 0.2}, shows=("I7",)),
    "F3": Weather(_LOSES_WHAT_WAITS, shows=_WRONGLY_OVER),
    "F4": Weather(shows=("I6 nobody",)),
    "F5": Weather({"haunt": 1.0}, shows=("I2 QUEUED, though", "I5 above")),
    "F6": Weather(),
    "F7": Weather({"flushall": 1.0}, shows=("I2 still QUEUED",)),
    # Without blocks what was settled too early stays above the finalized block for seconds. A block
    # that was recorded as final and then replaced would halt the network before it settles at all.
    "F8": Weather({"rest": 0.2, "reorganise": 0.05}, shows=("I4",)),
    "F9": Weather({"stall": 0.15, "rest": 0.3, "reorganise": 0.05}, chance=0.03, shows=("I4",)),
    "F10": Weather(_LOSES_WHAT_WAITS, shows=_WRONGLY_OVER),
    "F11": Weather({"revert_for_a_moment": 0.6}, shows=(*_WRONGLY_OVER, "I4")),
    "F12": Weather({"haunt": 1.0}, shows=("I2 REJECTED",)),
    "F13": Weather(shows=("I7",)),
    "F14": Weather(shows=("I2 FAILED", "I3", "I5 above")),
}


def _everything() -> Weather:
    """Of each event and of faults what the harshest of these weathers and the ordinary storm has."""
    rates = dict(Spec(seed=0, seconds=0, folder="").rates)
    for weather in WEATHER.values():
        for name, rate in weather.rates.items():
            rates[name] = max(rate, rates[name])
    return Weather(rates, chance=max(weather.chance for weather in WEATHER.values()))


# All of it at once, for the sound pipeline, which must survive it.
HARD_WEATHER = _everything()


def shows(finding: Mapping[str, str], names: Sequence[str]) -> bool:
    """Whether one of the judge's findings is among those that are named; all are when none is."""
    for name in names:
        invariant, _, words = name.partition(" ")
        if finding["invariant"] == invariant and words in finding["what"]:
            return True
    return not names

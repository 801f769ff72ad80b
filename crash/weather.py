"""In which weather each mutant shows: events per second, and the chance of a fault per request."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Weather:
    """What differs from the ordinary storm."""

    rates: dict[str, float] = field(default_factory=dict)
    chance: float = 0.08


WEATHER: dict[str, Weather] = {
    "F1": Weather(),
    "F2": Weather({"rest": 0.3, "spike": 0.2}),
    "F3": Weather({"rest": 0.2}),
    "F4": Weather(),
    "F5": Weather({"haunt": 1.0}),
    "F6": Weather(),
    "F7": Weather({"flushall": 1.0}),
    "F8": Weather(),
    "F9": Weather({"stall": 0.15}, chance=0.03),
    "F10": Weather({"rest": 0.3}),
    "F11": Weather({"revert_for_a_moment": 0.6}),
    "F12": Weather({"haunt": 1.0}),
    "F13": Weather(),
    "F14": Weather(),
}

# Everything at once, for the sound pipeline, which must survive it.
HARD_WEATHER = Weather(
    {
        "rest": 0.2,
        "spike": 0.1,
        "haunt": 0.5,
        "flushall": 0.5,
        "revert_for_a_moment": 0.2,
        "stall": 0.1,
    }
)

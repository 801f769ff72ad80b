"""In which weather each mutant shows: events per second, and the chance of a fault per request."""

from dataclasses import dataclass, field

from crash.spec import Spec


@dataclass(frozen=True, slots=True)
class Weather:
    """What differs from the ordinary storm, and the invariants that name what the bug does."""

    rates: dict[str, float] = field(default_factory=dict)
    chance: float = 0.08
    shows: tuple[str, ...] = ("I1", "I1b")


# What waits in the pool stays there: what is called dead is mined after all, and so twice. Whatever
# empties the pool would leave a nonce that nobody fills any more, behind which nothing is mined.
_POOL_STAYS = {"reorganise": 0.0, "drop": 0.0, "steal": 0.0, "revert_for_a_moment": 0.0}

WEATHER: dict[str, Weather] = {
    # Many sends that fail, and time before the block in which what failed is signed again.
    "F1": Weather({"rest": 0.3, **_POOL_STAYS}, chance=0.15),
    "F2": Weather({"rest": 0.3, "spike": 0.2}, shows=("I7",)),
    "F3": Weather({"rest": 0.3, **_POOL_STAYS}),
    # A number that nobody uses keeps all later ones from the chain.
    "F4": Weather(shows=("I6",)),
    "F5": Weather({"haunt": 1.0}, shows=("I2", "I5")),
    "F6": Weather(),
    "F7": Weather({"flushall": 1.0}, shows=("I2",)),
    # Without blocks what was settled too early stays above the finalized block for seconds.
    "F8": Weather({"rest": 0.2}, shows=("I4",)),
    "F9": Weather({"stall": 0.15, "rest": 0.3}, chance=0.03, shows=("I4",)),
    "F10": Weather({"rest": 0.3, **_POOL_STAYS}, shows=("I1", "I1b", "I2")),
    "F11": Weather({"revert_for_a_moment": 0.6}, shows=("I1", "I1b", "I2", "I4")),
    "F12": Weather({"haunt": 1.0}, shows=("I2",)),
    "F13": Weather(shows=("I7",)),
    "F14": Weather(shows=("I2", "I3", "I5")),
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

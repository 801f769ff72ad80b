"""One trial from its first event to the judge's word."""

from dataclasses import dataclass
from typing import Any

from crash.trials.events import TRIALS
from crash.trials.trial import Place, Trial
from crash.trials.wire import Wire
from crash.weather import shows


@dataclass(frozen=True, slots=True)
class Heard:
    """What the judge found, and what befell workers that no event explains."""

    found: list[dict[str, Any]]
    accidents: list[str]
    names_the_bug: bool


def hold(name: str, *, place: Place, mutant: str = "") -> Heard:
    """Let the events of the named trial happen, to the mutant or to the sound pipeline."""
    events, wire = TRIALS[name], Wire(place.stage.anvil.url)
    try:
        trial = Trial(place, wire, mutant)
        events.happen(trial)
        trial.rest()
        found = trial.judge()
        trial.close()
    finally:
        wire.close()
    named = any(shows(each, events.shows) for each in found)
    return Heard(found, trial.accidents, named)

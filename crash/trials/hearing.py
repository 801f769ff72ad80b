"""One trial from its first event to the judge's word."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from crash.trials.events import COMPLETED, TRIALS
from crash.trials.trial import Place, Trial
from crash.trials.wire import Wire


@dataclass(frozen=True, slots=True)
class Heard:
    """What the judge found, which of it names the bug, and what else befell the workers.

    Accidents are also what the events did not bring about, and orders of the sound pipeline's that
    did not complete.
    """

    found: list[dict[str, Any]]
    names: list[dict[str, Any]]
    accidents: list[str]


def hold(name: str, *, place: Place, mutant: str = "") -> Heard:
    """Let the events of the named trial happen, to the mutant or to the sound pipeline."""
    events, wire = TRIALS[name], Wire(place.stage.anvil.url)
    try:
        with closing(Trial(place, wire, mutant)) as trial:
            events.happen(trial)
            trial.rest()
            found, ends = trial.judge(), trial.ends()
    finally:
        wire.close()
    unlike = "" if mutant else ", ".join(end for end in ends if end != COMPLETED)
    accidents = [*trial.accidents, *([f"orders ended {unlike}"] if unlike else [])]
    is_its_doing = not mutant or events.leaves in ((), ends)
    names = [each for each in found if is_its_doing and shows(each, events.shows)]
    return Heard(found, names, accidents)


def shows(finding: Mapping[str, str], names: Sequence[str]) -> bool:
    """Whether a finding is among those that are named: an invariant, with words of what was found
    where it finds several things."""
    for name in names:
        invariant, _, words = name.partition(" ")
        if finding["invariant"] == invariant and words in finding["what"]:
            return True
    return False

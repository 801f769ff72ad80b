"""What a run of the campaign comes to: the JSON that machines read, and the verdict for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The checker's invariants, as the figures of the JSON count them.
COUNTED_AS = {
    "double_mints": ("I1", "I1b"),
    "lost": ("I2", "I5", "I6"),
    "falsely_settled": ("I4",),
    "supply_breaches": ("I3",),
}
NOT_COUNTED = ("I7", "I8")
CONTROL_ORDERS_MIN = 30
# Beside those of the storm: one when it is over, and one below finality.
REORGS_AT_REST = 2
KILLED, SURVIVED = "killed", "survived"
# The pipeline as it is, beside the mutants.
SOUND = "sound"


@dataclass(frozen=True, slots=True)
class Ending:
    """Killed or survived, and the first finding or accident that says so."""

    end: str
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Trials:
    """What became of each mutant, and of the sound pipeline, which met the same events.

    ``broken`` says why they were not held to the end, when they were not.
    """

    mutants: Mapping[str, Ending] = field(default_factory=dict)
    sound: Ending = field(default_factory=lambda: Ending(SURVIVED))
    broken: str = ""

    def as_json(self) -> dict[str, Any]:
        """Each end, and by which finding a mutant was killed."""
        return {
            "mutants": {name: each.end for name, each in self.mutants.items()},
            "killed_by": {
                name: each.finding for name, each in self.mutants.items() if each.end == KILLED
            },
            SOUND: self.sound.end,
        }

    def complaints(self) -> list[str]:
        """Why the trials failed; empty when they passed."""
        found = [
            f"mutant {name} survived{': ' if each.finding else ''}{each.finding}"
            for name, each in self.mutants.items()
            if each.end == SURVIVED
        ]
        if self.sound.end == KILLED:
            found.append(f"the sound pipeline did not survive its trials: {self.sound.finding}")
        if self.broken:
            found.append(f"the trials were not held to the end: {self.broken}")
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """The storm's result and that of the trials that followed it."""

    storm: dict[str, Any]
    trials: Trials = field(default_factory=Trials)

    def as_json(self) -> dict[str, Any]:
        """Exactly the keys that were promised."""
        storm, verdict = self.storm, self.storm["verdict"]
        return {
            "seed": storm["spec"]["seed"],
            "orders": storm["orders"],
            "kills": storm["kills"],
            "failpoints": storm["failpoints"],
            "rpc_faults": storm["rpc_faults"],
            "reorgs": storm["chain"].get("reorgs", 0),
            "flushalls": storm["flushalls"],
            "lost_commits": storm["lost_commits"],
            **{
                name: sum(verdict.get(invariant, 0) for invariant in invariants)
                for name, invariants in COUNTED_AS.items()
            },
            "control_double_mints": verdict.get("control", 0),
            "mutants": self.trials.as_json()["mutants"],
        }

    def complaints(self) -> list[str]:
        """Why the run failed; empty when it passed."""
        storm, figures = self.storm, self.as_json()
        found = [f"{name}: {figures[name]}" for name in COUNTED_AS if figures[name]]
        found += [
            f"{name}: {storm['verdict'][name]}" for name in NOT_COUNTED if name in storm["verdict"]
        ]
        found += [
            f"never killed at {name}" for name, hits in storm["failpoints"].items() if not hits
        ]
        found += self.trials.complaints()
        if "no_verdict" in storm["verdict"]:
            found.append("the checker gave no verdict")
        if not storm["is_drained"]:
            found.append("the work did not come to an end")
        if not storm["halted_below_finality"]:
            found.append("a reorganisation below finality did not halt the network")
        if storm["accidents"]:
            found.append(f"{storm['accidents']} workers ended by themselves")
        # Of several parts each is asked: what the others saw is no help to one that was blind.
        found += storm["blindness"] if "blindness" in storm else blindness(storm)
        return found


def blindness(storm: dict[str, Any]) -> list[str]:
    """What a storm was asked for and did not bring, and what its judge did not look at."""
    spec, verdict, found = storm["spec"], storm["verdict"], []
    if "no_verdict" not in verdict and not verdict.get("blocks", 0):
        found.append("the judge checked no block")
    if spec["control_orders"] >= CONTROL_ORDERS_MIN and not verdict.get("control", 0):
        found.append("the naive control minted nothing twice: the harness is blind")
    if spec.get("failover_every", 0) and not storm["failovers"]:
        found.append("no failover happened")
    if spec.get("chance", 0) and not sum(storm["rpc_faults"].values()):
        found.append("no RPC fault happened")
    if storm["chain"].get("reorgs", 0) <= REORGS_AT_REST:
        found.append("no reorganisation happened in the storm")
    return found


def nth_most(hits: Mapping[str, int], number: int) -> int:
    """How often the ``number`` failpoints that were died at most were died at, each of them."""
    return sorted([*hits.values(), *[0] * number], reverse=True)[number - 1]

"""The long profile: storms in parts, each kept as soon as it ends, and then their sum.

What is kept lies in ``.stack/crash/<seed>``: a run that was interrupted goes on where it stopped.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.devstack import places
from crash.document import BARS, FAILPOINTS_MIN, HITS_MIN, totals
from crash.results import Outcome, blindness, nth_most
from crash.spec import Spec

PARTS = 4
PART_SECONDS = 300.0
# A little more than its share, for what comes to nothing at the end of a part.
MARGIN = 1.02
# Not every event of its kind comes to pass.
HASTE = 1.2
CONTROL_ORDERS = 240
# Orders are what a part runs short of: of everything else a milder weather still brings enough.
CHANCE = 0.012
FAILOVER_SECONDS, FAILOVER_ORDERS = 60.0, 120
# A worker costs as much to hire as a second of its work.
ARMED_PERCENT, SHIFT_SECONDS = 85, [10.0, 24.0]
MILDER = {
    "reorganise": 1.1,
    "kill_one": 0.15,
    "stop_one": 0.04,
    "crash_database": 0.006,
    "haunt": 0.005,  # a failover brings a recovery too
    # Each holds a whole lane up for seconds, and a recovery waits for every lane.
    # From a spike the base fee needs half a minute to come down again; a divided network is halted.
    "spike": 0.003,
    "split": 0.02,
    "steal": 0.02,
    "rest": 0.02,
}
REORGANISE_MIN = 0.3
_SUMS = [
    "seconds",
    "orders",
    "kills",
    "stops",
    "accidents",
    "flushalls",
    "redis_kills",
    "database_crashes",
    "failovers",
    "lost_commits",
    "lost_rows",
    "halts",
]
_TABLES = ("failpoints", "rpc_faults", "chain", "splits", "mishaps", "verdict")


def folder_of(seed: int) -> Path:
    """Where the parts of the run with this seed are kept."""
    folder = places.CHECKOUT / ".stack" / "crash" / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def part_spec(spec: Spec, number: int, *, count: int, before: Sequence[dict[str, Any]]) -> Spec:
    """One of ``count`` parts: its own seed, and its share of what those before it left of each bar."""
    so_far = _reached(before)
    left = {name: max(bar * MARGIN - so_far[name], 0) for name, bar in BARS.items()}
    share = {name: int(amount / (count - number)) + 1 for name, amount in left.items()}
    hits = max(-(-(HITS_MIN - so_far["failpoints"]) // (count - number)), 1)
    mild = milder(spec)
    reorganise = min(MILDER["reorganise"], HASTE * share["reorgs"] / PART_SECONDS)
    return replace(
        mild,
        # No more of these than are still asked for: while they last, nothing ends.
        rates=mild.rates | {"reorganise": max(reorganise, REORGANISE_MIN)},
        failover_every=max(FAILOVER_SECONDS, PART_SECONDS / (HASTE * share["lost_commits"])),
        seed=spec.seed + number,
        folder=f"{spec.folder}-{number}",
        seconds=PART_SECONDS,
        control_orders=CONTROL_ORDERS,
        hits_min=hits + 1,
        drain_seconds=420,
        jam_seconds=90,
        at_least={**share, "failpoints": hits},
    )


def _reached(parts: Sequence[dict[str, Any]]) -> Counter[str]:
    """How far these parts have come together, by the names of the bars."""
    reached: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for part in parts:
        reached.update(totals(Outcome(part).as_json()))
        hits.update(part["failpoints"])
    reached["failpoints"] = nth_most(hits, FAILPOINTS_MIN)
    return reached


def milder(spec: Spec) -> Spec:
    """The same storm in the weather of a part, in which more orders end."""
    return replace(
        spec,
        chance=CHANCE,
        failover_every=FAILOVER_SECONDS,
        failover_after=FAILOVER_ORDERS,
        rates=spec.rates | MILDER,
        armed_percent=ARMED_PERCENT,
        shift_seconds=SHIFT_SECONDS,
    )


def run_parts(
    spec: Spec, run: Callable[[Spec], dict[str, Any]], *, count: int = PARTS
) -> dict[str, Any]:
    """The first ``count`` parts, each unless it is kept already; returns the sum of all that are.

    Of those beyond ``count`` too: no storm that was kept may be left out of the sum.
    """
    for number in range(count):
        kept = folder_of(spec.seed) / f"part-{number}.json"
        if not kept.exists():
            print(f"crash: part {number + 1} of {count}", flush=True)
            # The first of four is asked for its quarter also where the others are not run.
            before = _kept(spec.seed)
            result = run(part_spec(spec, number, count=max(count, PARTS), before=before))
            kept.write_text(json.dumps(result, indent=1))
    return merged(_kept(spec.seed))


def _kept(seed: int) -> list[dict[str, Any]]:
    """Every part of this seed's run that was kept, in their order."""
    paths = folder_of(seed).glob("part-*.json")
    by_number = sorted(paths, key=lambda path: int(path.stem.removeprefix("part-")))
    return [json.loads(path.read_text()) for path in by_number]


def merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One result of several: counts add up, and what must hold must hold in each."""
    whole = dict(parts[0])
    whole["spec"] = dict(parts[0]["spec"])
    whole["spec"]["seeds"] = [part["spec"]["seed"] for part in parts]
    whole["spec"]["control_orders"] = sum(part["spec"]["control_orders"] for part in parts)
    for name in _SUMS:
        whole[name] = sum(part[name] for part in parts)
    for name in _TABLES:
        total: Counter[str] = Counter()
        for part in parts:
            # Not Counter's own addition, which would drop a failpoint that was never hit.
            total.update(part[name])
        whole[name] = dict(total)
    whole["revision"] = ", ".join(
        dict.fromkeys(part.get("revision") or "unknown" for part in parts)
    )
    whole["is_drained"] = all(part["is_drained"] for part in parts)
    whole["halted_below_finality"] = all(part["halted_below_finality"] for part in parts)
    whole["violations"] = [each for part in parts for each in part["violations"]]
    whole["blindness"] = [
        f"seed {part['spec']['seed']}: {each}" for part in parts for each in blindness(part)
    ]
    return whole

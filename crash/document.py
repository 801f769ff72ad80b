"""The table of docs/reliability.md, written from stored results and from nothing else."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.devstack import places
from crash.results import COUNTED_AS, KILLED, SOUND, SURVIVED, Outcome, Trials
from crash.revision import revision

RESULTS = Path(__file__).with_name("results")
PAGE = places.CHECKOUT / "docs" / "reliability.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
# What the long profile is meant to reach; the table says how far a run came.
BARS: dict[str, int] = {
    "orders": 10_000,
    "kills": 1_000,
    "rpc_faults": 15_000,
    "reorgs": 1_500,
    "flushalls": 30,
    "lost_commits": 15,
}
FAILPOINTS_MIN, HITS_MIN, KINDS_MIN = 25, 20, 12
NOUGHT = tuple(COUNTED_AS)
_NO_SEED = "The same events and the same dice at every run: there is no seed to vary."


def keep(name: str, outcome: Outcome) -> None:
    """Store a result under a name, for the table."""
    storm = outcome.storm
    beside = {
        "revision": storm.get("revision", ""),
        "seconds": storm["seconds"],
        "seeds": storm["spec"].get("seeds", [storm["spec"]["seed"]]),
        "complaints": outcome.complaints(),
        "completed": storm["verdict"].get("completed", 0),
        "redis_kills": storm["redis_kills"],
        "database_crashes": storm["database_crashes"],
        "splits": storm["splits"],
        "mishaps": storm["mishaps"],
        "chain": storm["chain"],
        "stops": storm["stops"],
        "halts": storm["halts"],
        "failovers": storm["failovers"],
        "lost_rows": storm["lost_rows"],
        "blocks_checked": storm["verdict"].get("blocks", 0),
        "reverted": storm["verdict"].get("reverted", 0),
        "control_orders": storm["spec"]["control_orders"],
        "halted_below_finality": storm["halted_below_finality"],
        "violations": storm["violations"][:50],
        "trials": outcome.trials.as_json(),
    }
    _store(name, {"figures": outcome.as_json(), "beside": beside})


def keep_trials(name: str, trials: Trials) -> None:
    """Store what came of trials that were held without a storm before them; they have no seed."""
    _store(name, {"revision": revision(), **trials.as_json()})


def _store(name: str, what: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    document = {"measured_on": _today(), **what}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


def _today() -> str:
    return datetime.now(tz=UTC).date().isoformat()


def write() -> None:
    """Replace what stands between the marks by the tables of all stored results."""
    stored = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    text = "\n\n".join(_section(name, each) for name, each in stored.items())
    page = PAGE.read_text()
    marked = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    PAGE.write_text(marked.sub(lambda _: f"{BEGIN}\n\n{text}\n\n{END}", page))


def totals(figures: dict[str, Any]) -> dict[str, int]:
    """The figures that have a bar."""
    return {
        name: sum(figures[name].values()) if name == "rpc_faults" else figures[name]
        for name in BARS
    }


def summary(figures: dict[str, Any], storm: dict[str, Any]) -> str:
    """What a person wants to see at the end of a run."""
    lines = [f"seed {figures['seed']}, {storm['seconds']:.0f} s of storm"]
    lines += [f"  {name:<22}{value:>8,}" for name, value in totals(figures).items()]
    hits = figures["failpoints"]
    often = sum(count >= HITS_MIN for count in hits.values())
    lines.append(
        f"  {'failpoints':<22}{len(hits):>8}   {often} of them {HITS_MIN} times or more,"
        f" least often {min(hits.values(), default=0)}"
    )
    lines.append(f"  {'kinds of fault':<22}{len(figures['rpc_faults']):>8}")
    lines += [f"  {name:<22}{figures[name]:>8}" for name in (*NOUGHT, "control_double_mints")]
    killed = sum(end == KILLED for end in figures["mutants"].values())
    lines.append(f"  {'mutants killed':<22}{killed:>5}/{len(figures['mutants'])}")
    return "\n".join(lines)


def _section(name: str, stored: dict[str, Any]) -> str:
    if "mutants" in stored:
        head = f"### `{name}`: the mutants' trials, {stored['measured_on']}{_measured_at(stored)}"
        return f"{head}\n\n{_trials(stored)}"
    figures, beside = stored["figures"], stored["beside"]
    minutes = beside["seconds"] / 60
    seeds = ", ".join(map(str, beside.get("seeds", [figures["seed"]])))
    head = (
        f"### `{name}`: seed {seeds}, {minutes:.1f} minutes,"
        f" {stored['measured_on']}{_measured_at(beside)}"
    )
    return "\n\n".join(
        [
            head,
            # Results that were stored before their complaints were have none to show.
            *_failed(beside.get("complaints", [])),
            _bars(figures, beside),
            _points(figures["failpoints"]),
            _faults(figures["rpc_faults"]),
            _trials(beside.get("trials", {"mutants": {}})),
        ]
    )


def _measured_at(stored: dict[str, Any]) -> str:
    """The commit, where it was stored."""
    return f", commit {stored['revision']}" if stored.get("revision") else ""


def _failed(complaints: list[str]) -> list[str]:
    return [f"**This run FAILED:** {'; '.join(complaints)}."] if complaints else []


def _bars(figures: dict[str, Any], beside: dict[str, Any]) -> str:
    rows = [
        f"| {name.replace('_', ' ')} | {value:,}{_ended(name, beside)} | {BARS[name]:,} |"
        f" {'reached' if value >= BARS[name] else f'{value / BARS[name]:.0%}'} |"
        for name, value in totals(figures).items()
    ]
    rows += [_points_row(figures["failpoints"]), _kinds_row(figures["rpc_faults"])]
    rows += [
        f"| {name.replace('_', ' ')} | {figures[name]} | 0 | {'held' if not figures[name] else '**MISSED**'} |"
        for name in NOUGHT
    ]
    doubles = figures["control_double_mints"]
    rows.append(
        f"| double mints of the naive control | {doubles} of {beside['control_orders']} orders |"
        f" above 0 | {'it fails, as it must' if doubles else '**harness blind**'} |"
    )
    return "\n".join(
        ["| figure | this run | bar | |", "|---|---|---|---|", *rows, "", _also(beside)]
    )


def _ended(name: str, beside: dict[str, Any]) -> str:
    """Beside the orders, how many of them completed, where that was stored."""
    is_known = name == "orders" and "completed" in beside
    return f" ({beside['completed']:,} completed)" if is_known else ""


def _points_row(hits: dict[str, int]) -> str:
    """How many failpoints were died at often enough, and how often the least lucky of all was."""
    often = sum(count >= HITS_MIN for count in hits.values())
    is_reached = often >= FAILPOINTS_MIN
    return (
        f"| failpoints killed at {HITS_MIN} times or more (of all; least often) |"
        f" {often} (of {len(hits)}; {min(hits.values(), default=0)}) |"
        f" {FAILPOINTS_MIN} | {'reached' if is_reached else f'{often / FAILPOINTS_MIN:.0%}'} |"
    )


def _kinds_row(faults: dict[str, int]) -> str:
    reached = "reached" if len(faults) >= KINDS_MIN else f"{len(faults) / KINDS_MIN:.0%}"
    return f"| kinds of RPC fault | {len(faults)} | {KINDS_MIN} | {reached} |"


def _also(beside: dict[str, Any]) -> str:
    """What happened besides, and how the run ended."""
    chain, splits, mishaps = beside["chain"], beside["splits"], beside["mishaps"]
    return (
        f"Also in this run: {beside['stops']} SIGSTOPs, {chain.get('drops', 0)} dropped transactions,"
        f" {chain.get('thefts', 0)} nonces used up by somebody else, {chain.get('ghosts', 0)} queued"
        f" orders minted behind our back, {chain.get('passing_reverts', 0)} reverts in blocks that"
        f" vanished, {beside['lost_rows']:,} rows lost in {beside['failovers']} failovers,"
        f" {beside['halts']} breakers closed by the operator,"
        f" {beside['blocks_checked']:,} blocks checked, forks included. A reorganisation below"
        f" finality at the end of each part"
        f" {'halted the network' if beside['halted_below_finality'] else 'DID NOT HALT the network'}."
        f" {splits.get('minority', 0)} times one of three endpoints stood on another fork and"
        f" {splits.get('majority', 0)} times two; Redis was killed {beside['redis_kills']}"
        f" times and PostgreSQL crashed {beside['database_crashes']} times;"
        f" {mishaps.get('skewed_clock', 0)} workers had a wrong clock, {_cuts(mishaps)} COMMITs were"
        f" cut off, {mishaps.get('doubled_task', 0)} messages came twice."
    )


def _cuts(mishaps: dict[str, int]) -> int:
    return mishaps.get("commit_cut_before", 0) + mishaps.get("commit_cut_after", 0)


def _points(hits: dict[str, int]) -> str:
    cells = ", ".join(f"`{name}` {count}" for name, count in sorted(hits.items()))
    return f"SIGKILLs at each failpoint: {cells}."


def _faults(counts: dict[str, int]) -> str:
    cells = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
    return f"RPC faults by kind: {cells}."


def _trials(held: dict[str, Any]) -> str:
    ends: dict[str, str] = held["mutants"]
    if not ends:
        return "No mutants in this run."
    survived = [name for name, end in ends.items() if end == SURVIVED]
    tail = f" Survived: {', '.join(survived)}." if survived else ""
    killed = f"Mutants killed: {len(ends) - len(survived)} of {len(ends)}.{tail}"
    rows = [f"| {name} | {held['killed_by'].get(name, '**SURVIVED**')} |" for name in ends]
    table = "\n".join(["| mutant | killed by the finding |", "|---|---|", *rows])
    return f"{killed} {_sound(held[SOUND])} {_NO_SEED}\n\n{table}"


def _sound(end: str) -> str:
    return (
        "The sound pipeline survived every one of their trials."
        if end == SURVIVED
        else "**The sound pipeline did not survive their trials.**"
    )

"""``./dev crash``: the storm, the mutants' trials, the verdict; ``--document`` writes what was measured."""

import argparse
import json
import random
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from config.devstack import places
from config.devstack.processes import StackError
from crash import document, long
from crash.golden import make_golden
from crash.results import KILLED, Outcome, Trials
from crash.revision import revision
from crash.spec import Spec
from crash.trials.run import NAMES, run_trials

CONTROL_ORDERS_PER_SECOND = 0.5
FAILOVER_SECONDS = 60.0
FAILOVERS_MIN = 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev crash", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=120, help="how long the storm lasts; 0: trials alone"
    )
    parser.add_argument("--seed", type=int, default=None, help="repeats the same weather")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    parser.add_argument(
        "--mutants", default="all", help="whose trials: all, none, or names such as F1,F8"
    )
    parser.add_argument("--rate", type=float, default=9.0, help="orders per second")
    parser.add_argument(
        "--long",
        action="store_true",
        help="the whole profile of a release: four storms of five minutes or more, each with its own"
        " seed and its share of what is left of each bar; goes on where it was interrupted",
    )
    parser.add_argument(
        "--mild", action="store_true", help="the storm in the weather of --long: more orders end"
    )
    parser.add_argument(
        "--parts",
        type=_at_least_one,
        default=long.PARTS,
        help="of --long, only so many of its parts",
    )
    parser.add_argument("--keep", metavar="NAME", help="store the result for the documentation")
    parser.add_argument("--document", action="store_true", help="rewrite the table and end")
    return parser.parse_args()


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a run has at least one part")
    return number


def storm_spec(*, seconds: float, seed: int, rate: float, folder: Path, golden: Path) -> Spec:
    """The storm of a run."""
    return Spec(
        seed=seed,
        seconds=seconds,
        folder=str(folder),
        golden=str(golden),
        orders_per_second=rate,
        failover_every=min(FAILOVER_SECONDS, seconds / (FAILOVERS_MIN + 1)),
        control_orders=max(int(seconds * CONTROL_ORDERS_PER_SECOND), 10),
    )


def run_through(spec: Spec) -> dict[str, Any]:
    """A campaign in a process of its own, from its start to its result.

    Raises StackError when it left none.
    """
    path = places.own_folder(Path(spec.folder)) / "spec.json"
    path.write_text(json.dumps(asdict(spec)))
    command, begun_on = [sys.executable, "-m", "crash.campaign", str(path)], revision()
    subprocess.run(command, cwd=places.CHECKOUT, check=False)
    kept = path.with_name("result.json")
    if not kept.exists():
        raise StackError(f"the campaign in {spec.folder} ended without a result")
    result: dict[str, Any] = json.loads(kept.read_text())
    # What the campaign ran is what stood here when it began.
    return result | {"revision": begun_on}


def wanted(mutants: str) -> list[str]:
    """The mutants that were asked for, each once. Raises StackError when one does not exist."""
    names = {"all": list(NAMES), "none": []}.get(mutants)
    if names is None:
        names = list(dict.fromkeys(mutants.split(",")))
    unknown = set(names) - set(NAMES)
    if unknown:
        raise StackError(f"no mutant is called {', '.join(sorted(unknown))}")
    return names


def main() -> int:
    """Run what was asked for; 0 when nothing is wrong."""
    arguments = _arguments()
    if arguments.document:
        document.write()
        return 0
    names = wanted(arguments.mutants)
    if not names and not arguments.seconds:
        raise StackError("neither a storm nor a mutant was asked for")
    folder = places.session_folder("crash")
    print(f"crash: logs in {folder}", flush=True)
    golden = make_golden(folder)
    storm = run_storm(arguments, folder=folder, golden=golden) if arguments.seconds else None
    if names:
        print(f"crash: trials of {len(names)} mutants", flush=True)
    complaints = (
        publish(Outcome(storm, hold_trials(names, folder=folder, golden=golden)), arguments)
        if storm
        else publish_trials(run_trials(names, folder=folder, golden=golden), arguments)
    )
    for complaint in complaints:
        print(f"FAILED: {complaint}")
    if not complaints:
        shutil.rmtree(folder, ignore_errors=True)
        print("crash: held")
    return 1 if complaints else 0


def hold_trials(names: list[str], *, folder: Path, golden: Path) -> Trials:
    """The trials that follow a storm: what comes of the storm is told though they break off."""
    try:
        return run_trials(names, folder=folder, golden=golden)
    except StackError as broken:
        return Trials(broken=str(broken))


def run_storm(arguments: argparse.Namespace, *, folder: Path, golden: Path) -> dict[str, Any]:
    """The storm that was asked for, in one piece or in the parts of the long profile."""
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    spec = storm_spec(
        seconds=arguments.seconds,
        seed=seed,
        rate=arguments.rate,
        folder=folder / "storm",
        golden=golden,
    )
    if arguments.long:
        print(f"crash: seed {seed}, {arguments.parts} storms", flush=True)
        return long.run_parts(spec, run_through, count=arguments.parts)
    if arguments.mild:
        spec = replace(long.milder(spec), drain_seconds=420, jam_seconds=90)
    print(f"crash: seed {seed}, {arguments.seconds:.0f} s of storm", flush=True)
    return run_through(spec)


def publish(outcome: Outcome, arguments: argparse.Namespace) -> list[str]:
    """Print and store what came of a storm; returns what is wrong with it."""
    figures = outcome.as_json()
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")
    if arguments.keep:
        document.keep(arguments.keep, outcome)
    print(document.summary(figures, outcome.storm))
    for violation in outcome.storm["violations"][:20]:
        print(f"  {violation['invariant']} {violation['subject']}: {violation['what']}")
    return outcome.complaints()


def publish_trials(trials: Trials, arguments: argparse.Namespace) -> list[str]:
    """Print and store what came of trials alone; returns what is wrong with it."""
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(trials.as_json(), indent=2) + "\n")
    if arguments.keep:
        document.keep_trials(arguments.keep, trials)
    killed = sum(each.end == KILLED for each in trials.mutants.values())
    print(f"crash: {killed} of {len(trials.mutants)} mutants killed")
    return trials.complaints()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as broken:
        print(f"./dev crash: {broken}", file=sys.stderr)
        sys.exit(1)

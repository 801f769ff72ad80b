"""``./dev crash``: the storm, the mutants, the verdict; ``--document`` writes what was measured."""

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from config.devstack import places
from config.devstack.processes import StackError
from crash import document, long
from crash.golden import make_golden
from crash.results import KILLED, SOUND, SURVIVED, Outcome
from crash.spec import Spec
from crash.weather import HARD_WEATHER, WEATHER, shows

MUTANT_SECONDS = 30.0
MUTANTS_AT_ONCE = 2
MUTANT_COMPLETED_MIN = 30
CONTROL_ORDERS_PER_SECOND = 0.5
FAILOVER_SECONDS = 60.0
FAILOVERS_MIN = 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev crash", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=120, help="how long the storm lasts; 0: mutants alone"
    )
    parser.add_argument("--seed", type=int, default=None, help="repeats the same weather")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--mutants", default="all", help="all, none, or names such as F1,F8")
    parser.add_argument("--rate", type=float, default=9.0, help="orders per second")
    parser.add_argument(
        "--long", action="store_true", help="the whole profile of a release; goes on where it ended"
    )
    parser.add_argument(
        "--mild", action="store_true", help="the storm in the weather of --long: more orders end"
    )
    parser.add_argument(
        "--parts", type=int, default=long.PARTS, help="of --long, only so many of its parts"
    )
    parser.add_argument("--keep", metavar="NAME", help="store the result for the documentation")
    parser.add_argument("--document", action="store_true", help="rewrite the table and end")
    return parser.parse_args()


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


def mutant_spec(name: str, *, seed: int, folder: Path, golden: Path) -> Spec:
    """A shorter storm in the weather in which this bug shows, ended at its first violation."""
    weather = WEATHER.get(name, HARD_WEATHER)
    spec = Spec(
        seed=seed,
        seconds=MUTANT_SECONDS,
        folder=str(folder),
        golden=str(golden),
        mutant="" if name == SOUND else name,
        chance=weather.chance,
        failpoints=False,
        mishaps=False,
        shows=list(weather.shows) if name != SOUND else [],
        completed_min=MUTANT_COMPLETED_MIN,
        stop_at_violation=True,
        drain_seconds=150,
        jam_seconds=45 if name == SOUND else 20,
        ends_below_finality=False,
    )
    spec.rates |= {"kill_one": 0.1, "stop_one": 0.05, **weather.rates}
    return spec


def run_spec(spec: Spec) -> "subprocess.Popen[bytes]":
    """Start a campaign in a process of its own."""
    folder = places.own_folder(Path(spec.folder))
    path = folder / "spec.json"
    path.write_text(json.dumps(asdict(spec)))
    quiet = (folder / "campaign.log").open("wb") if spec.stop_at_violation else None
    command = [sys.executable, "-m", "crash.campaign", str(path)]
    return subprocess.Popen(command, cwd=places.CHECKOUT, stdout=quiet, stderr=quiet)


def run_through(spec: Spec) -> dict[str, Any]:
    """A campaign from its start to its result. Raises StackError when it left none."""
    run_spec(spec).wait()
    return result_of(spec)


def result_of(spec: Spec) -> dict[str, Any]:
    """What the campaign left behind. Raises StackError when it left nothing."""
    path = Path(spec.folder) / "result.json"
    if not path.exists():
        raise StackError(f"the campaign in {spec.folder} ended without a result")
    result: dict[str, Any] = json.loads(path.read_text())
    return result


def run_mutants(
    names: list[str], *, seed: int, folder: Path, golden: Path, keeps: bool = False
) -> dict[str, str]:
    """Each mutant through its storm, two at once; name -> killed or survived.

    The sound pipeline goes first, under the name of SOUND: it must survive what kills the others.
    """
    running: list[tuple[Spec, subprocess.Popen[bytes]]] = []
    ends = kept_ends(names, seed) if keeps else {}
    waiting = [
        mutant_spec(name, seed=seed, folder=folder / name.lower(), golden=golden)
        for name in [SOUND, *names]
        if name not in ends
    ]
    while waiting or running:
        while waiting and len(running) < MUTANTS_AT_ONCE:
            spec = waiting.pop(0)
            running.append((spec, run_spec(spec)))
        time.sleep(0.5)
        for pair in [pair for pair in running if pair[1].poll() is not None]:
            running.remove(pair)
            name = pair[0].mutant or SOUND
            ends[name] = _judge_mutant(pair[0])
            if keeps:
                long.kept_mutant(seed, name).write_text(json.dumps(ends[name]))
    return ends


def kept_ends(names: list[str], seed: int) -> dict[str, str]:
    """What an earlier, interrupted run found out about the mutants."""
    kept = {name: long.kept_mutant(seed, name) for name in [SOUND, *names]}
    return {name: json.loads(path.read_text()) for name, path in kept.items() if path.exists()}


def _judge_mutant(spec: Spec) -> str:
    result = result_of(spec)
    found = sorted({each["invariant"] for each in result["violations"]})
    # Killed by what it does: work that only did not end in time says nothing about it.
    is_shown = any(shows(each, spec.shows) for each in result["violations"])
    end = KILLED if is_shown else SURVIVED
    print(f"  mutant {spec.mutant or SOUND}: {end} {' '.join(found)}", flush=True)
    return end


def main() -> int:
    """Run what was asked for; 0 when nothing is wrong."""
    arguments = _arguments()
    if arguments.document:
        document.write()
        return 0
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    names = {"all": list(WEATHER), "none": []}.get(arguments.mutants, arguments.mutants.split(","))
    unknown = set(names) - set(WEATHER)
    if unknown:
        raise StackError(f"no mutant is called {', '.join(sorted(unknown))}")
    folder = places.session_folder("crash")
    print(f"crash: seed {seed}, {arguments.seconds:.0f} s of storm; logs in {folder}", flush=True)
    golden = make_golden(folder)
    if not arguments.seconds:
        return mutants_alone(names, seed=seed, folder=folder, golden=golden, keep=arguments.keep)
    spec = storm_spec(
        seconds=arguments.seconds,
        seed=seed,
        rate=arguments.rate,
        folder=folder / "storm",
        golden=golden,
    )
    if arguments.mild:
        spec = replace(long.milder(spec), drain_seconds=420, jam_seconds=90)
    storm = (
        long.run_parts(spec, run_through, count=arguments.parts)
        if arguments.long
        else run_through(spec)
    )
    mutants = (
        run_mutants(names, seed=seed, folder=folder, golden=golden, keeps=arguments.long)
        if names
        else {}
    )
    sound = mutants.pop(SOUND, SURVIVED)
    ordered = {name: mutants[name] for name in names}
    return publish(Outcome(storm, ordered, is_sound=sound == SURVIVED), arguments, folder)


def mutants_alone(
    names: list[str], *, seed: int, folder: Path, golden: Path, keep: str | None
) -> int:
    """No storm of its own: only the sound pipeline and the mutants, each in its weather."""
    ends = run_mutants(names, seed=seed, folder=folder, golden=golden)
    if keep:
        document.keep_mutants(keep, ends, seed=seed)
    is_sound = ends.pop(SOUND) == SURVIVED
    survivors = [name for name, end in ends.items() if end == SURVIVED]
    print(f"crash: {len(ends) - len(survivors)} of {len(ends)} mutants killed")
    return 0 if is_sound and not survivors else 1


def publish(outcome: Outcome, arguments: argparse.Namespace, folder: Path) -> int:
    """Print, store, and judge."""
    figures = outcome.as_json()
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")
    if arguments.keep:
        document.keep(arguments.keep, figures, outcome.storm)
    print(document.summary(figures, outcome.storm))
    for violation in outcome.storm["violations"][:20]:
        print(f"  {violation['invariant']} {violation['subject']}: {violation['what']}")
    complaints = outcome.complaints()
    for complaint in complaints:
        print(f"FAILED: {complaint}")
    if not complaints:
        shutil.rmtree(folder, ignore_errors=True)
        print("crash: held")
    return 1 if complaints else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as broken:
        print(f"./dev crash: {broken}", file=sys.stderr)
        sys.exit(1)

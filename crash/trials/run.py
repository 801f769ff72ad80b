"""Trials on servers of their own, for ``./dev crash``: ``run_trials`` holds them, two at once.

Run as ``python -m crash.trials.run SPEC``, one process per trial, so that nothing of one reaches
another; ``result.json`` in the spec's folder is what was heard.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from config.devstack import places
from config.devstack.processes import StackError
from crash.ground import Ground
from crash.results import KILLED, SOUND, SURVIVED, Ending, Trials
from crash.servers import Cluster

# Every mutant of the failure catalogue; this module is read before Django can be set up.
NAMES = tuple(f"F{number}" for number in range(1, 15))
AT_ONCE = 2
POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """One trial to be held: its events, who meets them (nobody: the sound pipeline), and where."""

    name: str
    mutant: str
    folder: str
    golden: str


def run_trials(names: Sequence[str], *, folder: Path, golden: Path) -> Trials:
    """Each mutant through its trial, and the sound pipeline through all of them.

    ``golden`` is the migrated database that each starts from. Raises StackError when a trial ended
    without a word.
    """
    waiting = [
        Hearing(name=name, mutant=mutant, folder=str(folder / called), golden=str(golden))
        for name in names
        for mutant, called in ((name, f"trial-{name.lower()}"), ("", f"trial-{name.lower()}-sound"))
    ]
    running: list[tuple[Hearing, subprocess.Popen[bytes]]] = []
    ended: list[tuple[Hearing, Ending]] = []
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                running.append((waiting[0], _start(waiting.pop(0))))
            time.sleep(POLL_SECONDS)
            for pair in [pair for pair in running if pair[1].poll() is not None]:
                running.remove(pair)
                ended.append((pair[0], _end(pair[0])))
    finally:
        # One that left no word ends them all, but none goes on behind its back.
        for _, process in running:
            process.wait()
    return _together(ended, names)


def _together(ended: Sequence[tuple[Hearing, Ending]], names: Sequence[str]) -> Trials:
    """The mutants in the order they were named in; the sound pipeline must survive every trial."""
    mutants = {hearing.mutant: end for hearing, end in ended if hearing.mutant}
    fallen = [end for hearing, end in ended if not hearing.mutant and end.end == KILLED]
    sound = fallen[0] if fallen else Ending(SURVIVED)
    return Trials({name: mutants[name] for name in names}, sound)


def _start(hearing: Hearing) -> "subprocess.Popen[bytes]":
    folder = places.own_folder(Path(hearing.folder))
    spec = folder / "spec.json"
    spec.write_text(json.dumps(asdict(hearing)))
    with (folder / "trial.log").open("wb") as log:
        command = [sys.executable, "-m", "crash.trials.run", str(spec)]
        return subprocess.Popen(command, cwd=places.CHECKOUT, stdout=log, stderr=log)


def _end(hearing: Hearing) -> Ending:
    path = Path(hearing.folder) / "result.json"
    if not path.exists():
        raise StackError(f"the trial in {hearing.folder} ended without a word")
    heard: dict[str, Any] = json.loads(path.read_text())
    named = heard["names"] if hearing.mutant else heard["found"]
    # What follows the colon are addresses and hashes; the whole of it stays in the folder.
    said = [f"{each['invariant']} {each['what'].partition(':')[0]}" for each in named]
    fell: list[str] = heard["accidents"]
    if hearing.mutant and fell:
        # Whatever was found may have come of that: the judge has not seen the bug itself.
        ending = Ending(SURVIVED, f"it only fell over: {fell[0]}")
    else:
        # Of the sound pipeline nothing may be found at all, nor may it have fallen over.
        said += fell
        ending = Ending(KILLED, said[0]) if said else Ending(SURVIVED)
    who = hearing.mutant or f"{SOUND} in the trial of {hearing.name}"
    print(f"  {who}: {ending.end} {ending.finding} ({heard['seconds']} s)", flush=True)
    return ending


def _hold(hearing: Hearing) -> None:
    folder = Path(hearing.folder)
    ground = Ground(folder, Cluster(folder))
    try:
        ground.start(Path(hearing.golden))
        import django  # noqa: PLC0415 - the settings read the environment made above

        django.setup()
        from crash.trials.hearing import hold  # noqa: PLC0415 - as above
        from crash.trials.trial import Place  # noqa: PLC0415 - as above
        from tests.issuance.stage import build  # noqa: PLC0415 - as above

        place = Place(
            stage=build(ground.chain).ready(),
            folder=folder,
            database_url=ground.cluster.url,
            redis_url=ground.redis.url,
        )
        began = time.monotonic()
        heard = hold(hearing.name, place=place, mutant=hearing.mutant)
        seconds = round(time.monotonic() - began, 1)
        (folder / "result.json").write_text(json.dumps(asdict(heard) | {"seconds": seconds}))
    finally:
        ground.stop()
        ground.remove()


if __name__ == "__main__":
    _hold(Hearing(**json.loads(Path(sys.argv[1]).read_text())))

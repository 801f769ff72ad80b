"""Named places where a test may end the process; without the test's doing they do nothing.

``SHAREMINT_FAILPOINT=name:n`` sends SIGKILL to the process at the n-th pass of ``name``, several
are separated by commas; a test that forks its workers calls ``arm`` instead.
``SHAREMINT_FAILPOINT_LOG=path`` appends the name of every point passed, so that a campaign knows
where a process died and can fail on a point it never reached.
"""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class _Trap:
    """What is armed in this process: each point with the passes it still lets through."""

    passes_left: dict[str, int]
    log: str


def _from_environment() -> _Trap:
    armed = {}
    for each in os.environ.get("SHAREMINT_FAILPOINT", "").split(","):
        name, _, nth = each.partition(":")
        if name:
            armed[name] = int(nth or 1)
    return _Trap(armed, os.environ.get("SHAREMINT_FAILPOINT_LOG", ""))


_trap = _from_environment()


def failpoint(name: str) -> None:
    """Pass a named place; only a test that armed it will ever notice."""
    if not _trap.passes_left and not _trap.log:
        return
    if _trap.log:
        with Path(_trap.log).open("a") as log:
            log.write(f"{name}\n")
    if name in _trap.passes_left:
        _trap.passes_left[name] -= 1
        if _trap.passes_left[name] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(name: str, *, nth: int = 1, log: str = "") -> None:
    """Kill this process at the n-th pass of ``name`` from now on; an empty name disarms."""
    arm_many({name: nth} if name else {}, log=log)


def arm_many(points: Mapping[str, int], *, log: str = "") -> None:
    """Kill this process at the pass of any of ``points`` whose number comes first."""
    _trap.passes_left, _trap.log = dict(points), log

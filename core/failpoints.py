"""Named places where a test may end the process; without the test's doing they do nothing.

``SHAREMINT_FAILPOINT=name:n`` sends SIGKILL to the process at the n-th pass of ``name``; a test
that forks its workers calls ``arm`` instead. ``SHAREMINT_FAILPOINT_LOG=path`` appends the name of
every point passed, so that a campaign can fail on a point it never reached.
"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class _Trap:
    """What is armed in this process."""

    name: str
    passes_left: int
    log: str


def _from_environment() -> _Trap:
    name, _, nth = os.environ.get("SHAREMINT_FAILPOINT", "").partition(":")
    return _Trap(name, int(nth or 1), os.environ.get("SHAREMINT_FAILPOINT_LOG", ""))


_trap = _from_environment()


def failpoint(name: str) -> None:
    """Pass a named place; only a test that armed it will ever notice."""
    if not _trap.name and not _trap.log:
        return
    if _trap.log:
        with Path(_trap.log).open("a") as log:
            log.write(f"{name}\n")
    if name == _trap.name:
        _trap.passes_left -= 1
        if _trap.passes_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(name: str, *, nth: int = 1, log: str = "") -> None:
    """Kill this process at the n-th pass of ``name`` from now on; an empty name disarms."""
    _trap.name, _trap.passes_left, _trap.log = name, nth, log

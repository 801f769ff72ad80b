"""Named places where a test may end the process; without the test's variables they do nothing.

``SHAREMINT_FAILPOINT=name:n`` sends SIGKILL to the process at the n-th pass of ``name``.
``SHAREMINT_FAILPOINT_LOG=path`` appends the name of every point passed, so that a campaign can
fail on a point it never reached.
"""

import os
import signal
from pathlib import Path

_ARMED, _, _NTH = os.environ.get("SHAREMINT_FAILPOINT", "").partition(":")
_LOG = os.environ.get("SHAREMINT_FAILPOINT_LOG", "")
_passes: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Pass a named place; only a test that armed it will ever notice."""
    if not _ARMED and not _LOG:
        return
    if _LOG:
        with Path(_LOG).open("a") as log:
            log.write(f"{name}\n")
    if name == _ARMED:
        _passes[name] = _passes.get(name, 0) + 1
        if _passes[name] == int(_NTH or 1):
            os.kill(os.getpid(), signal.SIGKILL)

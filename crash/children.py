"""Forked children: of a campaign, of its workers, of a trial."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from config.devstack.processes import _tied_to_parent


def fork(run: Callable[[], object], log_path: Path | None = None) -> int:
    """Run a function in a child that dies with us and never returns; returns its pid.

    What it prints, the reason of its end among it, goes to the file, where one is named.
    """
    from django.db import connections  # noqa: PLC0415 - needs the settings

    connections.close_all()
    tie = _tied_to_parent(signal.SIGKILL)
    pid = os.fork()
    if pid == 0:
        try:
            if tie is not None:
                tie()
            if log_path is not None:
                log = log_path.open("a", buffering=1)
                os.dup2(log.fileno(), sys.stdout.fileno())
                os.dup2(log.fileno(), sys.stderr.fileno())
            run()
        except BaseException:  # noqa: BLE001 - the child must never return into its parent
            traceback.print_exc()
        finally:
            os._exit(1)
    return pid


def is_alive(pid: int) -> bool:
    """Whether our child lives; 0 is nobody."""
    if not pid:
        return False
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return False


def end(pid: int) -> None:
    """SIGKILL our child, if it lives."""
    if is_alive(pid):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

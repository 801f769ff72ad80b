"""Forked children of a campaign that are not workers."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from config.devstack.processes import _tied_to_parent


def fork(run: Callable[[], None], log_path: Path) -> int:
    """Run a function in a child that logs to a file and dies with us; returns its pid."""
    from django.db import connections  # noqa: PLC0415 - needs the settings

    connections.close_all()
    tie = _tied_to_parent(signal.SIGKILL)
    pid = os.fork()
    if pid == 0:
        try:
            if tie is not None:
                tie()
            log = log_path.open("a", buffering=1)
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            run()
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

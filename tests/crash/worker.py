"""Workers under the knife: forked processes with their own database connection."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from django.db import connections
from django.utils import timezone

from core import failpoints
from issuance.models import ChainTransaction, Holder, Order, Trouble
from issuance.pipeline import assign
from issuance.pipeline.walls import FAULT
from issuance.states import ChainTransactionKind, OrderStatus, OrderType
from tests.issuance.stage import Stage

ROUNDS_MAX = 40


def run(
    stage: Stage,
    done: Callable[[], bool],
    *,
    kill_at: str = "",
    mined: int = 1,
    trail: Path | None = None,
) -> int:
    """Run the pipeline in a process of its own until ``done``; returns how it ended.

    Each round ends with ``mined`` blocks. The result is minus the signal, 0 when done, 1 when it
    gave up or failed. ``trail`` gets the name of every failpoint passed.
    """
    return wait(start(stage, done, kill_at=kill_at, mined=mined, trail=trail))


def start(
    stage: Stage,
    done: Callable[[], bool],
    *,
    kill_at: str = "",
    mined: int = 1,
    fast: bool = False,
    trail: Path | None = None,
) -> int:
    """Fork a worker and return its pid; ``fast`` ones take small batches and meet more often."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        if fast:
            assign._DUE[ChainTransactionKind.MINT] = (OrderType.MINT, OrderStatus.QUEUED, 2)
        failpoints.arm(kill_at, log=str(trail or ""))
        _work(stage, done, mined)
    return pid


def wait(pid: int) -> int:
    """How the worker ended."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def was_killed(code: int) -> bool:
    return code == -signal.SIGKILL


def expire_leases() -> None:
    """As if the dead worker's leases had run out."""
    past = timezone.now()
    for model in (Order, ChainTransaction, Holder):
        model.objects.filter(leased_until__isnull=False).update(leased_until=past)


def _work(stage: Stage, done: Callable[[], bool], mined: int) -> None:
    code = 1
    try:
        for _ in range(ROUNDS_MAX):
            stage.tick(blocks=mined)
            faults = Trouble.objects.filter(code=FAULT)
            # Held back by a wall, so that the work went on; no less a fault.
            assert not faults.exists(), [str(each) for each in faults]
            if done():
                code = 0
                break
            stage.hurry()
    except BaseException:  # noqa: BLE001 - the child must never return into the test run
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)

"""A worker process that takes one turn of every task whenever it is told to.

It is the mutant or the sound pipeline for as long as it lives, and nobody else is. Time passes by
what it is told; it never sleeps.
"""

import gc
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import SimpleNamespace

from django.db import connections
from django.utils import timezone

from config.devstack.processes import StackError
from core import failpoints
from crash import children, mutants
from crash.worker import Post, world_of
from issuance.pipeline import advance, assign, check, follow, holders, moves, recover, reserves
from issuance.pipeline.world import World

# With this the mutants' dice fall so that each of them shows at once.
SEED = 1
PATIENCE_SECONDS = 60
HELD, GO_ON = "held", "go on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn: how far the clock is ahead, and the failpoint, if any, that it dies or is held at."""

    ahead: timedelta
    point: str = ""
    is_held: bool = False


class Worker:
    """The one who tells the process what to do."""

    def __init__(self, post: Post) -> None:
        self._line, theirs = Pipe()

        def run() -> None:
            self._line.close()
            _work(post, theirs)

        self._pid = children.fork(run, post.log_path)
        theirs.close()

    def take(self, turn: Turn) -> object:
        """Let it take a turn; returns HELD, the names of tasks that raised, or how it ended (a number)."""
        self._line.send(turn)
        return self._hear()

    def go_on(self) -> object:
        """Let one that is held go on; returns as ``take`` does."""
        self._line.send(GO_ON)
        return self._hear()

    def end(self) -> None:
        """SIGKILL, unless it has ended already."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            self._bury()

    def _hear(self) -> object:
        if not self._line.poll(PATIENCE_SECONDS):
            raise StackError(f"a worker has said nothing for {PATIENCE_SECONDS} s")
        try:
            return self._line.recv()
        except EOFError:
            return self._bury()

    def _bury(self) -> int:
        self._line.close()
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status)


def _work(post: Post, line: "Connection[object, object]") -> None:
    gc.freeze()
    mutants.become(post.mutant, post, seed=SEED)
    world = world_of(post, is_fickle=False)
    while True:
        turn = line.recv()
        assert isinstance(turn, Turn)
        fate = partial(_be_held, line) if turn.is_held else os.kill
        meets = SimpleNamespace(kill=fate, getpid=os.getpid)
        failpoints.os = meets  # type: ignore[assignment, attr-defined]  # in this process only
        failpoints.arm(turn.point)
        line.send(_take(world, partial(_moment, turn.ahead)))


def _be_held(line: "Connection[object, object]", *_: object) -> None:
    line.send(HELD)
    line.recv()


def _moment(ahead: timedelta) -> datetime:
    return timezone.now() + ahead


def _take(world: World, clock: Callable[[], datetime]) -> list[str]:
    return [name for name, task in _tasks(world, clock) if _raises(task)]


def _tasks(
    world: World, clock: Callable[[], datetime]
) -> Sequence[tuple[str, Callable[[], object]]]:
    return [
        ("recover", lambda: recover.recover_due(world=world, now=clock())),
        ("register", lambda: holders.register_due(world=world, now=clock())),
        ("attest", lambda: reserves.request_due(world=world, now=clock())),
        ("assign", lambda: assign.assign_due(world=world, clock=clock)),
        ("advance", lambda: advance.advance_due(world=world, clock=clock)),
        ("follow", lambda: follow.follow_all(world=world, now=clock())),
        ("check", lambda: check.check_due(world=world, now=clock())),
        ("move", lambda: moves.conclude_due(now=clock())),
    ]


def _raises(task: Callable[[], object]) -> bool:
    """As the pump does: whatever happens, the rows stay due and the next task goes on."""
    try:
        task()
    except Exception:  # noqa: BLE001 - as above
        traceback.print_exc()
        connections.close_all()
        return True
    return False

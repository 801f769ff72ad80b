"""Worker processes of the chain benchmark: the product's own task functions, again and again.

Each role is a process or two, as Celery workers or ``manage.py pump`` would run it; a pause takes
the place of beat's clock and the doorbell.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.chain_stage import hush
from config.devstack import places
from core import heap

# Seconds between two runs of one task: assignment and tracking are rung for, following is beat's.
PAUSES = {"assign": 0.05, "advance": 0.1, "follow": 0.5}
STOP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Crew:
    """The worker processes of one part."""

    children: Sequence[subprocess.Popen[bytes]]

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self.children]

    def require_alive(self) -> None:
        """Raises RuntimeError when one has ended: the part would wait for it in vain."""
        died = [child.args for child in self.children if child.poll() is not None]
        if died:
            raise RuntimeError(f"a worker ended by itself: {died}")


@contextmanager
def workers(*, assigners: int = 1, **settings: str) -> Iterator[Crew]:
    """Run every role until the block ends. ``settings`` are environment.

    Of two ``assigners`` one claims, simulates, signs or sends while the other numbers.
    """
    roles = ["assign"] * assigners + ["advance", "follow"]
    env = os.environ | settings
    command = [sys.executable, "-m", "bench.chain_workers"]
    children = [subprocess.Popen([*command, role], cwd=places.CHECKOUT, env=env) for role in roles]
    crew = Crew(children)
    try:
        yield crew
        crew.require_alive()
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(timeout=STOP_SECONDS)


def _tasks() -> dict[str, Callable[[], None]]:
    from issuance import tasks  # noqa: PLC0415 - needs django.setup()

    return {
        "assign": tasks.assign_transactions,
        "advance": tasks.advance_transactions,
        "follow": tasks.follow_chains,
    }


def main() -> None:
    import django  # noqa: PLC0415 - only a worker needs it

    django.setup()
    hush()
    # The benchmark says by itself what happened; a line per batch would be measured with it.
    import structlog  # noqa: PLC0415 - as above

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    role = sys.argv[1]
    task, stopping = _tasks()[role], threading.Event()
    # As config.celery has it of every worker.
    heap.settle()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while not stopping.is_set():
        task()
        stopping.wait(PAUSES[role])


if __name__ == "__main__":
    main()

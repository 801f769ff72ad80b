"""Failovers to an asynchronous standby: each loses what the primary committed after the cut."""

import fcntl
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crash.operator import Operator
from crash.servers import Cluster
from crash.spec import Spec

CUT_SECONDS = (0.5, 1.8)
CUT_SECONDS_MAX = 6.0
NAP = 0.02


@dataclass(kw_only=True)
class Failovers:
    """When the next one is due, and what they have lost so far."""

    spec: Spec
    cluster: Cluster
    operator: Operator
    dice: random.Random
    tend: Callable[[], None]
    log: Callable[[str], None]
    count: int = 0
    lost_commits: int = 0
    lost_rows: int = 0
    _ended_at: float = field(default_factory=time.monotonic)
    _completed_before: int = 0

    def begin(self) -> None:
        """Begin the first standby, where there shall be failovers at all."""
        if self.spec.failover_every:
            self.cluster.begin_standby()

    def are_due(self) -> bool:
        """Whether time and work have passed since the last one, and a standby streams.

        Without work the one before is not recovered from, and there are no commits to lose.
        """
        elapsed = time.monotonic() - self._ended_at
        if not self.spec.failover_every or elapsed < self.spec.failover_every:
            return False
        worked = self.operator.completed - self._completed_before
        return worked >= self.spec.failover_after and self.cluster.standby_is_ready()

    def happen(self) -> None:
        """Accepted orders are on the standby before the cut; what follows the cut is lost."""
        cluster = self.cluster
        folder = Path(self.spec.folder)
        with (folder / "gate").open("a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            cluster.await_standby()
            (folder / "failovers").touch()
            cluster.cut()
            cut_at, least = time.monotonic(), self.dice.uniform(*CUT_SECONDS)
            while not self._is_long_enough(time.monotonic() - cut_at, least):
                self.tend()
                time.sleep(NAP)
            lost = cluster.fail_over()
            self.operator.forget_connection()
            fcntl.flock(gate, fcntl.LOCK_UN)
        self.count += 1
        self.lost_commits += lost.lost_events > 0
        self.lost_rows += lost.lost_events + lost.lost_attempts
        self.log(f"failover: lost {lost.lost_events} events, {lost.lost_attempts} attempts")
        self.operator.progress()
        self._completed_before = self.operator.completed
        self._ended_at = time.monotonic()
        cluster.begin_standby()

    def _is_long_enough(self, seconds: float, least: float) -> bool:
        """The primary shall commit what nobody else has, but not be waited for without end."""
        if seconds < least:
            return False
        return seconds > CUT_SECONDS_MAX or self.cluster.is_ahead()

"""What the processes of the chain benchmark cost: CPU seconds, read from the kernel's own counters."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SPENT, _SPENT_BY_CHILDREN = slice(11, 13), slice(13, 15)  # of what follows the name in stat


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds, in user and system mode together, since each process began."""

    workers: float = 0.0
    postgres: float = 0.0
    node: float = 0.0

    def since(self, before: "Spent") -> "Spent":
        return Spent(
            self.workers - before.workers,
            self.postgres - before.postgres,
            self.node - before.node,
        )

    @property
    def total(self) -> float:
        return self.workers + self.postgres + self.node

    def per(self, mints: int) -> str:
        """Milliseconds for one mint, by process, and what the cores could do at most at that price."""
        count, cores = max(mints, 1), os.cpu_count() or 1
        most = cores * count / self.total if self.total else 0.0
        return (
            f"CPU for one mint: workers {1000 * self.workers / count:.2f} ms,"
            f" PostgreSQL {1000 * self.postgres / count:.2f} ms,"
            f" node {1000 * self.node / count:.2f} ms,"
            f" together {1000 * self.total / count:.2f} ms:"
            f" {cores} cores could do {most:,.0f}/s and nothing else"
        )


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads the same processes again and again."""

    postgres_pid: int
    node_pid: int

    def read(self, workers: Sequence[int]) -> Spent:
        return Spent(
            sum(_own(pid) for pid in workers),
            # A backend that has ended is counted by the postmaster that has reaped it.
            _own(self.postgres_pid) + _reaped(self.postgres_pid)
            + sum(_own(pid) for pid in _children(self.postgres_pid)),
            _own(self.node_pid),
        )  # fmt: skip


def _own(pid: int) -> float:
    return _seconds(pid, _SPENT)


def _reaped(pid: int) -> float:
    return _seconds(pid, _SPENT_BY_CHILDREN)


def _seconds(pid: int, fields: slice) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0  # it has ended, or this is no Linux
    return sum(int(each) for each in stat.rpartition(")")[2].split()[fields]) / _TICKS


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []

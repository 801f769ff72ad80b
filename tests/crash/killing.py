"""Killers of workers: the kernel and the worker's own trail must agree on where it died."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tests.crash import worker
from tests.crash.matrix import DIED_AT
from tests.issuance.stage import Stage

_Point = TypeVar("_Point")


class Killer:
    """Sends workers into the work, one after the other, and tells the matrix of each that died."""

    def __init__(self, record: Callable[[str, object], None], folder: Path) -> None:
        """``record`` puts a property on the report of the test."""
        self._record = record
        self._folder = folder
        self._killed = 0

    def kill(self, stage: Stage, done: Callable[[], bool], *, at: str, mined: int = 1) -> None:
        """One worker dies at the point; anything else fails the test, and the next may take over."""
        self._killed += 1
        trail = self._folder / f"trail-{self._killed}"
        trail.touch()
        code = worker.run(stage, done, kill_at=at, mined=mined, trail=trail)
        assert worker.was_killed(code), f"{at} was never reached: {code}"
        assert trail.read_text().split()[-1] == at
        self._record(DIED_AT, at)
        worker.expire_leases()

    def one_life(
        self, stage: Stage, done: Callable[[], bool], *, at: Sequence[str], mined: int = 1
    ) -> None:
        """One worker after the other dies, each at the next point, and the last one ends the work."""
        for point in at:
            self.kill(stage, done, at=point, mined=mined)
        assert worker.run(stage, done) == 0, f"after kills at {at} the work was not finished"


def dealt(points: Sequence[_Point], *, lives: int) -> list[Sequence[_Point]]:
    """The points, which are in the order of the way, dealt out to so many lives of one order each.

    The points of one life lie far from each other, so that each worker has come some way.
    """
    return [points[first::lives] for first in range(lives)]


def twice(points: Sequence[str], *, lives: int) -> list[Sequence[str]]:
    """Every point in two lives, each time between other points than before."""
    return [*dealt(points, lives=lives), *dealt(points, lives=lives + 1)]

"""Everything that can happen to a campaign from outside, by name, and what each failpoint needs."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from crash import children
from crash.chaos import ChainChaos
from crash.crew import Crew
from crash.ground import ENDPOINTS, Ground
from crash.spec import Spec

CONTROL_KILL_SHARE = 0.3
SPLIT_SECONDS = (0.8, 4.0)
SPLIT_BLOCKS_MAX = 3
# Of divided networks, so many put most of our endpoints on the wrong side.
MAJORITY_SHARE = 0.15
# How the failpoints begin that are passed only when something happens, and what that is.
NEEDS: dict[str, tuple[str, ...]] = {
    "bump": ("rest",),
    "gone": ("steal",),
    "dead": ("steal",),
    "check": ("steal", "haunt"),
    "recover": ("haunt",),
    "reorg": ("reorganise",),
    "blocks": ("reorganise",),
}
# So long apart at least: without blocks that stay, or in one recovery after the other, nothing
# else happens.
APART_SECONDS = {"rest": 12.0, "haunt": 100.0, "steal": 8.0, "reorganise": 0.8}
HASTE = 4.0
# Events are hurried until a point has been died at so often; more of them would end all work.
HASTE_HITS = 1
DEFAULT_RATE = 0.05


@dataclass
class Happenings:
    """Draws what happens, and hurries what the lagging failpoints wait for."""

    spec: Spec
    ground: Ground
    chaos: ChainChaos
    crew: Crew
    dice: random.Random
    attempt: Callable[[Callable[[], None]], None]
    counts: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    control_pid: int = 0
    apart_until: float = 0.0
    _happened_at: dict[str, float] = field(default_factory=dict)

    def draw(self, elapsed: float) -> None:
        """Each kind of event has its chance in the time that has passed."""
        unseen = [point for point in self.crew.lagging() if self.crew.hits[point] < HASTE_HITS]
        wanted = needed(unseen)
        for name, happen in self._events().items():
            rate = self.spec.rates.get(name, 0.0)
            if name in wanted:
                rate = max(rate, DEFAULT_RATE) * HASTE if rate else 0.0
            if self.dice.random() < rate * elapsed and self._is_due(name):
                self.counts[name] += 1
                happen()

    def _is_due(self, name: str) -> bool:
        last, now = self._happened_at.get(name), time.monotonic()
        if last is not None and now - last < APART_SECONDS.get(name, 0.0):
            return False
        self._happened_at[name] = now
        return True

    def _events(self) -> dict[str, Callable[[], None]]:
        chaos, attempt = self.chaos, self.attempt
        return {
            "kill_one": self._kill,
            "stop_one": self.crew.stop_one,
            "flushall": self.ground.flushall,
            "kill_redis": self.ground.kill_redis,
            "crash_database": self._crash_database,
            "rest": chaos.rest,
            "stall": self.ground.stall,
            "split": lambda: attempt(self._split),
            "drop": lambda: chaos.wish("drop"),
            "steal": lambda: chaos.wish("steal"),
            "revert_for_a_moment": lambda: chaos.wish("revert_for_a_moment"),
            "reorganise": lambda: attempt(chaos.reorganise),
            "haunt": lambda: attempt(chaos.haunt),
            "spike": lambda: attempt(chaos.spike),
        }

    def mine_apart(self) -> None:
        """While the network is divided, the other side makes blocks as well."""
        if time.monotonic() < self.apart_until:
            self.ground.fork.rpc("evm_mine")

    def _kill(self) -> None:
        self.crew.kill_one()
        if self.dice.random() < CONTROL_KILL_SHARE:
            children.end(self.control_pid)
            self.control_pid = 0

    def _crash_database(self) -> None:
        if self.ground.cluster.is_copying():
            self.counts["crash_database"] -= 1  # a base backup would not survive it
            return
        self.ground.cluster.crash()

    def _split(self) -> None:
        """One endpoint sees another fork, at times most of them do."""
        if time.monotonic() < self.apart_until:
            return
        is_most = self.dice.random() < MAJORITY_SHARE
        far = self.dice.sample(range(ENDPOINTS), ENDPOINTS // 2 + 1 if is_most else 1)
        seconds = self.dice.uniform(*SPLIT_SECONDS)
        self.ground.split(far, seconds, blocks=self.dice.randint(0, SPLIT_BLOCKS_MAX))
        self.apart_until = time.monotonic() + seconds
        self.splits["majority" if is_most else "minority"] += 1


def needed(points: Iterable[str]) -> set[str]:
    """The events that the failpoints of these names wait for."""
    return {event for point in points for event in NEEDS.get(point.split(".")[0], ())}

"""The workers as a crew: each with a failpoint to die at, replaced as soon as it is dead."""

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.devstack.places import CHECKOUT
from crash import worker
from crash.worker import Post

ARMED_PERCENT = 80
# Points that are passed all the time: a worker that died at the first pass would do no work.
OFTEN = frozenset(
    {"advance.claimed", "assign.claimed", "follow.read", "observe.seen", "register.wanted"}
)
NTH_MAX_OFTEN = 15
NTH_MAX = 3
# What happens seldom is waited for by nearly everybody, or it would never be interrupted.
SELDOM = frozenset(
    {
        "attest.answered",
        "attest.committed",
        "attest.recorded",
        "bump.committed",
        "check.asked",
        "check.finished",
        "check.requeued",
        "dead.committed",
        "gone.recorded",
        "register.committed",
        "reorg.before_record",
        "reorg.record.precommit",
        "reorg.recorded",
    }
)
SHIFT_SECONDS = (5.0, 14.0)
STOP_SECONDS = (0.5, 4.0)


def planted() -> list[str]:
    """Every failpoint in the product's code, by name."""
    sources = [path for app in ("issuance", "custody") for path in (CHECKOUT / app).rglob("*.py")]
    found = set()
    for source in sources:
        found |= set(re.findall(r'failpoint\("([a-z_.]+)"\)', source.read_text()))
    return sorted(found)


@dataclass
class _Hand:
    """One living worker."""

    pid: int
    log: Path
    ends_at: float
    sleeps_until: float = 0.0


@dataclass
class Crew:
    """So many workers at once; the kernel's word on how each one ended is what is counted."""

    post: Post
    size: int
    dice: random.Random
    points: Sequence[str]
    kills: int = 0
    stops: int = 0
    accidents: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    armed: bool = True
    _hired: int = 0
    _hands: dict[int, _Hand] = field(default_factory=dict)
    _killed: set[int] = field(default_factory=set)

    def tend(self) -> None:
        """Bury the dead, wake sleepers, end long shifts, fill the places."""
        self._bury()
        now = time.monotonic()
        for hand in list(self._hands.values()):
            if hand.sleeps_until and now > hand.sleeps_until:
                self._signal(hand, signal.SIGCONT)
                hand.sleeps_until = 0.0
            if self.armed and now > hand.ends_at:
                self._kill(hand)
        while len(self._hands) < self.size:
            self._hire()

    def kill_one(self) -> None:
        """SIGKILL somebody, wherever he is."""
        if self._hands:
            self._kill(self.dice.choice(list(self._hands.values())))

    def stop_one(self) -> None:
        """SIGSTOP somebody for a while: longer than his lease, at times."""
        awake = [hand for hand in self._hands.values() if not hand.sleeps_until]
        if len(awake) > 1:
            hand = self.dice.choice(awake)
            hand.sleeps_until = time.monotonic() + self.dice.uniform(*STOP_SECONDS)
            self._signal(hand, signal.SIGSTOP)
            self.stops += 1

    def disarm(self) -> None:
        """From here nobody dies; those with a point to die at are replaced."""
        self.armed = False
        self.dismiss()

    def dismiss(self) -> None:
        """End everybody; not counted."""
        for hand in self._hands.values():
            self._signal(hand, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(hand.pid, 0)
        self._hands.clear()

    def _hire(self) -> None:
        self._hired += 1
        log = self.post.log_path.with_name(f"passes-{self._hired}")
        log.touch()
        points = self._points() if self.armed else {}
        pid = worker.fork(self.post, points=points, log=log, seed=self.dice.getrandbits(32))
        shift = self.dice.uniform(*SHIFT_SECONDS)
        self._hands[pid] = _Hand(pid, log, time.monotonic() + shift)

    def _points(self) -> dict[str, int]:
        """A common point among those least often died at, and every seldom one that lags behind."""
        if not self.points or self.dice.randrange(100) >= ARMED_PERCENT:
            return {}
        least = min(self.hits[point] for point in self.points)
        common = [point for point in self.points if point not in SELDOM]
        fewest = min((self.hits[point] for point in common), default=0)
        few = [point for point in common if self.hits[point] <= fewest + 1]
        armed = {}
        if few:
            point = self.dice.choice(few)
            most = NTH_MAX_OFTEN if point in OFTEN else NTH_MAX
            armed[point] = self.dice.randint(1, most)
        lagging = [
            point for point in self.points if point in SELDOM and self.hits[point] <= least + 2
        ]
        return armed | dict.fromkeys(lagging, 1)

    def _bury(self) -> None:
        for pid in list(self._hands):
            try:
                done, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                done, status = pid, 0
            if not done:
                continue
            hand = self._hands.pop(pid)
            if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
                self.accidents += 1
                continue
            self.kills += 1
            if pid not in self._killed:
                self._note_death(hand)
            hand.log.unlink(missing_ok=True)

    def _note_death(self, hand: _Hand) -> None:
        """The last point in its log is the one it died at."""
        passed = hand.log.read_text().split()
        if passed:
            self.hits[passed[-1]] += 1

    def _kill(self, hand: _Hand) -> None:
        self._killed.add(hand.pid)
        self._signal(hand, signal.SIGKILL)

    @staticmethod
    def _signal(hand: _Hand, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(hand.pid, number)

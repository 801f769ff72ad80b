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
from crash.mishaps import MARK
from crash.worker import Post

NTH_MAX = 15
STOP_SECONDS = (0.5, 4.0)
SOURCES = ("core", "kyc", "custody", "issuance")


def planted() -> list[str]:
    """Every failpoint in the product's code, by name."""
    sources = [path for app in SOURCES for path in (CHECKOUT / app).rglob("*.py")]
    found = set()
    for source in sources:
        found |= set(re.findall(r'failpoint\(\s*"([a-z_.]+)"', source.read_text()))
    return sorted(found)


@dataclass
class _Hand:
    """One living worker."""

    pid: int
    trail: Path
    ends_at: float
    sleeps_until: float = 0.0


@dataclass
class Crew:
    """So many workers at once; the kernel's word on how each one ended is what is counted."""

    post: Post
    size: int
    dice: random.Random
    points: Sequence[str]
    # How often each point shall have been died at by now; it rises while the storm lasts.
    level: int = 1
    kills: int = 0
    stops: int = 0
    accidents: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    mishaps: Counter[str] = field(default_factory=Counter)
    armed: bool = True
    # So many of a hundred have a point to die at; the others work until somebody kills them.
    armed_percent: int = 85
    shift_seconds: Sequence[float] = (5.0, 14.0)
    _hired: int = 0
    _passes: Counter[str] = field(default_factory=Counter)
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
            self._read_trail(hand, is_ours=True)
        self._hands.clear()

    def lagging(self) -> list[str]:
        """The points that have been died at less often than they should by now."""
        return [point for point in self.points if self.hits[point] < self.level]

    def _hire(self) -> None:
        self._hired += 1
        trail = self.post.log_path.with_name(f"passes-{self._hired}")
        trail.touch()
        points = self._points() if self.armed else {}
        pid = worker.fork(
            self.post,
            points=points,
            trail=trail,
            seed=self.dice.getrandbits(32),
            has_mishaps=self.armed,
        )
        shift = self.dice.uniform(*self.shift_seconds)
        self._hands[pid] = _Hand(pid, trail, time.monotonic() + shift)

    def _points(self) -> dict[str, int]:
        """What lags behind: one point that everybody passes, and the least lucky of the others.

        When none lags, one of those died at least often. Not all that lag: who is to die at the
        first of three points that follow each other never comes to the last.
        """
        if not self.points or self.dice.randrange(100) >= self.armed_percent:
            return {}
        lagging = self.lagging()
        if not lagging:
            fewest = min(self.hits[point] for point in self.points)
            lagging = [self.dice.choice([p for p in self.points if self.hits[p] == fewest])]
        # Those that everybody passes would keep the others from being reached at all.
        common = [point for point in lagging if self._passes_of_a_shift(point) >= 1]
        seldom = [point for point in lagging if point not in common]
        least = min((self.hits[point] for point in seldom), default=0)
        waited_for = [point for point in seldom if self.hits[point] == least]
        if common:
            waited_for.append(self.dice.choice(common))
        return {point: self._nth(point) for point in waited_for}

    def _nth(self, point: str) -> int:
        """Early or late in a shift: a point passed in bursts is seldom passed often in one shift."""
        if self.dice.randrange(2):
            return 1
        return self.dice.randint(1, max(min(int(self._passes_of_a_shift(point)), NTH_MAX), 1))

    def _passes_of_a_shift(self, point: str) -> float:
        return self._passes[point] / max(self._hired - len(self._hands), 1)

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
            self._read_trail(hand, is_ours=pid in self._killed)
            hand.trail.unlink(missing_ok=True)

    def _read_trail(self, hand: _Hand, *, is_ours: bool) -> None:
        """What it passed; unless we killed it, the last point is the one it died at."""
        words = hand.trail.read_text().split()
        passed = [word for word in words if not word.startswith(MARK)]
        self.mishaps.update(word.removeprefix(MARK) for word in words if word.startswith(MARK))
        self._passes.update(passed)
        if passed and not is_ours:
            self.hits[passed[-1]] += 1

    def _kill(self, hand: _Hand) -> None:
        self._killed.add(hand.pid)
        self._signal(hand, signal.SIGKILL)

    @staticmethod
    def _signal(hand: _Hand, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(hand.pid, number)

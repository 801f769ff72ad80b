"""How each node has done lately: who is asked first, who is put aside, what the operator sees."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from time import monotonic

from issuance.chain.errors import ChainError, ChainMismatch

# The weight of the newest observation in a moving mean.
_WEIGHT = 0.2
# So many failures in a row put a node aside; it is tried again later and later.
FAILURES_MAX = 3
_ASIDE_SECONDS_MIN = 1.0
_ASIDE_SECONDS_MAX = 60.0
# A question still unanswered counts against the node that holds it.
IN_FLIGHT_MAX = 4


class NodeState(StrEnum):
    """Whether a node's word is asked for."""

    OK = "ok"
    ASIDE = "aside"
    WRONG_CHAIN = "wrong_chain"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHealth:
    """One node as this process has found it. ``label`` is the network and the place in the list.

    ``error_rate`` is a moving mean from 0 to 1, ``last_error`` a code of ChainError or empty.
    """

    label: str
    state: NodeState
    head: int
    lag_blocks: int
    error_rate: float
    latency_ms: int
    last_error: str


class Score:
    """One node's record; may be written by several threads."""

    def __init__(self, label: str, clock: Callable[[], float] = monotonic) -> None:
        self.label = label
        self.head = 0
        self.in_flight = 0
        self._clock = clock
        self._lock = Lock()
        self._latency = 0.0
        self._error_rate = 0.0
        self._failures = 0
        self._aside_until = 0.0
        self._last_error = ""
        self._wrong_chain = False

    def start(self) -> float:
        """A question goes out; returns when."""
        with self._lock:
            self.in_flight += 1
        return self._clock()

    def finish(self, since: float, error: ChainError | None) -> None:
        """Its answer came, or the error that stands in its place."""
        now = self._clock()
        with self._lock:
            self.in_flight -= 1
            self._error_rate += _WEIGHT * ((error is not None) - self._error_rate)
            if error is None:
                self._failures, self._wrong_chain, self._aside_until = 0, False, 0.0
                took = now - since
                self._latency += _WEIGHT * (took - self._latency) if self._latency else took
                return
            self._failures += 1
            self._last_error = error.code
            self._wrong_chain = isinstance(error, ChainMismatch)
            if self._wrong_chain or self._failures >= FAILURES_MAX:
                beyond = min(self._failures - FAILURES_MAX, 10) if not self._wrong_chain else 3
                seconds = min(_ASIDE_SECONDS_MIN * 2 ** max(beyond, 0), _ASIDE_SECONDS_MAX)
                self._aside_until = now + seconds

    def is_aside(self) -> bool:
        """Whether the node is not asked now; when its time is up the next question is its trial."""
        return self.in_flight >= IN_FLIGHT_MAX or self._clock() < self._aside_until

    def rank(self, best_head: int) -> tuple[bool, int, float, float]:
        """The order in which nodes are asked, best first."""
        lag = max(best_head - self.head, 0)
        return self.is_aside(), lag, round(self._error_rate, 1), self._latency

    def health(self, best_head: int) -> NodeHealth:
        """What the operator sees."""
        state = NodeState.OK
        if self._wrong_chain:
            state = NodeState.WRONG_CHAIN
        elif self.is_aside():
            state = NodeState.ASIDE
        return NodeHealth(
            label=self.label,
            state=state,
            head=self.head,
            lag_blocks=max(best_head - self.head, 0) if self.head else 0,
            error_rate=round(self._error_rate, 3),
            latency_ms=round(self._latency * 1000),
            last_error=self._last_error,
        )

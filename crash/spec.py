"""What a campaign is told, and what it tells afterwards."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Spec:
    """What to run. Rates are events per second; ``chance`` is that of a fault per request."""

    seed: int
    seconds: float
    folder: str
    golden: str = ""
    workers: int = 5
    institutions: int = 3
    holders: int = 3
    orders_per_second: float = 8.0
    chance: float = 0.08
    # Of a hundred workers so many have a point to die at; the others are killed after a shift.
    armed_percent: int = 85
    shift_seconds: list[float] = field(default_factory=lambda: [5.0, 14.0])
    # How often each failpoint shall be died at before the storm ends.
    hits_min: int = 1
    # The storm goes on, up to three times as long, until each of these figures has come so far.
    at_least: dict[str, int] = field(default_factory=dict)
    failover_every: float = 0.0
    # So many orders shall have completed between two failovers.
    failover_after: int = 0
    control_orders: int = 0
    drain_seconds: float = 240.0
    # Nothing ended for so long although nobody interferes: it never will.
    jam_seconds: float = 30.0
    rates: dict[str, float] = field(
        default_factory=lambda: {
            "reorganise": 1.1,
            "drop": 0.15,
            "steal": 0.06,
            "haunt": 0.04,
            "rest": 0.06,
            "spike": 0.03,
            "stall": 0.02,
            "revert_for_a_moment": 0.02,
            "kill_one": 0.25,
            "stop_one": 0.08,
            "flushall": 0.03,
            "kill_redis": 0.015,
            "crash_database": 0.012,
            "split": 0.05,
        }
    )


@dataclass
class Result:
    """What came of it; ``verdict`` is the checker's."""

    spec: dict[str, Any]
    seconds: float = 0.0
    orders: int = 0
    kills: int = 0
    stops: int = 0
    accidents: int = 0
    failpoints: dict[str, int] = field(default_factory=dict)
    rpc_faults: dict[str, int] = field(default_factory=dict)
    chain: dict[str, int] = field(default_factory=dict)
    flushalls: int = 0
    redis_kills: int = 0
    database_crashes: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    mishaps: dict[str, int] = field(default_factory=dict)
    failovers: int = 0
    lost_commits: int = 0
    lost_rows: int = 0
    halts: int = 0
    is_drained: bool = False
    halted_below_finality: bool = False
    verdict: dict[str, int] = field(default_factory=dict)
    violations: list[dict[str, str]] = field(default_factory=list)

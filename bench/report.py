"""Rows of one benchmark: printed for people, written as JSON for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

WHOLE_FROM = 100  # smaller figures are printed with two decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric beside its peer and its limit, both measured in the same run.

    ``bar`` is the least ``ratio_to_peer`` that is acceptable, ``limit_bar`` the least
    ``ratio_to_limit``. Both ratios say how many times better we are: where less is better they are
    the other's figure divided by ours. ``floor`` is a figure of its own that ours must reach, or
    must not exceed where less is better.
    """

    metric: str
    value: float
    unit: str
    peer: str
    peer_value: float
    limit: str
    limit_value: float
    bar: float
    limit_bar: float = 0.0
    lower_is_better: bool = False
    floor: float | None = None

    @property
    def ratio_to_peer(self) -> float:
        return self._times_better(self.peer_value)

    @property
    def ratio_to_limit(self) -> float:
        return self._times_better(self.limit_value)

    @property
    def holds(self) -> bool:
        ratios = self.ratio_to_peer >= self.bar and self.ratio_to_limit >= self.limit_bar
        return ratios and self.reaches_floor

    @property
    def reaches_floor(self) -> bool:
        if self.floor is None:
            return True
        return self.value <= self.floor if self.lower_is_better else self.value >= self.floor

    def _times_better(self, other: float) -> float:
        return other / self.value if self.lower_is_better else self.value / other

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {
            "ratio_to_peer": round(self.ratio_to_peer, 3),
            "ratio_to_limit": round(self.ratio_to_limit, 3),
            "holds": self.holds,
        }


def publish(bench: str, rows: Sequence[Row], *, rows_path: str | None) -> int:
    """Print the table, write the JSON, and return 0 when every bar holds, else 1."""
    print(f"\nbench {bench}")
    for row in rows:
        most = "at most" if row.lower_is_better else "at least"
        floor = "" if row.floor is None else _said(f"bar {most} {row.floor:g}", row.reaches_floor)
        peer_bar = _said(f"bar {row.bar:g}", row.ratio_to_peer >= row.bar) if row.bar else ""
        limit_bar = (
            _said(f"bar {row.limit_bar:g}", row.ratio_to_limit >= row.limit_bar)
            if row.limit_bar
            else ""
        )
        places = 0 if row.value >= WHOLE_FROM else 2
        print(
            f"  {row.metric}: {row.value:,.{places}f} {row.unit}{floor}\n"
            f"    {row.ratio_to_peer:5.2f} x {row.peer} ({row.peer_value:,.0f}){peer_bar}\n"
            f"    {row.ratio_to_limit:5.2f} x {row.limit} ({row.limit_value:,.0f}){limit_bar}"
        )
    if rows_path:
        document = {"bench": bench, "rows": [row.as_json() for row in rows]}
        Path(rows_path).write_text(json.dumps(document, indent=2) + "\n")
    return 0 if all(row.holds for row in rows) else 1


def _said(bar: str, held: bool) -> str:  # noqa: FBT001 - what became of the bar
    return f", {bar} -> {'held' if held else 'MISSED'}"

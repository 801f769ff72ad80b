"""Coverage: settled shares against supply, per fund now and per token over time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, F, Func, Max, Min, Value

from core import portal
from core.portal import Cell, Panel
from core.units import UNITS_PER_WHOLE, format_quantity
from custody import queries as custody_queries
from issuance.models import SupplySnapshot, Token

CHART_SPAN = timedelta(days=7)
CHART_POINTS = 60
CHARTS_MAX = 4
PERCENT_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Chart:
    """One token's supply and the settled shares behind it, as Chart.js wants it."""

    title: str
    label: str
    data: str
    options: str


def latest_supply(token: Token) -> SupplySnapshot | None:
    """The newest finalized supply on record."""
    return token.supply_snapshots.order_by("-taken_at").first()


def panel() -> Panel:
    """One line per fund."""
    rows = []
    for fund in custody_queries.funds():
        stands = custody_queries.position(fund.pk)
        snapshots = [latest_supply(token) for token in fund.tokens.all()]
        supply = sum(snapshot.supply for snapshot in snapshots if snapshot is not None)
        if not stands.settled and not snapshots:
            continue
        rows.append(
            (
                portal.link(fund.symbol, portal.page_url(fund)),
                portal.status(fund.status),
                portal.quantity(stands.settled),
                portal.quantity(stands.backing),
                portal.quantity(supply),
                portal.quantity(stands.settled - supply),
                _coverage(stands.settled, supply),
            )
        )
    return Panel(
        title="Coverage",
        note="Settled is what the custodian confirmed, backing what the ledger holds for tokens,"
        " supply what the chain showed at the last finalized block. Surplus is settled minus supply.",
        columns=("Fund", "Status", "Settled", "Backing", "Supply", "Surplus", "Coverage"),
        rows=rows,
        empty="No fund has settled shares yet.",
    )


def _coverage(settled: int, supply: int) -> Cell:
    if supply == 0:
        return Cell("Nothing issued", tone="neutral")
    hundredths = settled * 10**PERCENT_DIGITS * 100 // supply
    shown = f"{hundredths // 10**PERCENT_DIGITS:,}.{hundredths % 10**PERCENT_DIGITS:02d} %"
    return Cell(shown, tone="success" if settled >= supply else "danger", number=True)


def charts(now: datetime) -> list[Chart]:
    """A chart per token with snapshots, the first few by symbol."""
    made = []
    for token in Token.objects.select_related("fund").order_by("symbol", "network"):
        points = _points(token, now)
        if points:
            made.append(_chart(token, points, now))
        if len(made) == CHARTS_MAX:
            break
    return made


def _points(token: Token, now: datetime) -> list[SupplySnapshot]:
    """The last snapshot of each of up to sixty equal slices of the time on record."""
    recent = token.supply_snapshots.filter(taken_at__gt=now - CHART_SPAN)
    first_at = recent.aggregate(first_at=Min("taken_at"))["first_at"]
    if first_at is None:
        return []
    binned = Func(
        Value(_slice(first_at, now)),
        F("taken_at"),
        Value(first_at),
        function="date_bin",
        output_field=DateTimeField(),
    )
    lasts = recent.annotate(slice=binned).values("slice").annotate(last=Max("pk"))
    newest = SupplySnapshot.objects.filter(pk__in=lasts.values("last"))
    return list(newest.order_by("taken_at"))


def _slice(first_at: datetime, now: datetime) -> timedelta:
    return max((now - first_at) / CHART_POINTS, timedelta(seconds=1))


def _evenly(points: Sequence[SupplySnapshot], now: datetime) -> list[tuple[datetime, int, int]]:
    """Time, settled and supply at equal steps up to now: a snapshot holds until the next one."""
    width, at = _slice(points[0].taken_at, now), points[0].taken_at
    steps, index = [], 0
    while at <= now:
        while index + 1 < len(points) and points[index + 1].taken_at <= at:
            index += 1
        steps.append((at, points[index].settled, points[index].supply))
        at += width
    return [*steps, (now, points[-1].settled, points[-1].supply)]


def _chart(token: Token, points: Sequence[SupplySnapshot], now: datetime) -> Chart:
    newest, steps = points[-1], _evenly(points, now)
    form = "%H:%M:%S" if now - points[0].taken_at < timedelta(days=1) else "%d %b %H:%M"
    lines = (
        ("Settled shares", [settled for _, settled, _ in steps], "var(--color-base-500)"),
        ("Supply", [supply for _, _, supply in steps], "var(--color-primary-600)"),
    )
    data = {
        "labels": [at.strftime(form) for at, _, _ in steps],
        "datasets": [_line(name, values, colour) for name, values, colour in lines],
    }
    supply, settled = portal.quantity(newest.supply), portal.quantity(newest.settled)
    return Chart(
        title=f"{token.symbol} on {token.network}",
        label=f"Line chart of {token.symbol}: supply {supply.text} of {settled.text} settled shares",
        data=json.dumps(data),
        options=json.dumps(_options(max(point.settled for point in points))),
    )


def _line(name: str, values: Sequence[int], colour: str) -> dict[str, Any]:
    return {
        "label": name,
        # Strings keep every digit; Chart.js reads them as numbers to draw.
        "data": [format_quantity(units) for units in values],
        "borderColor": colour,
        "backgroundColor": colour,
        "stepped": True,
        "borderWidth": 2,
        "pointRadius": 0,
    }


def _options(highest: int) -> dict[str, Any]:
    ticks = {"color": "#6b7280", "maxTicksLimit": 6, "maxRotation": 0, "autoSkipPadding": 24}
    return {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {
            "legend": {
                "display": True,
                "align": "start",
                "labels": {"color": "#6b7280", "boxWidth": 12, "boxHeight": 2},
            }
        },
        "scales": {
            "x": {"grid": {"display": False}, "ticks": ticks},
            "y": {
                "beginAtZero": True,
                "suggestedMax": highest * 11 // 10 // UNITS_PER_WHOLE,
                "grid": {"drawTicks": False},
                "border": {"display": False},
                "ticks": ticks,
            },
        },
    }

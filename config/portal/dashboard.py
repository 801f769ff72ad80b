"""What the dashboard shows, read from stored rows only: no node or broker is asked here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from config.celery import BEAT_SECONDS
from config.portal import approvals, breakers, coverage, queues
from config.portal.queues import Waiting
from core import portal
from core.breakers import is_proposed
from core.models import Breaker, Heartbeat
from core.portal import Cell, Fact, Panel, age
from core.states import BreakerStatus
from custody.models import Fund
from issuance.models import ChainCursor, ChainTransaction, Signer
from issuance.states import ChainTransactionStatus

STALE_AFTER_MIN = timedelta(seconds=60)
STALE_AFTER_BEATS = 5
FINALITY_SAMPLE = 50
FOLLOWER = "issuance.follow_chains"


def context(request: HttpRequest) -> dict[str, Any]:
    """The template's values for this person: each part only for who may view its rows."""
    now = timezone.now()
    held = queues.waiting(request)
    shown: dict[str, Any] = {
        "cards": _cards(request, held),
        "queue_panel": _queue_panel(held, now),
        "heartbeat_panel": _heartbeat_panel(now),
        "breaker_panel": _breaker_panel(now),
        "now": now,
    }
    if _sees(request, Fund):
        shown |= {"coverage_panel": coverage.panel(), "charts": coverage.charts(now)}
    if _sees(request, ChainTransaction):
        shown["chain_panels"] = [_chain_panel(now), _signer_panel()]
    return shown


def _sees(request: HttpRequest, model: type[Any]) -> bool:
    return bool(admin.site.get_model_admin(model).has_view_permission(request))


def _cards(request: HttpRequest, held: Sequence[Waiting]) -> list[dict[str, Any]]:
    people = sum(each.count for each in held if each.queue.needs_person)
    moving = sum(each.count for each in held if not each.queue.needs_person)
    opened = Breaker.objects.filter(status=BreakerStatus.OPEN).count()
    return [
        _card("Waiting for me", approvals.count(request), "admin:approvals", "warning"),
        _card("Waiting for people", people, "", "warning"),
        _card("On its way", moving, "", ""),
        _card("Open breakers", opened, "", "danger"),
    ]


def _card(title: str, count: int, url: str, tone: str) -> dict[str, Any]:
    return {"title": title, "count": count, "url": url, "tone": tone if count else ""}


def _queue_panel(held: Sequence[Waiting], now: datetime) -> Panel:
    return Panel(
        title="Queues",
        columns=("Queue", "Work for", "Items", "Oldest waits"),
        rows=[
            (
                portal.link(each.queue.title, each.queue.href),
                portal.text("people" if each.queue.needs_person else "workers"),
                Cell(str(each.count), number=True),
                portal.text(age(now - each.oldest_at) if each.oldest_at else ""),
            )
            for each in held
        ],
        empty="Your groups see no queue.",
    )


def _heartbeat_panel(now: datetime) -> Panel:
    return Panel(
        title="Workers",
        columns=("Process or task", "State", "Last sign of life"),
        rows=[_heartbeat_row(each, now) for each in Heartbeat.objects.order_by("name")],
        empty="No process has reported yet. Are worker, beat and dispatcher running?",
    )


def _heartbeat_row(row: Heartbeat, now: datetime) -> Sequence[Cell]:
    beats = timedelta(seconds=BEAT_SECONDS.get(row.name, 0) * STALE_AFTER_BEATS)
    silent = now - row.beat_at > max(STALE_AFTER_MIN, beats)
    details = ", ".join(f"{portal.words(name)} {value}" for name, value in row.detail.items())
    return (
        portal.text(row.name, note=details),
        Cell("Silent", tone="danger") if silent else Cell("Alive", tone="success"),
        portal.text(f"{age(now - row.beat_at)} ago"),
    )


def _breaker_panel(now: datetime) -> Panel:
    opened = Breaker.objects.filter(status=BreakerStatus.OPEN).order_by("opened_at")
    return Panel(
        title="Open breakers",
        columns=("Breaker", "It stops", "Reason", "Opened", "Closing"),
        rows=[
            (
                portal.link(each.name, portal.page_url(each)),
                portal.text(breakers.stops(each.name)),
                portal.text(each.reason),
                portal.time(each.opened_at),
                portal.text("proposed, waits for another" if is_proposed(each, now=now) else ""),
            )
            for each in opened
        ],
        empty="None. New work of every kind is let through.",
    )


def _chain_panel(now: datetime) -> Panel:
    cursors = ChainCursor.objects.select_related("token").order_by("token__symbol")
    return Panel(
        title="Chain",
        note="How far the finalized chain has been read. Nothing is settled on anything newer.",
        columns=("Token", "Finalized block read", "Moved", "Attested shares", "Attested"),
        rows=[
            (
                portal.link(each.token, portal.page_url(each.token)),
                Cell(f"{each.block:,}", number=True),
                portal.text(f"{age(now - each.moved_at)} ago"),
                portal.quantity(each.token.attested_units),
                portal.text(
                    f"{age(now - each.token.attested_as_of)} ago"
                    if each.token.attested_as_of
                    else ""
                ),
            )
            for each in cursors
        ],
        facts=[
            *_heads(now),
            Fact("From first broadcast to finality (median)", _finality()),
        ],
        empty="No token is deployed.",
    )


def _heads(now: datetime) -> list[Fact]:
    """What the follower last saw of each network: stored with its sign of life."""
    seen = Heartbeat.objects.filter(name=FOLLOWER).first()
    if seen is None:
        return []
    note = f"{age(now - seen.beat_at)} ago"
    return [
        Fact(f"Head of {network}", portal.text(blocks, note=note))
        for network, blocks in sorted(seen.detail.items())
    ]


def _finality() -> Cell:
    final = ChainTransaction.objects.filter(
        status=ChainTransactionStatus.FINAL_OK, sent_at__isnull=False, final_at__isnull=False
    )
    newest = final.order_by("-final_at").values_list("sent_at", "final_at")[:FINALITY_SAMPLE]
    spans = [(ended - sent).total_seconds() for sent, ended in newest if sent and ended]
    if not spans:
        return portal.text("", note="")
    return portal.text(age(timedelta(seconds=median(spans))), note=f"newest {len(spans)} on record")


def _signer_panel() -> Panel:
    open_rows = ChainTransaction.objects.exclude(
        status__in=[
            ChainTransactionStatus.FINAL_OK,
            ChainTransactionStatus.FINAL_REVERTED,
            ChainTransactionStatus.DEAD,
        ]
    )
    return Panel(
        title="Signers",
        columns=("Signer", "Next nonce", "Not final", "State"),
        rows=[
            (
                portal.link(f"{portal.words(each.role)} on {each.network}", portal.page_url(each)),
                Cell(str(each.next_nonce), number=True),
                Cell(str(open_rows.filter(signer=each).count()), number=True),
                Cell("Halted", tone="danger") if each.halted else Cell("Signing", tone="success"),
            )
            for each in Signer.objects.order_by("network", "role")
        ],
        empty="No signer is registered.",
    )

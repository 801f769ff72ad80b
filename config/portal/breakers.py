"""The page of a breaker: what it stops, why it opened, who asks to close it, and what holds now."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib import admin
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils import timezone

from core import breakers, portal
from core.admin.actions import BREAKER_ACTIONS
from core.models import Breaker
from core.portal import Cell, Fact, Panel
from core.states import BreakerStatus
from issuance import invariants, queries
from issuance.invariants import Violation


class BreakerAdmin(portal.ReadOnlyAdmin[Breaker]):
    """An open breaker refuses new work of its kind; what was begun is still followed."""

    service_actions = BREAKER_ACTIONS

    list_display = (
        "name",
        portal.status_column(),
        "reason",
        portal.time_column("opened_at", "Last opened"),
        portal.time_column("reset_proposed_at", "Closing proposed"),
    )
    list_filter = ("status",)
    search_fields = ("name", "reason")
    ordering = ("-status", "name")
    intro = (
        "An open breaker halts new work of its kind. Transactions already sent are followed on."
        " One person proposes to let work pass again, another approves."
    )
    empty_text = "No breaker has ever opened."

    def facts(self, request: HttpRequest, row: Breaker) -> Sequence[Fact]:
        stands = [
            Fact("It stops", portal.text(stops(row.name)), wide=True),
            Fact("Opened because", portal.text(row.reason), wide=True),
            Fact("Opened by", portal.actor(row.opened_by)),
            Fact("Last opened", portal.time(row.opened_at)),
        ]
        if not row.reset_proposed_by:
            return stands
        return [
            *stands,
            Fact("Closing proposed by", portal.actor(row.reset_proposed_by)),
            Fact("Proposed", _proposed(row, timezone.now())),
            Fact("Approved by", portal.actor(row.reset_approved_by)),
            Fact("Reason to close", portal.text(row.reset_reason), wide=True),
            *([_seen_in_short(row)] if row.status == BreakerStatus.OPEN else []),
        ]

    def panels(self, request: HttpRequest, row: Breaker) -> Sequence[Panel]:
        return [seen_now(row.name), portal.timeline(row)]


def stops(name: str) -> str:
    """What waits while the breaker of this name is open."""
    scope, _, rest = name.partition(":")
    if scope == "fund":
        return f"Minting of {rest}. Redeeming, deposits and deliveries go on."
    for token in queries.tokens():
        what = {
            queries.network_breaker(token.network): f"on {token.network}",
            queries.token_breaker(token): f"for {token.symbol} on {token.network}",
        }.get(name)
        if what:
            return f"New orders and new signatures {what}. What was sent is followed and settled."
    return "New work that asks for this name. What was begun goes on."


def seen_now(name: str) -> Panel:
    """What the invariants say of this breaker's ground at this moment, from stored rows."""
    found = _violations(name)
    return Panel(
        title="What the checks see now",
        note="The invariants between ledger, orders and the last finalized look at the chain.",
        columns=("Check", "Figures"),
        rows=[
            (Cell(portal.words(each.name), tone="danger"), portal.text(each.detail))
            for each in found or ()
        ],
        empty="The checks cannot run just now; look again in a moment."
        if found is None
        else "Every invariant holds. What opened it may be something no invariant sees: read the reason.",
    )


def _seen_in_short(row: Breaker) -> Fact:
    found = _violations(row.name)
    if found is None:
        return Fact("The checks now", portal.text("cannot run just now"), wide=True)
    if not found:
        return Fact("The checks now", Cell("Every invariant holds", tone="success"), wide=True)
    names = ", ".join(portal.words(each.name).lower() for each in found)
    return Fact("The checks now", Cell(f"Broken: {names}", tone="danger"), wide=True)


def _violations(name: str) -> list[Violation] | None:
    try:
        return [each for each in invariants.check_all() if each.breaker == name]
    except DatabaseError:
        # They ask for a snapshot of their own, which a page inside a transaction cannot have.
        return None


def _proposed(row: Breaker, now: datetime) -> Cell:
    if row.status == BreakerStatus.OPEN and not breakers.is_proposed(row, now=now):
        return portal.time(row.reset_proposed_at, note="expired: propose again")
    return portal.time(row.reset_proposed_at)


def take_over(site: admin.AdminSite) -> None:
    """Register the page; core's own pages know nothing of what a breaker stops."""
    site.register(Breaker, BreakerAdmin)

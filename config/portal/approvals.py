"""Waiting for me: what another person proposed and this person may approve."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from core import actors, breakers, portal
from core.models import Breaker
from core.portal import Cell, Panel
from core.states import BreakerStatus
from custody.models import Break, Fund
from custody.states import BreakStatus, FundStatus
from issuance.models import Order
from issuance.states import OrderStatus
from kyc.models import Investor, Override
from kyc.states import MAY_REINSTATE, InvestorStatus, OverrideStatus

ROWS_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class Approval:
    """One kind of second look: who proposed stands in ``proposer``, when in ``since``."""

    title: str
    model: type[models.Model]
    waits: models.Q
    proposer: str
    action: str
    since: str = "created_at"
    about: Callable[[Any], str] = lambda _row: ""
    lives: timedelta | None = None


APPROVALS = (
    Approval(
        "Investors proposed for approval",
        Investor,
        models.Q(status__in=[InvestorStatus.IN_REVIEW, *MAY_REINSTATE]) & ~models.Q(proposed_by=""),
        "proposed_by",
        "approve",
    ),
    Approval(
        "Overrides proposed",
        Override,
        models.Q(status=OverrideStatus.PROPOSED),
        "proposed_by",
        "approve",
    ),
    Approval(
        "Orders held for review",
        Order,
        models.Q(status=OrderStatus.AWAITING_APPROVAL),
        "created_by",
        "approve",
    ),
    Approval(
        "Ledger adjustments proposed",
        Break,
        models.Q(status=BreakStatus.PROPOSED),
        "proposed_by",
        "approve-adjustment",
    ),
    Approval(
        "Freezes proposed to be lifted",
        Fund,
        models.Q(status=FundStatus.FROZEN) & ~models.Q(thaw_proposed_by=""),
        "thaw_proposed_by",
        "thaw",
        about=lambda fund: fund.freeze_reason,
    ),
    Approval(
        "Halts proposed to be lifted",
        Breaker,
        models.Q(status=BreakerStatus.OPEN) & ~models.Q(reset_proposed_by=""),
        "reset_proposed_by",
        "approve-reset",
        since="reset_proposed_at",
        about=lambda halt: f"Opened: {halt.reason}. To close: {halt.reset_reason}",
        lives=breakers.PROPOSAL_LIFE,
    ),
)


def panels(request: HttpRequest) -> list[Panel]:
    """One table per kind the person may approve, oldest first."""
    return [
        Panel(
            title=approval.title,
            columns=("What", "Status", "About", "Proposed by", "Since"),
            rows=[_row(row, approval) for row in _waiting(approval, request)[:ROWS_SHOWN_MAX]],
            empty="Nothing of this kind waits for you.",
        )
        for approval in APPROVALS
        if _may_approve(approval, request)
    ]


def count(request: HttpRequest) -> int:
    """How many things wait for this person."""
    return sum(
        _waiting(approval, request).count()
        for approval in APPROVALS
        if _may_approve(approval, request)
    )


def _may_approve(approval: Approval, request: HttpRequest) -> bool:
    page = admin.site.get_model_admin(approval.model)
    if not isinstance(page, portal.ReadOnlyAdmin) or not page.has_view_permission(request):
        return False
    named = [each for each in page.service_actions if each.name == approval.action]
    return any(each.is_permitted(request) for each in named)


def _waiting(approval: Approval, request: HttpRequest) -> "models.QuerySet[models.Model]":
    rows = approval.model._default_manager.filter(approval.waits)
    if approval.lives is not None:
        rows = rows.filter(**{f"{approval.since}__gt": timezone.now() - approval.lives})
    if request.user.pk is not None:
        rows = rows.exclude(**{approval.proposer: str(actors.operator(request.user.pk))})
    return rows.order_by(approval.since)


def _row(row: models.Model, approval: Approval) -> Sequence[Cell]:
    page = admin.site.get_model_admin(approval.model)
    heading = page.heading(row) if isinstance(page, portal.ReadOnlyAdmin) else str(row)
    return (
        portal.link(heading, portal.page_url(row)),
        portal.status(getattr(row, "status", "")),
        portal.text(approval.about(row)),
        portal.actor(getattr(row, approval.proposer)),
        portal.time(getattr(row, approval.since, None)),
    )

"""Stuck work: what has waited too long, why in plain words, and the lawful exits only."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from config.portal.reasons import order_reason, transaction_reason
from core import portal
from core.models import WebhookDelivery
from core.portal import Cell, Panel
from core.states import DeliveryState
from issuance.models import ChainTransaction, Holder, Order, Token, TransferStop
from issuance.states import CHAIN_TRANSACTION_FINAL, HolderStatus, OrderStatus

ROWS_SHOWN_MAX = 50
# How long each may wait before a person should look, and how far that is from normal.
PATIENCE = {
    OrderStatus.AWAITING_APPROVAL: timedelta(hours=1),
    OrderStatus.AWAITING_TOKENS: timedelta(days=1),
    OrderStatus.QUEUED: timedelta(minutes=5),
    OrderStatus.CHECKING: timedelta(minutes=10),
    OrderStatus.RETURNING: timedelta(minutes=10),
}
TRANSACTION_PATIENCE = timedelta(minutes=5)
HOLDER_PATIENCE = timedelta(minutes=10)
STOP_PATIENCE = timedelta(minutes=10)
WEBHOOK_PATIENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of row that can get stuck: which rows, since when, and why."""

    title: str
    note: str
    model: type[models.Model]
    rows: Callable[[datetime], "models.QuerySet[Any]"]
    since: str
    why: Callable[[Any], str]
    name: Callable[[Any], Cell]
    order: Sequence[str] = ()


def panels(request: HttpRequest, now: datetime) -> list[Panel]:
    """A table per kind that holds something stuck, for rows the person may see; worst first."""
    found = []
    for kind in KINDS:
        page = _page(kind, request)
        if page is None:
            continue
        rows = list(kind.rows(now).order_by(*kind.order, kind.since)[:ROWS_SHOWN_MAX])
        found.append(
            Panel(
                title=kind.title,
                note=kind.note,
                columns=("What", "Status", "Waits", "Why", "Way out"),
                rows=[_row(request, kind, page, row, now) for row in rows],
                empty="Nothing of this kind waits longer than it should.",
            )
        )
    return found


def count(request: HttpRequest, now: datetime) -> int:
    """How many rows are stuck, of those the person may see."""
    return sum(kind.rows(now).count() for kind in KINDS if _page(kind, request) is not None)


def _page(kind: Kind, request: HttpRequest) -> "portal.ReadOnlyAdmin[Any] | None":
    # What stops transfers has no page of its own; its token's page stands for it.
    page = admin.site.get_model_admin(Token if kind.model is TransferStop else kind.model)
    if not isinstance(page, portal.ReadOnlyAdmin) or not page.has_view_permission(request):
        return None
    return page


def _row(
    request: HttpRequest,
    kind: Kind,
    page: "portal.ReadOnlyAdmin[Any]",
    row: Any,  # noqa: ANN401 - of the kind's model
    now: datetime,
) -> Sequence[Cell]:
    since = getattr(row, kind.since)
    exits = portal.buttons_of(request, page, row) if isinstance(row, page.model) else portal.BLANK
    status = getattr(row, "status", None) or getattr(row, "state", None)
    return (
        kind.name(row),
        portal.status(status),
        Cell(portal.age(now - since) if since else portal.BLANK.text, number=True),
        portal.text(kind.why(row)),
        exits,
    )


def _orders(now: datetime) -> "models.QuerySet[Any]":
    late = Q(pk__in=[])
    for status, patience in PATIENCE.items():
        late |= Q(status=status, waits_since__lt=now - patience)
    rows = Order.objects.annotate(waits_since=Coalesce("approved_at", "created_at"))
    return rows.filter(late).select_related("token__fund", "investor")


def _transactions(now: datetime) -> "models.QuerySet[Any]":
    rows = ChainTransaction.objects.filter(created_at__lt=now - TRANSACTION_PATIENCE)
    return rows.exclude(status__in=CHAIN_TRANSACTION_FINAL).select_related("token", "signer")


def _holders(now: datetime) -> "models.QuerySet[Any]":
    late = Q(status=HolderStatus.PENDING, created_at__lt=now - HOLDER_PATIENCE)
    rows = Holder.objects.filter(Q(status=HolderStatus.FAILED) | late)
    return rows.select_related("token", "wallet")


def _stops(now: datetime) -> "models.QuerySet[Any]":
    rows = TransferStop.objects.exclude(wanted=models.F("standing"))
    rows = rows.filter(Q(wanted=True) | Q(ours=True), changed_at__lt=now - STOP_PATIENCE)
    return rows.select_related("token", "wallet")


def _tokens(now: datetime) -> "models.QuerySet[Any]":
    """Tokens whose attested figure is past three quarters of its life."""
    age = models.ExpressionWrapper(
        now - models.F("attested_as_of"), output_field=models.DurationField()
    )
    stale = [
        token.pk
        for token in Token.objects.filter(attested_as_of__isnull=False).annotate(age=age)
        if token.age.total_seconds() * 4 > token.attestation_age_seconds_max * 3
    ]
    return Token.objects.filter(pk__in=stale)


def _deliveries(now: datetime) -> "models.QuerySet[Any]":
    late = Q(state=DeliveryState.PENDING, created_at__lt=now - WEBHOOK_PATIENCE)
    rows = WebhookDelivery.objects.filter(Q(state=DeliveryState.FAILED) | late)
    return rows.select_related("endpoint__institution", "event")


def _holder_why(row: Holder) -> str:
    if row.status == HolderStatus.FAILED:
        return "The contract refused the entry. Correct the investor's facts, then write it again."
    return "It waits for a transaction of compliance: a halt, an empty gas account, or no worker."


def _stop_why(row: TransferStop) -> str:
    if row.wallet_id is None and not row.wanted:
        return "Its pause is no longer wanted. Only the token's admin ends it: see the hold's page."
    if row.wallet_id is None:
        return "A hold asks for a pause; the pauser's transaction is missing or not final."
    return "A hold changed; the freeze or thaw of compliance is missing or not final."


def _delivery_why(row: WebhookDelivery) -> str:
    if row.state == DeliveryState.FAILED:
        return "Every attempt failed. Ask the institution to repair its endpoint, then send again."
    return "The endpoint has refused it so far; it is tried again by itself."


def _link(row: Any, words: str) -> Cell:  # noqa: ANN401 - any row with a page
    return portal.link(words, portal.page_url(row))


def _transaction_name(row: ChainTransaction) -> Cell:
    return _link(row, f"{portal.words(row.kind)}, nonce {row.nonce} on {row.token.network}")


def _stop_name(row: TransferStop) -> Cell:
    return _link(row.token, f"{row.wallet.address if row.wallet else 'All'} in {row.token}")


KINDS: Iterable[Kind] = (
    Kind(
        "Chain transactions",
        "Lowest nonce first: whatever comes after it on the same key waits for it.",
        ChainTransaction,
        _transactions,
        "created_at",
        transaction_reason,
        _transaction_name,
        ("signer__role", "signer_id", "nonce"),
    ),
    Kind(
        "Orders",
        "An order in a transaction is listed with that transaction.",
        Order,
        _orders,
        "waits_since",
        order_reason,
        lambda row: _link(row, f"{row.client_order_id} ({row.token.symbol})"),
    ),
    Kind(
        "Register entries",
        "",
        Holder,
        _holders,
        "created_at",
        _holder_why,
        lambda row: _link(row, f"{row.wallet.address} in {row.token.symbol}"),
    ),
    Kind(
        "Stops of transfers",
        "",
        TransferStop,
        _stops,
        "changed_at",
        _stop_why,
        _stop_name,
    ),
    Kind(
        "Attestations",
        "",
        Token,
        _tokens,
        "attested_as_of",
        lambda _row: (
            "The custodian has signed no newer figure. Minting stops when this one is too old."
        ),
        lambda row: _link(row, str(row)),
    ),
    Kind(
        "Webhook deliveries",
        "",
        WebhookDelivery,
        _deliveries,
        "created_at",
        _delivery_why,
        lambda row: _link(row, f"{row.event.type} to {row.endpoint.institution}"),
    ),
)

"""What the chain said of orders that a lost commit may have signed for."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Exists, F, OuterRef, QuerySet

from core import breakers
from core.failpoints import failpoint
from core.transitions import move
from core.use_case import use_case
from issuance import queries
from issuance.models import Order, Recovery, Token, TokenLog
from issuance.services import lanes, postings, recoveries
from issuance.services.facts import order_facts
from issuance.services.lanes import PIPELINE
from issuance.states import (
    ORDER_TRANSITIONS,
    OrderStatus,
    OrderType,
    RecoveryStatus,
)

# Unbound in our rows, and yet a lost commit may have signed for them. What is SUBMITTED or
# INCLUDED is bound; what is CHECKING is asked about by itself.
DOUBTFUL = frozenset(
    {
        OrderStatus.AWAITING_APPROVAL,
        OrderStatus.AWAITING_TOKENS,
        OrderStatus.IN_ESCROW,
        OrderStatus.QUEUED,
        OrderStatus.RETURNING,
    }
)
_RETURNABLE = frozenset({OrderStatus.AWAITING_APPROVAL, OrderStatus.QUEUED, OrderStatus.RETURNING})


def doubtful_orders(recovery: Recovery) -> QuerySet[Order]:
    """The orders a recovery has still to ask about, in its order."""
    rows = Order.objects.filter(token__network=recovery.network, status__in=sorted(DOUBTFUL))
    rows = rows.exclude(bindings__live=True).order_by("pk")
    return rows.filter(pk__gt=recovery.asked_through) if recovery.asked_through else rows


def executed_unsigned(network: str) -> Order | None:
    """An order that the chain has executed although our rows say that nothing was signed for it."""
    happened = TokenLog.objects.canonical().filter(
        order=OuterRef("pk"), kind__in=["ORDER_MINTED", "ORDER_BURNED"]
    )
    unsigned = [OrderStatus.QUEUED, OrderStatus.AWAITING_APPROVAL]
    for token_id in Token.objects.filter(network=network).values_list("pk", flat=True):
        # An event carries the id of its order: what is newer than every event has none, and that is
        # all but a few of those that wait.
        highest = min(queries.highest_executed_id(token_id=token_id), queries.ONCHAIN_ID_MAX)
        rows = Order.objects.filter(token=token_id, status__in=unsigned, onchain_id__lte=highest)
        found = rows.filter(Exists(happened)).order_by("onchain_id").first()
        if found is not None:
            return found
    return None


@use_case
def record_asked(
    *,
    recovery_id: uuid.UUID,
    through: uuid.UUID,
    order_ids: Sequence[uuid.UUID],
    used: Collection[uuid.UUID],
    now: datetime,
) -> int:
    """Keep what the chain said at finality: used ids go to CHECKING, returned tokens end the order.

    Everything else may be signed for again once the recovery ends. Returns how many the chain knew.
    """
    recovery = recoveries.step(recovery_id=recovery_id, status=RecoveryStatus.ASKING)
    if recovery is None:
        return 0
    queries.lock_orders(order_ids=order_ids)
    rows = Order.objects.select_related("token__fund", "wallet", "investor")
    orders = list(rows.filter(pk__in=order_ids, status__in=sorted(DOUBTFUL)).order_by("pk"))
    found = [order for order in orders if order.pk in used]
    back = [order for order in orders if order.pk not in used and _went_back(order)]
    minted = [order for order in found if order.type == OrderType.MINT]
    if minted:
        postings.lock(orders=minted)
    for order in minted:
        postings.back_executed(order=order, actor=PIPELINE, now=now)
    for order in sorted([*found, *back], key=lanes.by_institution):
        if order in back:
            _end_returned(order, now=now)
        else:
            _doubt(order, now=now)
    Recovery.objects.filter(pk=recovery.pk).update(
        asked_through=through, orders_found=F("orders_found") + len(found) + len(back)
    )
    failpoint("recover.asked.precommit")
    return len(found) + len(back)


def _went_back(order: Order) -> bool:
    """Whether the last word on a redemption's escrow is that it was given back."""
    if order.type != OrderType.REDEEM or order.status not in _RETURNABLE:
        return False
    kinds = ["REDEEM_REQUESTED", "REDEEM_CANCELLED"]
    rows = TokenLog.objects.canonical().filter(token=order.token, order=order, kind__in=kinds)
    last = rows.order_by("-block", "-log_index").first()
    return last is not None and last.kind == "REDEEM_CANCELLED"


def _end_returned(order: Order, *, now: datetime) -> None:
    """The refusal was lost, its effect was not: the tokens are with their holder again."""
    move(
        order,
        to=OrderStatus.REJECTED,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=OrderStatus.REJECTED, reason_code="returned_on_chain"),
        reason_code=order.reason_code or "returned_on_chain",
        next_attempt_at=None,
        leased_until=None,
    )


def _doubt(order: Order, *, now: datetime) -> None:
    """To CHECKING, which completes it by the recorded event; an approval may have been lost too."""
    if order.status == OrderStatus.AWAITING_APPROVAL:
        _step(order, OrderStatus.QUEUED, now=now)
    if order.status != OrderStatus.QUEUED:
        breakers.open_breaker(
            name=queries.token_breaker(order.token),
            reason=f"{order.public_id} is {order.status}, and the chain has used its id",
            actor=PIPELINE,
            now=now,
        )
        return
    _step(order, OrderStatus.CHECKING, now=now)


def _step(order: Order, to: OrderStatus, *, now: datetime) -> None:
    move(
        order,
        to=to,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=to),
        next_attempt_at=now,
        leased_until=None,
    )

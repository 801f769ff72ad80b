"""The second pair of eyes on orders."""

import uuid
from datetime import datetime

from core import queries as core_queries
from core.actors import Actor
from core.errors import SameActor, StateConflict
from core.transitions import move
from core.use_case import use_case
from issuance import policy, queries
from issuance.models import Order
from issuance.models.orders import NOTE_LENGTH_MAX
from issuance.services import postings
from issuance.services.facts import order_facts
from issuance.states import ORDER_TRANSITIONS, OrderStatus, OrderType


@use_case
def approve_order(*, order_id: uuid.UUID, actor: Actor, reason: str, now: datetime) -> Order:
    """Let an order go to the chain. Raises SameActor for whoever may have made it, StateConflict, NotFound."""
    order = _awaiting(order_id, actor)
    return move(
        order,
        to=OrderStatus.QUEUED,
        table=ORDER_TRANSITIONS,
        actor=actor,
        now=now,
        event_type="order.approved",
        data=order_facts(order, to=OrderStatus.QUEUED),
        note=reason[:NOTE_LENGTH_MAX],
        approved_by=str(actor),
        approved_at=now,
        next_attempt_at=now,
    )


@use_case
def reject_order(
    *, order_id: uuid.UUID, actor: Actor, reason: str, now: datetime, reason_code: str = "refused"
) -> Order:
    """Refuse an order: a mint's shares are free again, a redemption's tokens go back on chain.

    Raises SameActor, StateConflict, NotFound, or Recovering while a lost commit may have signed for it.
    """
    queries.require_recovered(network=queries.network_of(order_id=order_id))
    order = _awaiting(order_id, actor)
    if order.type == OrderType.MINT:
        postings.give_back(order=order, actor=actor, now=now)
    to = OrderStatus.REJECTED if order.type == OrderType.MINT else OrderStatus.RETURNING
    return move(
        order,
        to=to,
        table=ORDER_TRANSITIONS,
        actor=actor,
        now=now,
        data=order_facts(order, to=to, reason_code=reason_code),
        note=reason[:NOTE_LENGTH_MAX],
        reason_code=reason_code,
        approved_by=str(actor),
        approved_at=now,
        next_attempt_at=None if to == OrderStatus.REJECTED else now,
    )


def await_missing(order: Order, *, actor: Actor, now: datetime) -> Order:
    """A QUEUED order that was never approved and must be goes on to AWAITING_APPROVAL.

    For whoever queues an order again: it may have been taken from its approvers by a doubt.
    """
    if order.approved_by or not policy.order_needs_approval(order):
        return order
    to = OrderStatus.AWAITING_APPROVAL
    return move(
        order,
        to=to,
        table=ORDER_TRANSITIONS,
        actor=actor,
        now=now,
        data=order_facts(order, to=to),
        next_attempt_at=None,
    )


def _awaiting(order_id: uuid.UUID, actor: Actor) -> Order:
    order = queries.order_for_update(order_id=order_id)
    if str(actor) in core_queries.makers_behind(order.created_by):
        raise SameActor
    if order.status != OrderStatus.AWAITING_APPROVAL:
        raise StateConflict(
            f"{order.public_id} is {order.status}: there is nothing to decide.", state=order.status
        )
    return order

"""Taking, previewing and cancelling orders."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

from core import events
from core.actors import Actor
from core.errors import DomainError, StateConflict
from core.ids import new_uuid
from core.transitions import move
from core.use_case import use_case
from issuance import policy, queries
from issuance.models import Order
from issuance.policy import Acceptance, OrderTerms
from issuance.services import postings
from issuance.services.facts import order_facts
from issuance.states import ORDER_CANCELLABLE, ORDER_TRANSITIONS, OrderStatus, OrderType


class ClientOrderIdUsed(DomainError):
    """The institution has used this client_order_id for another order."""

    code = "client_order_id_used"
    status = 409
    title = "This client_order_id belongs to another order."


@use_case
def create_order(
    *,
    institution_id: uuid.UUID,
    terms: OrderTerms,
    client_order_id: str,
    context: Mapping[str, str],
    actor: Actor,
    now: datetime,
) -> Order:
    """Take an order: a mint reserves its shares at once, a redemption waits for its tokens.

    Raises the refusals of ``policy.accept``, InsufficientShares and ClientOrderIdUsed; the
    decision behind a policy refusal is kept.
    """
    _require_fresh_id(institution_id, client_order_id)
    accepted = policy.accept(institution_id=institution_id, terms=terms, context=context, now=now)
    queries.require_not_halted(token=accepted.token)
    accepted.decision.save(force_insert=True)
    order = _order(accepted, terms=terms, client_order_id=client_order_id, actor=actor, now=now)
    if order.type == OrderType.MINT:
        postings.reserve(order=order, actor=actor, now=now)
    try:
        with transaction.atomic(savepoint=True):
            order.save(force_insert=True)
    except IntegrityError as clash:
        # Two requests with one client_order_id at the same instant: the index decides.
        if "order_client_id_once" in str(clash):
            raise ClientOrderIdUsed(field="/client_order_id") from None
        raise
    events.record(
        event_type="order.created", row=order, actor=actor, now=now, data=order_facts(order)
    )
    return order


@transaction.atomic(durable=True)
def preview_order(
    *,
    institution_id: uuid.UUID,
    terms: OrderTerms,
    context: Mapping[str, str],
    now: datetime,
) -> Acceptance:
    """What taking this order would find, with nothing written and no idempotency key used up.

    Raises what ``create_order`` would.
    """
    try:
        accepted = policy.accept(
            institution_id=institution_id, terms=terms, context=context, now=now
        )
    except DomainError as refusal:
        # The decision behind it is not kept, so nobody could look it up.
        refusal.extra.pop("decision_id", None)
        raise
    queries.require_not_halted(token=accepted.token)
    return accepted


@use_case
def cancel_order(
    *, institution_id: uuid.UUID, order_id: uuid.UUID, actor: Actor, now: datetime
) -> Order:
    """Withdraw an order that no chain transaction carries yet; its shares are free again.

    Raises NotFound, StateConflict once it is too late, or Recovering while a lost commit may have
    signed for it.
    """
    named = queries.order_for(institution_id=institution_id, order_id=order_id)
    queries.require_recovered(network=named.token.network)
    order = queries.order_for_update(order_id=order_id)
    in_escrow = order.type == OrderType.REDEEM and order.status != OrderStatus.AWAITING_TOKENS
    if order.status not in ORDER_CANCELLABLE or in_escrow:
        raise StateConflict(
            f"{order.public_id} is {order.status} and cannot be cancelled.", state=order.status
        )
    if order.type == OrderType.MINT:
        postings.give_back(order=order, actor=actor, now=now)
    return move(
        order,
        to=OrderStatus.CANCELLED,
        table=ORDER_TRANSITIONS,
        actor=actor,
        now=now,
        data=order_facts(order, to=OrderStatus.CANCELLED),
        reason_code="cancelled_by_institution",
        next_attempt_at=None,
    )


def _require_fresh_id(institution_id: uuid.UUID, client_order_id: str) -> None:
    used = Order.objects.filter(
        institution_id=institution_id, client_order_id=client_order_id
    ).first()
    if used is not None:
        raise ClientOrderIdUsed(field="/client_order_id", order_id=used.public_id)


def _order(
    accepted: Acceptance, *, terms: OrderTerms, client_order_id: str, actor: Actor, now: datetime
) -> Order:
    if terms.type == OrderType.REDEEM:
        status = OrderStatus.AWAITING_TOKENS
    elif accepted.needs_approval:
        status = OrderStatus.AWAITING_APPROVAL
    else:
        status = OrderStatus.QUEUED
    return Order(
        id=new_uuid(),
        created_at=now,
        institution_id=accepted.investor.institution_id,
        investor=accepted.investor,
        token=accepted.token,
        wallet=accepted.wallet,
        custody_account=accepted.custody_account,
        decision=accepted.decision,
        type=terms.type,
        status=status,
        quantity=terms.quantity,
        client_order_id=client_order_id,
        onchain_id=queries.next_onchain_id(token_id=accepted.token.pk),
        created_by=str(actor),
        next_attempt_at=now if status == OrderStatus.QUEUED else None,
    )

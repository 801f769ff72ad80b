"""Orders become one numbered chain transaction; it is signed afterwards, outside."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.errors import DomainError
from core.transitions import move
from core.use_case import use_case
from issuance import policy, queries
from issuance.chain import types as chain
from issuance.chain.standards import standard_of
from issuance.models import (
    ChainTransaction,
    ChainTransactionOrder,
    Order,
    Token,
)
from issuance.services import lanes, postings
from issuance.services.facts import order_facts
from issuance.services.holds import set_aside
from issuance.services.lanes import PIPELINE, Call
from issuance.states import (
    ORDER_TRANSITIONS,
    ChainTransactionKind,
    OrderStatus,
    OrderType,
    SignerRole,
)
from kyc.models import Decision, store_decisions

_IDLE: dict[str, Any] = {"next_attempt_at": None, "leased_until": None}
_WANTED = {
    ChainTransactionKind.MINT: OrderStatus.QUEUED,
    ChainTransactionKind.BURN: OrderStatus.QUEUED,
    ChainTransactionKind.CANCEL_REDEEM: OrderStatus.RETURNING,
}


@use_case
def assign_orders(
    *,
    token_id: uuid.UUID,
    kind: ChainTransactionKind,
    order_ids: Sequence[uuid.UUID],
    signer_id: uuid.UUID,
    gas: int,
    now: datetime,
) -> ChainTransaction | None:
    """Bind orders of one token to the signer's next nonce, or None when none of them may go.

    Asks KYC again right before signing and moves ``reserved`` to ``backing``. An order that KYC
    refuses ends here; one that needs a second person waits for it. The decision that let an order
    be signed for is kept with it. The transaction has no signed form yet: that is made outside and
    kept by ``save_attempt``. Raises LaneBusy, HaltActive.
    """
    token = queries.token_by_id(token_id=token_id)
    signer = lanes.lock_lane(token=token, role=SignerRole.ISSUER, signer_id=signer_id)
    orders = _locked_orders(token, kind, order_ids)
    ready, away = orders, list[_TurnedAway]()
    if kind != ChainTransactionKind.CANCEL_REDEEM:
        ready, away = _screen(set_aside(orders, now=now), now=now)
    if kind == ChainTransactionKind.MINT:
        ready, _ = policy.split_by_room(token, ready)
        _post(ready, away, now=now)
    if not ready:
        _turn_away(away, now=now)
        return None
    call = Call(kind=kind, data=encode_orders(kind=kind, orders=ready), gas=gas)
    row = lanes.number(signer=signer, token=token, call=call, now=now)
    _bind(row, ready)
    if kind != ChainTransactionKind.CANCEL_REDEEM:
        store_decisions([order.decision for order in ready])
    _submit(row, ready, away=away, now=now)
    lanes.record_assigned(row=row, carries=[order.public_id for order in ready], now=now)
    return row


def encode_orders(*, kind: ChainTransactionKind, orders: Sequence[Order]) -> bytes:
    """The calldata that carries these orders."""
    standard, items = standard_of(orders[0].token), [item_of(order) for order in orders]
    if kind == ChainTransactionKind.CANCEL_REDEEM:
        (item,) = items
        return standard.encode_return(item)
    if kind == ChainTransactionKind.MINT:
        return standard.encode_mint(items)
    return standard.encode_burn(items)


def item_of(order: Order) -> chain.OrderItem:
    """The order as its contract sees it."""
    return chain.OrderItem(
        order_id=order.onchain_id, account=order.wallet.address, amount=order.quantity
    )


@use_case
def delay_order(*, order_id: uuid.UUID, reason_code: str, wait: timedelta, now: datetime) -> None:
    """An unbound order cannot go now: look at it again later and say why."""
    Order.objects.filter(pk=order_id).exclude(bindings__live=True).update(
        reason_code=reason_code, next_attempt_at=now + wait, leased_until=None
    )


@use_case
def refuse_order(*, order_id: uuid.UUID, reason_code: str, now: datetime) -> None:
    """The contract would never take this unbound mint: it ends, and its shares are free again."""
    order = queries.order_for_update(order_id=order_id)
    if order.status != OrderStatus.QUEUED or order.type != OrderType.MINT:
        return
    postings.give_back(order=order, actor=PIPELINE, now=now)
    move(
        order,
        to=OrderStatus.REJECTED,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=OrderStatus.REJECTED, reason_code=reason_code),
        reason_code=reason_code,
        next_attempt_at=None,
        leased_until=None,
    )


@use_case
def doubt_order(*, order_id: uuid.UUID, now: datetime) -> None:
    """The chain says the id of a queued order is used: our commit may be lost. Ask it by id.

    A mint's shares move to ``backing`` at once, where a mint that did happen needs them.
    """
    order = queries.order_for_update(order_id=order_id)
    if order.status != OrderStatus.QUEUED:
        return
    if order.type == OrderType.MINT:
        postings.back(order=order, actor=PIPELINE, now=now)
    move(
        order,
        to=OrderStatus.CHECKING,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=OrderStatus.CHECKING),
        next_attempt_at=now,
        leased_until=None,
    )


def _locked_orders(
    token: Token, kind: ChainTransactionKind, order_ids: Sequence[uuid.UUID]
) -> list[Order]:
    order_type = OrderType.MINT if kind == ChainTransactionKind.MINT else OrderType.REDEEM
    rows = Order.objects.select_for_update(
        no_key=True, of=("self",), skip_locked=True
    ).select_related("investor", "token__fund", "wallet", "decision")
    wanted = rows.filter(
        token=token, pk__in=order_ids, type=order_type, status=_WANTED[kind]
    ).exclude(bindings__live=True)
    return list(wanted.order_by("pk"))


@dataclass(frozen=True, slots=True)
class _TurnedAway:
    """An order that may not be signed for, where it goes instead, and why."""

    order: Order
    to: OrderStatus
    reason_code: str
    decision: Decision


def _screen(orders: Sequence[Order], *, now: datetime) -> tuple[list[Order], list[_TurnedAway]]:
    """Pull, not push: whatever changed since an order was taken is asked again here."""
    ready, away = [], []
    for order in orders:
        try:
            decision = policy.decide_again(order=order, now=now)
        except DomainError as refusal:
            decision = order.decision
            for evidence in refusal.evidence:
                evidence.save(force_insert=True)
                decision = evidence if isinstance(evidence, Decision) else decision
            # A redemption's tokens lie in escrow: a person decides whether they go back.
            redeems = order.type == OrderType.REDEEM
            to = OrderStatus.AWAITING_APPROVAL if redeems else OrderStatus.REJECTED
            away.append(_TurnedAway(order, to, refusal.code, decision))
            continue
        if decision.effect == policy.REVIEW and not _is_answered(order, decision):
            decision.save(force_insert=True)
            away.append(_TurnedAway(order, OrderStatus.AWAITING_APPROVAL, "review", decision))
        else:
            # Kept, with the order, when it is signed for.
            order.decision = decision
            ready.append(order)
    return ready, away


def _is_answered(order: Order, decision: Decision) -> bool:
    """Whether the approver saw every rule that asks for a review now, not only the size."""
    return bool(order.approved_by) and _reviews(decision) <= _reviews(order.decision)


def _reviews(decision: Decision) -> set[str]:
    speaking = [rule for rule in decision.fired if not rule.get("lifted_by")]
    return {rule["id"] for rule in speaking if rule["effect"] == policy.REVIEW}


def _turn_away(away: Sequence[_TurnedAway], *, now: datetime) -> None:
    for each in sorted(away, key=lambda turned: lanes.by_institution(turned.order)):
        _turn(each, now=now)


def _turn(each: _TurnedAway, *, now: datetime) -> None:
    # The order shows the decision that stopped it.
    each.order.decision = each.decision
    move(
        each.order,
        to=each.to,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(each.order, to=each.to, reason_code=each.reason_code),
        reason_code=each.reason_code,
        decision=each.decision,
        next_attempt_at=None,
        leased_until=None,
    )


def _post(ready: Sequence[Order], away: Sequence[_TurnedAway], *, now: datetime) -> None:
    postings.lock(orders=[*ready, *(each.order for each in away)])
    for order in ready:
        postings.back(order=order, actor=PIPELINE, now=now)
    for each in away:
        if each.to == OrderStatus.REJECTED:
            postings.give_back(order=each.order, actor=PIPELINE, now=now)


def _bind(row: ChainTransaction, orders: Sequence[Order]) -> None:
    ChainTransactionOrder.objects.bulk_create(
        ChainTransactionOrder(chain_transaction=row, order=order, index=index)
        for index, order in enumerate(orders)
    )


def _submit(
    row: ChainTransaction,
    orders: Sequence[Order],
    *,
    away: Sequence[_TurnedAway] = (),
    now: datetime,
) -> None:
    """Every order's move, signed for or turned away, in the one order that streams are locked."""
    if row.kind == ChainTransactionKind.CANCEL_REDEEM:
        # The order stays RETURNING; its transaction carries the work from here on.
        Order.objects.filter(pk__in=[order.pk for order in orders]).update(**_IDLE)
        return
    turned = {each.order.pk: each for each in away}
    for order in sorted([*orders, *(each.order for each in away)], key=lanes.by_institution):
        if order.pk in turned:
            _turn(turned[order.pk], now=now)
        else:
            _mark_submitted(order, now=now)


def _mark_submitted(order: Order, *, now: datetime) -> None:
    # The hash of a transaction that died; the new one has none until it is signed.
    order.tx_hash = ""
    move(
        order,
        to=OrderStatus.SUBMITTED,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=OrderStatus.SUBMITTED),
        tx_hash="",
        reason_code="",
        decision=order.decision,
        **_IDLE,
    )

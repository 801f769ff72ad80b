"""Orders of a token that cannot be asked by id, and that nothing proves: they wait for a person."""

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core import breakers
from core.actors import Actor
from core.errors import DomainError, StateConflict
from core.transitions import move, move_many
from core.use_case import use_case
from issuance import queries
from issuance.models import Order, TokenLog
from issuance.models.orders import NOTE_LENGTH_MAX
from issuance.services import approvals, lanes, moves, postings
from issuance.services.facts import order_facts
from issuance.services.lanes import PIPELINE
from issuance.services.outcomes import completion
from issuance.states import ORDER_TRANSITIONS, OrderStatus, OrderType

REASON = "chain_unknowable"
_WAITING = (OrderStatus.QUEUED, OrderStatus.AWAITING_APPROVAL)


class EvidenceMissing(DomainError):
    """The transaction named holds no unclaimed movement of this wallet and quantity."""

    code = "evidence_missing"
    title = "That transaction does not show this order's tokens, or another order has claimed them."


def candidates(order: Order) -> list[TokenLog]:
    """Finalized movements that may have been this order, and that no order has claimed.

    Mints to its wallet, or burns or returns from the redemption wallet, of exactly its quantity.
    """
    kind, account = "ORDER_BURNED", order.token.redemption_wallet
    if order.status == OrderStatus.RETURNING:
        kind, account = "REDEEM_CANCELLED", order.wallet.address
    elif order.type == OrderType.MINT:
        kind, account = "ORDER_MINTED", order.wallet.address
    rows = TokenLog.objects.canonical().filter(
        token=order.token,
        kind=kind,
        account__iexact=account,
        quantity=order.quantity,
        order__isnull=True,
        block__gt=order.token.opening_block,
    )
    found = list(rows.order_by("block", "log_index"))
    ruled = Order.objects.filter(
        token=order.token, quantity=order.quantity, tx_hash__in=[row.tx_hash for row in found]
    )
    claimed = Counter(ruled.values_list("tx_hash", flat=True))
    free = []
    for row in found:
        if claimed[row.tx_hash]:
            claimed[row.tx_hash] -= 1
        else:
            free.append(row)
    return free


@use_case
def suspect_orders(*, order_ids: Sequence[uuid.UUID], now: datetime) -> int:
    """Lost commits may have signed for these: none of them is signed again before a person ruled.

    A mint's shares move to ``backing``, where one that did happen needs them. Returns how many.
    """
    queries.lock_orders(order_ids=order_ids)
    rows = Order.objects.select_related("token__fund", "wallet", "investor")
    waiting = [OrderStatus.CHECKING, OrderStatus.RETURNING, *_WAITING]
    found = rows.filter(pk__in=order_ids, status__in=waiting).exclude(bindings__live=True)
    orders = sorted(found.order_by("pk"), key=lanes.by_institution)
    minted = [each for each in orders if each.type == OrderType.MINT and each.status in _WAITING]
    tokens = {order.token_id: order.token for order in orders}
    for token_id in sorted(tokens):
        postings.lock(orders=[order for order in minted if order.token_id == token_id])
    for order in minted:
        postings.back_executed(order=order, actor=PIPELINE, now=now)
    for order in orders:
        _suspect(order, now=now)
    for token in tokens.values():
        breakers.open_breaker(
            name=queries.token_breaker(token),
            reason="commits were lost, and this contract cannot say which orders it carried out",
            actor=PIPELINE,
            now=now,
        )
    return len(orders)


@use_case
def hold_for_ruling(*, order_id: uuid.UUID, now: datetime) -> None:
    """A doubtful order that the chain may have carried out: a person compares and rules."""
    order = queries.order_for_update(order_id=order_id)
    if order.status == OrderStatus.CHECKING:
        _hold(order)
        breakers.open_breaker(
            name=queries.token_breaker(order.token),
            reason=f"{order.public_id} may have been carried out by a transaction we do not know",
            actor=PIPELINE,
            now=now,
        )


@use_case
def rule_order(
    *, order_id: uuid.UUID, executed_in: str, reason: str, actor: Actor, now: datetime
) -> Order:
    """A person's word on an order that waits for it: carried out in this transaction, or not at all.

    ``executed_in`` is the hash of a candidate's transaction, empty for "not at all"; then it is
    signed for again, once the token's breaker is closed by two people, and once it is approved
    where it needs that and was not. Raises NotFound,
    StateConflict when no ruling is awaited, EvidenceMissing.
    """
    order = queries.order_for_update(order_id=order_id)
    if not awaits_ruling(order):
        raise StateConflict(f"{order.public_id} awaits no ruling.", state=order.status)
    Order.objects.filter(pk=order.pk).update(note=reason[:NOTE_LENGTH_MAX])
    if not executed_in:
        return _sign_again(order, actor=actor, now=now)
    if executed_in not in {row.tx_hash for row in candidates(order)}:
        raise EvidenceMissing(field="/executed_in")
    if order.status == OrderStatus.RETURNING:
        return _move(
            order,
            OrderStatus.REJECTED,
            actor=actor,
            now=now,
            tx_hash=executed_in,
            next_attempt_at=None,
        )
    legs: Sequence[Order] = ()
    if order.type == OrderType.REDEEM:
        postings.lock(orders=[order])
        legs = moves.carry_over(burned=[order], now=now)
    done = completion(order, tx_hash=executed_in, now=now)
    move_many([done], table=ORDER_TRANSITIONS, actor=actor, now=now)
    moves.announce(legs=legs, now=now)
    order.refresh_from_db()
    return order


def awaits_ruling(order: Order) -> bool:
    """Whether only a person can say what became of the order."""
    if order.token.exactly_once_on_chain or order.next_attempt_at is not None:
        return False
    if order.status == OrderStatus.CHECKING:
        return order.reason_code == REASON
    is_bound = order.bindings.filter(live=True).exists()
    return order.status == OrderStatus.RETURNING and not is_bound


def _suspect(order: Order, *, now: datetime) -> None:
    if order.status == OrderStatus.AWAITING_APPROVAL:
        # The approval may have been lost with the rest.
        order = _move(order, OrderStatus.QUEUED, now=now)
    if order.status == OrderStatus.QUEUED:
        order = _move(order, OrderStatus.CHECKING, now=now)
    _hold(order)


def _hold(order: Order) -> None:
    # Why its tokens go back stays with an order that is returning them.
    columns = {} if order.status == OrderStatus.RETURNING else {"reason_code": REASON}
    Order.objects.filter(pk=order.pk).update(next_attempt_at=None, leased_until=None, **columns)


def _sign_again(order: Order, *, actor: Actor, now: datetime) -> Order:
    if order.status == OrderStatus.RETURNING:
        Order.objects.filter(pk=order.pk).update(next_attempt_at=now)
        order.refresh_from_db()
        return order
    order = _move(
        order,
        OrderStatus.QUEUED,
        actor=actor,
        now=now,
        reason_code="",
        requeues=order.requeues + 1,
        next_attempt_at=now,
    )
    return approvals.await_missing(order, actor=actor, now=now)


def _move(
    order: Order,
    to: OrderStatus,
    *,
    now: datetime,
    actor: Actor = PIPELINE,
    **columns: Any,  # noqa: ANN401 - columns of the row
) -> Order:
    return move(
        order,
        to=to,
        table=ORDER_TRANSITIONS,
        actor=actor,
        now=now,
        data=order_facts(order, to=to),
        leased_until=None,
        **columns,
    )

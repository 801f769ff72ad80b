"""Finalized events of a token: kept, matched with redemptions, and never met with silence."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core import breakers
from core.failpoints import failpoint
from core.transitions import move
from core.units import format_quantity
from core.use_case import use_case
from custody import queries as custody_queries
from custody.models import Break
from custody.services.findings import record_break
from custody.states import BreakKind, Severity
from issuance import policy, queries
from issuance.chain import types as chain
from issuance.models import ChainCursor, Order, SupplySnapshot, Token, TokenLog
from issuance.services.facts import order_facts
from issuance.services.lanes import PIPELINE
from issuance.services.settlement import record_cap
from issuance.states import ORDER_FINAL, ORDER_TRANSITIONS, OrderStatus, OrderType

_NAMES: dict[type, str] = {
    chain.OrderMinted: "ORDER_MINTED",
    chain.OrderRejected: "ORDER_REJECTED",
    chain.OrderBurned: "ORDER_BURNED",
    chain.RedeemRequested: "REDEEM_REQUESTED",
    chain.RedeemCancelled: "REDEEM_CANCELLED",
    chain.Transferred: "TRANSFERRED",
    chain.Attested: "ATTESTED",
    chain.HolderSet: "HOLDER_SET",
    chain.RoleChanged: "ROLE_CHANGED",
}
# Its shares were given back, or its tokens: nothing of it may happen on chain any more.
_OVER = ORDER_FINAL - {OrderStatus.COMPLETED}
_ENDED_OTHERWISE = frozenset({OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.FAILED})
_TYPE_OF = {chain.OrderMinted: OrderType.MINT, chain.OrderBurned: OrderType.REDEEM}
OrderEvent = (
    chain.OrderMinted
    | chain.OrderRejected
    | chain.OrderBurned
    | chain.RedeemRequested
    | chain.RedeemCancelled
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizedRange:
    """What one look at the chain found: the events up to a finalized block, and the state there."""

    first_block: int
    last: chain.Head
    events: Sequence[chain.TokenEvent]
    reserves: chain.Reserves | None


@use_case
def record_logs(*, token_id: uuid.UUID, found: FinalizedRange, now: datetime) -> int:
    """Keep a finalized range of events and move the cursor past it; returns how many were new.

    Another worker that moved the cursor first makes this a no-op.
    """
    cursor = ChainCursor.objects.select_for_update(no_key=True, of=("self",)).get(token_id=token_id)
    if cursor.block != found.first_block - 1:
        return 0
    token = queries.token_by_id(token_id=token_id)
    kept = _keep(token, found.events)
    if found.reserves is not None:
        # Before any event: whoever holds an event stream must not wait for the token's row.
        _snapshot(token, found.last, found.reserves, now=now)
    requests = [(event, order) for event, order in kept if isinstance(event, chain.RedeemRequested)]
    # All before the first event: whoever holds an event stream must not wait for an order.
    queries.lock_orders(order_ids=[order.pk for _, order in requests if order is not None])
    for request, asked in sorted(requests, key=_by_stream):
        _take_escrow(token, request, asked, now=now)
    for event, order in kept:
        _require_expected(token, event, order, now=now)
    cursor.block = found.last.number
    cursor.block_hash = found.last.hash
    cursor.moved_at = now
    cursor.save(update_fields=["block", "block_hash", "moved_at"])
    failpoint("follow.precommit")
    return len(kept)


def _keep(
    token: Token, seen: Sequence[chain.TokenEvent]
) -> list[tuple[chain.TokenEvent, Order | None]]:
    """Append the events; each comes back with the order its id belongs to, if it is ours."""
    wanted = {event.order_id for event in seen if isinstance(event, OrderEvent)}
    orders = queries.orders_by_onchain_id(token=token, onchain_ids=wanted)
    pairs = [
        (event, orders.get(event.order_id) if isinstance(event, OrderEvent) else None)
        for event in seen
    ]
    TokenLog.objects.bulk_create([_row(token, event, order) for event, order in pairs])
    return pairs


def _row(token: Token, event: chain.TokenEvent, order: Order | None) -> TokenLog:
    row = TokenLog(
        token=token,
        block=event.log.block_number,
        block_hash=event.log.block_hash,
        tx_hash=event.log.tx_hash,
        log_index=event.log.index,
        kind=_NAMES.get(type(event), "OTHER"),
        order=order,
    )
    if isinstance(event, OrderEvent):
        row.onchain_id, row.account = Decimal(event.order_id), event.account
        row.quantity = 0 if isinstance(event, chain.OrderRejected) else event.amount
    elif isinstance(event, chain.Transferred):
        row.account, row.quantity = event.receiver, event.amount
    elif isinstance(event, chain.HolderSet | chain.RoleChanged):
        row.account = event.account
    return row


def _take_escrow(
    token: Token, event: chain.RedeemRequested, order: Order | None, *, now: datetime
) -> None:
    """Tokens came into escrow: the redemption they belong to goes on, or a person must look."""
    order = order and queries.order_for_update(order_id=order.pk)
    if order is None or not _is_for(event, order):
        _unmatched(token, event, order, now=now)
        return
    move(
        order,
        to=OrderStatus.IN_ESCROW,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=OrderStatus.IN_ESCROW),
        escrow_tx_hash=event.log.tx_hash,
    )
    waits = policy.order_needs_approval(order)
    to = OrderStatus.AWAITING_APPROVAL if waits else OrderStatus.QUEUED
    move(
        order,
        to=to,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=to),
        next_attempt_at=None if waits else now,
    )


def _is_for(event: chain.RedeemRequested, order: Order) -> bool:
    return (
        order.type == OrderType.REDEEM
        and order.status == OrderStatus.AWAITING_TOKENS
        and order.quantity == event.amount
        and order.wallet.address.lower() == event.account.lower()
    )


def _unmatched(
    token: Token, event: chain.RedeemRequested, order: Order | None, *, now: datetime
) -> None:
    found = Break(
        kind=BreakKind.UNKNOWN_REFERENCE,
        severity=Severity.S1,
        fund=token.fund,
        custody_account=token.custody_account,
        # Nothing is missing in custody: the tokens still exist and are still backed.
        delta=0,
        subject=(
            f"escrow of {format_quantity(event.amount)} {token.symbol} on {token.network} under"
            f" {order.public_id if order else event.order_id}: {event.log.tx_hash}"
        )[:160],
    )
    record_break(found, actor=PIPELINE, now=now)


def _require_expected(
    token: Token, event: chain.TokenEvent, order: Order | None, *, now: datetime
) -> None:
    """A mint or burn that no order of ours explains, or one that had ended, halts the token."""
    if not isinstance(event, chain.OrderMinted | chain.OrderBurned):
        return
    ours = (
        order is not None
        and order.status not in _ENDED_OTHERWISE
        and order.type == _TYPE_OF[type(event)]
        and order.status not in _OVER
        and order.quantity == event.amount
        and order.wallet.address.lower() == event.account.lower()
    )
    if not ours:
        breakers.open_breaker(
            name=queries.token_breaker(token),
            reason=f"unexpected {_NAMES[type(event)]} of id {event.order_id} in {event.log.tx_hash}",
            actor=PIPELINE,
            now=now,
        )


def _snapshot(token: Token, last: chain.Head, reserves: chain.Reserves, *, now: datetime) -> None:
    record_cap(token, reserves=reserves)
    latest = queries.latest_snapshot(token_id=token.pk)
    settled = custody_queries.position(token.fund_id).settled
    seen = (reserves.supply, reserves.cap, settled)
    if latest is not None and (latest.supply, latest.cap, latest.settled) == seen:
        return
    SupplySnapshot.objects.create(
        token=token,
        block=last.number,
        block_hash=last.hash,
        supply=reserves.supply,
        cap=reserves.cap,
        settled=settled,
        taken_at=now,
    )


def _by_stream(pair: tuple[chain.RedeemRequested, Order | None]) -> tuple[int, int]:
    """Institutions' event streams in one order; the issuer's own, for breaks, last."""
    event, order = pair
    return (order.institution_id.int if order else 2**128, event.order_id)

"""Finalized events of a token: kept, matched with redemptions, and never met with silence."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.failpoints import failpoint
from core.transitions import move
from core.units import Units, format_quantity
from core.use_case import use_case
from custody import ledger
from custody import queries as custody_queries
from custody.models import Break
from custody.services.findings import record_break
from custody.states import BreakKind, Severity
from issuance import policy, queries
from issuance.chain import types as chain
from issuance.models import ChainCursor, Order, SupplySnapshot, Token
from issuance.services import expectations, logbook
from issuance.services.blocks import moment
from issuance.services.facts import order_facts
from issuance.services.holdings import keep_holdings
from issuance.services.lanes import PIPELINE
from issuance.services.settlement import record_cap
from issuance.states import ORDER_TRANSITIONS, OrderStatus, OrderType


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizedRange:
    """What one look at the chain found: the events up to a finalized block, and the state there."""

    first_block: int
    last: chain.Head
    events: Sequence[chain.TokenEvent]
    reserves: chain.Reserves | None
    # When each block was made that holds an event.
    times: Mapping[int, datetime] = field(default_factory=dict)


@use_case
def record_logs(*, token_id: uuid.UUID, found: FinalizedRange, now: datetime) -> int:
    """Keep a finalized range of events and move the cursor past it; returns how many were new.

    Another worker that moved the cursor first makes this a no-op.
    """
    cursor = ChainCursor.objects.select_for_update(no_key=True, of=("self",)).get(token_id=token_id)
    if cursor.block != found.first_block - 1:
        return 0
    token = queries.token_by_id(token_id=token_id)
    last = found.last
    kept = logbook.keep(
        token=token, first=found.first_block, last=last.number, seen=found.events, now=now
    )
    if found.reserves is not None:
        # Before any event: whoever holds an event stream must not wait for the token's row.
        _snapshot(token, last, found.reserves, now=now)
    requests = [
        (entry.event, entry.order)
        for entry in kept.fresh
        if isinstance(entry.event, chain.RedeemRequested)
    ]
    # All before the first event: whoever holds an event stream must not wait for an order.
    queries.lock_orders(order_ids=[order.pk for _, order in requests if order is not None])
    expectations.shut_lost_wallets(token=token, entries=kept.fresh, now=now)
    for request, asked in sorted(requests, key=_by_stream):
        _take_escrow(token, request, asked, now=now)
    times = {entry.row.block: moment(last.timestamp) for entry in kept.fresh} | dict(found.times)
    expectations.require_expected(token=token, entries=kept.fresh, now=now)
    keep_holdings(token=token, entries=kept.fresh, times=times, now=now)
    expectations.require_still_there(
        token=token, vanished=kept.vanished, entries=kept.fresh, now=now
    )
    cursor.block, cursor.block_hash = last.number, last.hash
    cursor.block_time, cursor.moved_at = moment(last.timestamp), now
    cursor.save(update_fields=["block", "block_hash", "block_time", "moved_at"])
    failpoint("follow.precommit")
    return len(kept.fresh)


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


def _snapshot(token: Token, last: chain.Head, reserves: chain.Reserves, *, now: datetime) -> None:
    if token.has_attested_cap:
        record_cap(token, reserves=reserves)
    supply = Units(reserves.supply)
    ledger.note_supply(token_id=token.pk, fund_id=token.fund_id, units=supply)
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

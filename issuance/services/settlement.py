"""Finalized evidence becomes fact: the only place where an order completes or a mint fails."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core import breakers
from core.failpoints import failpoint
from core.transitions import Transition, move, move_many
from core.units import Units
from core.use_case import use_case
from custody import ledger
from issuance import queries
from issuance.chain import types as chain
from issuance.models import Attempt, ChainTransaction, ChainTransactionOrder, Order, Token
from issuance.services import approvals, carried, lanes, moves, postings
from issuance.services.agreement import Agreement, agrees, judge
from issuance.services.facts import order_facts
from issuance.services.holder_outcomes import release_holders, settle_holders
from issuance.services.lanes import PIPELINE
from issuance.services.outcomes import (
    FinalEvidence,
    Outcome,
    closing,
    completion,
    ending,
    read_outcome,
)
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    CHAIN_TRANSACTION_TRANSITIONS,
    ORDER_TRANSITIONS,
    ChainTransactionKind,
    ChainTransactionStatus,
    OrderStatus,
    OrderType,
)

# An order whose transaction reverted or died this often is failed instead of queued again.
REQUEUES_MAX = 5


@use_case
def settle_transaction(
    *, chain_transaction_id: uuid.UUID, evidence: FinalEvidence, now: datetime
) -> bool:
    """Write the end of a transaction and of everything it carried, once.

    False when it was final already, when the follower's record does not hold the same events yet,
    when another form was signed since its death was looked for, or when the evidence does not explain every order: then a breaker opens and nothing is settled.
    """
    rows = ChainTransaction.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "token__fund"
    )
    row = rows.get(pk=chain_transaction_id)
    if row.status in CHAIN_TRANSACTION_FINAL or not _covers(evidence, row):
        return False
    if evidence.receipt is not None and not agrees(row, receipt=evidence.receipt, now=now):
        return False
    orders = lanes.bound_orders(row)
    carried.name_wallets(orders=orders)
    if evidence.status == ChainTransactionStatus.FINAL_OK:
        outcome = read_outcome(kind=row.kind, orders=orders, seen=evidence.events)
        if outcome.unexplained or not settle_holders(row, seen=evidence.events, now=now):
            _trip(row, outcome.unexplained, now=now)
            return False
        _post(outcome, now=now)
        _finish(row, outcome, evidence, now=now)
    else:
        ChainTransactionOrder.objects.filter(chain_transaction=row).update(live=False)
        _check(orders, now=now)
        release_holders(row, now=now)
    done = closing(row, evidence=evidence, now=now)
    move_many([done], table=CHAIN_TRANSACTION_TRANSITIONS, actor=PIPELINE, now=now)
    failpoint("settle.precommit")
    return True


@use_case
def settle_mints(*, found: Mapping[uuid.UUID, FinalEvidence], now: datetime) -> set[uuid.UUID]:
    """Write the end of mint transactions that were executed whole, several at once.

    ``found`` maps them to evidence of success. Returns those that are settled now; whatever is not
    plain (an order skipped or unexplained, a record that does not agree) is left as it is, for
    ``settle_transaction`` to judge alone.
    """
    rows = [
        row
        for row in lanes.lock_transactions(ids=found)
        if row.status not in CHAIN_TRANSACTION_FINAL and row.kind == ChainTransactionKind.MINT
    ]
    rows = [row for row in _agreed(rows, found) if row.cancel_asked_at is None]
    bound = lanes.orders_by_transaction(rows=rows)
    carried.name_wallets(orders=[order for orders in bound.values() for order in orders])
    plain = [row for row in rows if _is_whole(row, bound.get(row.pk, []), found[row.pk])]
    completed = [
        (order, _receipt(found[row.pk]).tx_hash) for row in plain for order in bound[row.pk]
    ]
    # Before the first event: every other worker waits for the streams it locks.
    bindings = ChainTransactionOrder.objects.filter(chain_transaction__in=plain)
    bindings.update(outcome="executed")
    # All before the first event: in the one order that streams are locked.
    completed.sort(key=lambda each: lanes.by_institution(each[0]))
    done = [completion(order, tx_hash=tx_hash, now=now) for order, tx_hash in completed]
    move_many(done, table=ORDER_TRANSITIONS, actor=PIPELINE, now=now)
    ends = [closing(row, evidence=found[row.pk], now=now) for row in plain]
    move_many(ends, table=CHAIN_TRANSACTION_TRANSITIONS, actor=PIPELINE, now=now)
    failpoint("settle.precommit")
    return {row.pk for row in plain}


@use_case
def finish_checking(*, order_id: uuid.UUID, tx_hash: str, now: datetime) -> None:
    """The order id was consumed after all, for this very order: the chain's word is final."""
    order = queries.order_for_update(order_id=order_id)
    if order.status != OrderStatus.CHECKING:
        return
    legs: Sequence[Order] = ()
    if order.type == OrderType.REDEEM:
        postings.lock(orders=[order])
        legs = moves.carry_over(burned=[order], now=now)
    done = completion(order, tx_hash=tx_hash, now=now)
    move_many([done], table=ORDER_TRANSITIONS, actor=PIPELINE, now=now)
    moves.announce(legs=legs, now=now)


@use_case
def requeue_checked(*, order_id: uuid.UUID, wait: timedelta, now: datetime) -> None:
    """The id is unused at finality and no transaction lives: the order may be signed for again.

    One that needs an approval and has none waits for it first. A mint's shares stay in
    ``backing``. After too many times it fails and they are free again.
    """
    queries.require_recovered(network=queries.network_of(order_id=order_id))
    order = queries.order_for_update(order_id=order_id)
    if order.status != OrderStatus.CHECKING:
        return
    to = OrderStatus.QUEUED
    columns: dict[str, Any] = {"next_attempt_at": now + wait, "requeues": order.requeues + 1}
    if order.requeues >= REQUEUES_MAX:
        to = OrderStatus.FAILED if order.type == OrderType.MINT else OrderStatus.RETURNING
        columns = {"next_attempt_at": now if to == OrderStatus.RETURNING else None}
        columns["reason_code"] = "chain_refused"
        if order.type == OrderType.MINT:
            postings.fail_mint(order=order, actor=PIPELINE, now=now)
    order = move(
        order,
        to=to,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=to),
        leased_until=None,
        **columns,
    )
    if to == OrderStatus.QUEUED:
        approvals.await_missing(order, actor=PIPELINE, now=now)


def _covers(evidence: FinalEvidence, row: ChainTransaction) -> bool:
    """Whether whoever found a transaction dead looked for every form there is of it."""
    if evidence.receipt is not None:
        return True
    signed = Attempt.objects.filter(chain_transaction=row).values_list("tx_hash", flat=True)
    return evidence.looked_for.issuperset(signed)


def _agreed(
    rows: Sequence[ChainTransaction], found: Mapping[uuid.UUID, FinalEvidence]
) -> list[ChainTransaction]:
    """Those whose receipt shows exactly what the follower has recorded."""
    by_token: dict[uuid.UUID, list[ChainTransaction]] = {}
    for row in rows:
        by_token.setdefault(row.token_id, []).append(row)
    agreed = []
    for token_id, some in by_token.items():
        receipts = [_receipt(found[row.pk]) for row in some]
        verdicts = judge(token_id=token_id, address=some[0].token.address, receipts=receipts)
        agreed += [
            row
            for row, receipt in zip(some, receipts, strict=True)
            if verdicts[receipt.tx_hash] is Agreement.AGREES and row.disagreed_since is None
        ]
    return agreed


def _is_whole(row: ChainTransaction, orders: Sequence[Order], evidence: FinalEvidence) -> bool:
    outcome = read_outcome(kind=row.kind, orders=orders, seen=evidence.events)
    return bool(orders) and len(outcome.completed) == len(orders)


def _receipt(evidence: FinalEvidence) -> chain.Receipt:
    assert evidence.receipt is not None
    return evidence.receipt


def _post(outcome: Outcome, *, now: datetime) -> None:
    postings.lock(orders=[*outcome.completed, *(order for order, _ in outcome.rejected)])
    for order, _ in outcome.rejected:
        postings.fail_mint(order=order, actor=PIPELINE, now=now)
    burned = [order for order in outcome.completed if order.type == OrderType.REDEEM]
    outcome.legs = moves.carry_over(burned=burned, now=now)


def _finish(
    row: ChainTransaction, outcome: Outcome, evidence: FinalEvidence, *, now: datetime
) -> None:
    assert evidence.receipt is not None
    tx_hash = evidence.receipt.tx_hash
    reasons = {order.pk: reason for order, reason in outcome.rejected}
    endings = {
        **{order.pk: completion(order, tx_hash=tx_hash, now=now) for order in outcome.completed},
        **{
            order.pk: ending(
                order, to=OrderStatus.REJECTED, reason_code=order.reason_code, tx_hash=tx_hash
            )
            for order in outcome.returned
        },
        **{
            order.pk: ending(order, to=OrderStatus.FAILED, reason_code=reason, tx_hash=tx_hash)
            for order, reason in outcome.rejected
        },
    }
    every = [*outcome.completed, *outcome.returned, *(order for order, _ in outcome.rejected)]
    in_order = [endings[order.pk] for order in sorted(every, key=lanes.by_institution)]
    move_many(in_order, table=ORDER_TRANSITIONS, actor=PIPELINE, now=now)
    moves.announce(legs=outcome.legs, now=now)
    bindings = ChainTransactionOrder.objects.filter(chain_transaction=row)
    bindings.filter(order_id__in=reasons).update(live=False, outcome="skipped")
    bindings.exclude(order_id__in=reasons).update(outcome="executed")
    if row.kind == ChainTransactionKind.ATTEST and evidence.reserves is not None:
        record_cap(row.token, reserves=evidence.reserves)


def record_cap(token: Token, *, reserves: chain.Reserves) -> None:
    """Keep what the contract holds at finality as the attested cap and its time."""
    Token.objects.filter(pk=token.pk).update(
        attested_units=reserves.cap,
        attested_as_of=_moment(reserves.as_of),
        attestation_age_seconds_max=reserves.max_age,
    )
    ledger.note_cap(
        token_id=token.pk,
        fund_id=token.fund_id,
        units=Units(reserves.cap),
        as_of=datetime.fromtimestamp(reserves.as_of, tz=UTC),
    )


def _check(orders: Sequence[Order], *, now: datetime) -> None:
    """Reverted or dead: the chain is asked by order id before anything is signed again."""
    returning = [order.pk for order in orders if order.status == OrderStatus.RETURNING]
    Order.objects.filter(pk__in=returning).update(next_attempt_at=now, leased_until=None)
    doubtful = [
        Transition(
            row=order,
            to=OrderStatus.CHECKING,
            data=order_facts(order, to=OrderStatus.CHECKING),
            changes={"next_attempt_at": now, "leased_until": None},
        )
        for order in orders
        if order.status != OrderStatus.RETURNING
    ]
    move_many(doubtful, table=ORDER_TRANSITIONS, actor=PIPELINE, now=now)


def _trip(row: ChainTransaction, orders: Sequence[Order], *, now: datetime) -> None:
    named = ", ".join(order.public_id for order in orders[:3]) or "its register entries"
    breakers.open_breaker(
        name=queries.token_breaker(row.token),
        reason=f"{row.public_id} is final but its events do not explain {named}",
        actor=PIPELINE,
        now=now,
    )


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds else None

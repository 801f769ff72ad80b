"""What was seen of a chain transaction before it is final; nothing here settles anything."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.failpoints import failpoint
from core.transitions import Transition, move, move_many
from core.use_case import use_case
from issuance.chain import types as chain
from issuance.models import Attempt, ChainTransaction, Order
from issuance.services import lanes
from issuance.services.facts import order_facts
from issuance.services.lanes import PIPELINE
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    CHAIN_TRANSACTION_TRANSITIONS,
    ORDER_TRANSITIONS,
    ChainTransactionStatus,
    OrderStatus,
)

NOTE_LENGTH_MAX = 200


@use_case
def record_note(
    *,
    chain_transaction_id: uuid.UUID,
    lease: datetime | None,
    note: str,
    look_in: timedelta,
    now: datetime,
) -> None:
    """Nothing was decided: keep the remark and look again later.

    ``lease`` is the one the caller looked under, if any. When it ran out meanwhile and another worker
    holds the row, that one's remark and time count.
    """
    row = _locked(chain_transaction_id)
    is_ours = row.leased_until in {None, lease}
    if is_ours and row.status not in CHAIN_TRANSACTION_FINAL:
        _reschedule(row, now + look_in, last_note=note[:NOTE_LENGTH_MAX], gone_since=None)


@use_case
def record_gone(
    *, chain_transaction_id: uuid.UUID, note: str, look_in: timedelta, now: datetime
) -> None:
    """The first look that found the nonce used up without us; only a second one is proof."""
    row = _locked(chain_transaction_id)
    if row.status not in CHAIN_TRANSACTION_FINAL:
        _reschedule(
            row,
            now + look_in,
            last_note=note[:NOTE_LENGTH_MAX],
            gone_since=row.gone_since or now,
        )


@use_case
def record_inclusion(
    *, chain_transaction_id: uuid.UUID, receipt: chain.Receipt, look_in: timedelta, now: datetime
) -> None:
    """A block holds the transaction, not yet finally; its orders show as included."""
    _include({chain_transaction_id: receipt}, look_in=look_in, now=now)


@use_case
def record_inclusions(
    *, receipts: Mapping[uuid.UUID, chain.Receipt], look_in: timedelta, now: datetime
) -> None:
    """``record_inclusion`` for several transactions, by their ids."""
    _include(receipts, look_in=look_in, now=now)


def _include(
    receipts: Mapping[uuid.UUID, chain.Receipt], *, look_in: timedelta, now: datetime
) -> None:
    fresh = []
    for row in lanes.lock_transactions(ids=receipts):
        if row.status == ChainTransactionStatus.INCLUDED:
            _reschedule(row, now + look_in, **_seen(receipts[row.pk]))
        elif row.status not in CHAIN_TRANSACTION_FINAL:
            fresh.append(row)
    # The block holds the form that cancels: nothing is said of the orders before that is final.
    cancels = set(
        Attempt.objects.filter(
            tx_hash__in=[receipt.tx_hash for receipt in receipts.values()], cancels=True
        ).values_list("chain_transaction_id", flat=True)
    )
    carried = [row for row in fresh if row.pk not in cancels]
    bound = lanes.orders_by_transaction(rows=carried, status=OrderStatus.SUBMITTED)
    shown = [
        (order, receipts[row.pk].tx_hash) for row in carried for order in bound.get(row.pk, ())
    ]
    _show(shown, to=OrderStatus.INCLUDED, now=now)
    included = [
        Transition(
            row=row,
            to=ChainTransactionStatus.INCLUDED,
            data={"tx_hash": receipts[row.pk].tx_hash, "block": receipts[row.pk].block_number},
            changes={
                "included_at": now,
                "next_attempt_at": now + look_in,
                "leased_until": None,
                **_seen(receipts[row.pk]),
            },
        )
        for row in fresh
    ]
    move_many(included, table=CHAIN_TRANSACTION_TRANSITIONS, actor=PIPELINE, now=now)
    failpoint("include.record.precommit")


def _seen(receipt: chain.Receipt) -> dict[str, Any]:
    return {
        "include_hash": receipt.tx_hash,
        "include_block": receipt.block_number,
        "include_block_hash": receipt.block_hash,
        "gone_since": None,
        "last_note": "",
    }


@use_case
def record_reorganised(*, chain_transaction_id: uuid.UUID, now: datetime) -> None:
    """The block that held the transaction left the chain: the same bytes are sent again."""
    row = _locked(chain_transaction_id)
    if row.status != ChainTransactionStatus.INCLUDED:
        return
    # Due again at once, also for the worker that follows one that dies here.
    Attempt.objects.filter(chain_transaction=row).update(last_sent_at=None)
    bound = lanes.bound_orders(row, status=OrderStatus.INCLUDED)
    _show([(order, order.tx_hash) for order in bound], to=OrderStatus.SUBMITTED, now=now)
    move(
        row,
        to=ChainTransactionStatus.SENT,
        table=CHAIN_TRANSACTION_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        event_type="chain_transaction.reorganised",
        data={"tx_hash": row.include_hash, "block": row.include_block},
        include_hash="",
        include_block=None,
        include_block_hash="",
        included_at=None,
        next_attempt_at=now,
        leased_until=None,
    )
    failpoint("reorg.record.precommit")


@use_case
def look_again_later(*, ids: Iterable[uuid.UUID], look_in: timedelta, now: datetime) -> None:
    """Nothing has changed with these transactions: look at them again later, without a remark."""
    rows = lanes.lock_transactions(ids=ids)
    waiting = [row.pk for row in rows if row.status not in CHAIN_TRANSACTION_FINAL]
    ChainTransaction.objects.filter(pk__in=waiting).update(
        next_attempt_at=now + look_in, leased_until=None, last_note="", gone_since=None
    )


def _locked(chain_transaction_id: uuid.UUID) -> ChainTransaction:
    rows = ChainTransaction.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "token"
    )
    return rows.get(pk=chain_transaction_id)


def _reschedule(row: ChainTransaction, at: datetime, **columns: object) -> None:
    ChainTransaction.objects.filter(pk=row.pk).update(
        next_attempt_at=at, leased_until=None, **columns
    )


def _show(shown: Sequence[tuple[Order, str]], *, to: OrderStatus, now: datetime) -> None:
    """Orders with the hash each of them shows from now on, in the one order of their streams."""
    moves = [
        Transition(
            row=order,
            to=to,
            data=order_facts(order, to=to, tx_hash=tx_hash),
            changes={"tx_hash": tx_hash},
        )
        for order, tx_hash in sorted(shown, key=lambda each: lanes.by_institution(each[0]))
    ]
    move_many(moves, table=ORDER_TRANSITIONS, actor=PIPELINE, now=now)

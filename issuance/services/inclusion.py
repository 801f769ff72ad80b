"""What was seen of a chain transaction before it is final; nothing here settles anything."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, OuterRef, Subquery

from core.failpoints import failpoint
from core.transitions import Transition, move, move_many
from core.use_case import use_case
from issuance import queries
from issuance.chain import types as chain
from issuance.models import Attempt, ChainTransaction, ChainTransactionOrder, Order
from issuance.services import lanes
from issuance.services.facts import order_facts
from issuance.services.lanes import PIPELINE
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    CHAIN_TRANSACTION_TRANSITIONS,
    ORDER_TRANSITIONS,
    ChainTransactionKind,
    ChainTransactionStatus,
    OrderStatus,
)

NOTE_LENGTH_MAX = 200
# Their orders show the hash; a redemption that is called back was never on its way.
ORDER_KINDS = frozenset({ChainTransactionKind.MINT, ChainTransactionKind.BURN})
# Nobody took the bytes, so they are sent again at the next look.
_NOT_DELIVERED = frozenset(
    {chain.SendKind.UNREACHABLE, chain.SendKind.RATE_LIMITED, chain.SendKind.WRONG_CHAIN}
)


@use_case
def record_broadcast(
    *,
    chain_transaction_id: uuid.UUID,
    answers: Mapping[str, chain.SendAnswer],
    look_in: timedelta,
    now: datetime,
) -> None:
    """Note that saved bytes were sent and what each node said; the answer decides nothing.

    ``answers`` maps an attempt's hash to the node's remark.
    """
    row = _locked(chain_transaction_id)
    for tx_hash, answer in answers.items():
        attempt = Attempt.objects.get(tx_hash=tx_hash, chain_transaction=row)
        note_answer(attempt, answer=answer, now=now)
        attempt.save(update_fields=["sent_count", "last_sent_at", "last_answer"])
    if row.status == ChainTransactionStatus.ASSIGNED:
        move(
            row,
            to=ChainTransactionStatus.SENT,
            table=CHAIN_TRANSACTION_TRANSITIONS,
            actor=PIPELINE,
            now=now,
            sent_at=now,
            next_attempt_at=now + look_in,
            leased_until=None,
        )
    else:
        _reschedule(row, now + look_in)
    failpoint("broadcast.record.precommit")


@use_case
def record_note(
    *, chain_transaction_id: uuid.UUID, note: str, look_in: timedelta, now: datetime
) -> None:
    """Nothing was decided: keep the remark and look again later."""
    row = _locked(chain_transaction_id)
    if row.status not in CHAIN_TRANSACTION_FINAL:
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
def save_attempt(
    *,
    chain_transaction_id: uuid.UUID,
    after: int,
    signed: chain.SignedTransaction,
    fees: chain.Fees,
    cancels: bool = False,
    now: datetime,
) -> Attempt | None:
    """Keep a signed form of the transaction, before anyone sends it: the first, or a dearer one.

    ``after`` is the sequence of the newest attempt the caller knew when it asked the signer, 0
    before the first; ``signed`` has passed verify_signed. None when somebody else has kept another
    form meanwhile, or when this one is no longer wanted: then its bytes must be thrown away
    unsent. Raises HaltActive for the first form while a breaker is open.
    """
    row = _locked(chain_transaction_id)
    newest = Attempt.objects.filter(chain_transaction=row).count()
    is_wanted = cancels == (row.cancel_asked_at is not None)
    if row.status in CHAIN_TRANSACTION_FINAL or newest != after or not is_wanted:
        return None
    if newest == 0 and not cancels:
        lanes.require_signable(row)
    attempt = Attempt.objects.create(
        chain_transaction=row,
        sequence=newest + 1,
        cancels=cancels,
        tx_hash=signed.hash,
        raw=signed.raw,
        max_fee_wei=fees.max_fee,
        tip_wei=fees.tip,
        created_at=now,
    )
    if newest == 0 and not cancels:
        name_hashes(rows=[row])
    failpoint("sign.precommit")
    return attempt


def name_hashes(*, rows: Sequence[ChainTransaction]) -> None:
    """The hash a client may look for, from the moment there are bytes that have it.

    Inside the transaction that has just kept the first forms of these rows.
    """
    carried = ChainTransactionOrder.objects.filter(
        chain_transaction__in=[row for row in rows if row.kind in ORDER_KINDS], live=True
    )
    ids = list(carried.values_list("order_id", flat=True))
    queries.lock_orders(order_ids=ids)
    first = Attempt.objects.filter(
        sequence=1,
        chain_transaction__order_bindings__order=OuterRef("pk"),
        chain_transaction__order_bindings__live=True,
    )
    Order.objects.filter(pk__in=ids).update(
        tx_hash=Subquery(first.values("tx_hash")[:1]), version=F("version") + 1
    )


def note_answer(attempt: Attempt, *, answer: chain.SendAnswer, now: datetime) -> None:
    """What became of one sending, in the row's columns; not yet saved."""
    attempt.sent_count += 1
    if answer.kind not in _NOT_DELIVERED:
        attempt.last_sent_at = now
    attempt.last_answer = f"{answer.kind}: {answer.detail}"[:NOTE_LENGTH_MAX]


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

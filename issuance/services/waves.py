"""Steps that many transactions take at once; each is what the single step would have written."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.failpoints import failpoint
from core.transitions import Transition, move_many
from core.use_case import use_case
from issuance.chain import types as chain
from issuance.models import Attempt, ChainTransaction
from issuance.services import lanes
from issuance.services.inclusion import name_hashes, note_answer
from issuance.services.lanes import PIPELINE
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    CHAIN_TRANSACTION_TRANSITIONS,
    ChainTransactionStatus,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedForm:
    """The first form of a numbered call, proven and not yet kept."""

    chain_transaction_id: uuid.UUID
    signed: chain.SignedTransaction
    fees: chain.Fees


@use_case
def save_first_attempts(*, forms: Sequence[SignedForm], now: datetime) -> list[Attempt]:
    """Keep the first forms of several transactions before anyone sends them.

    One that has a form already, is final or is being cancelled is left out: its bytes must be
    thrown away unsent. Raises HaltActive while a breaker of any of them is open.
    """
    by_row = {form.chain_transaction_id: form for form in forms}
    rows = lanes.lock_transactions(ids=by_row)
    taken = set(
        Attempt.objects.filter(chain_transaction__in=rows).values_list(
            "chain_transaction_id", flat=True
        )
    )
    wanted = [
        row
        for row in rows
        if row.pk not in taken
        and row.status not in CHAIN_TRANSACTION_FINAL
        and row.cancel_asked_at is None
    ]
    for row in {row.token_id: row for row in wanted}.values():
        lanes.require_signable(row)
    attempts = [
        Attempt(
            chain_transaction=row,
            sequence=1,
            tx_hash=by_row[row.pk].signed.hash,
            raw=by_row[row.pk].signed.raw,
            max_fee_wei=by_row[row.pk].fees.max_fee,
            tip_wei=by_row[row.pk].fees.tip,
            created_at=now,
        )
        for row in wanted
    ]
    attempts.sort(key=lambda each: (each.chain_transaction.signer_id, each.chain_transaction.nonce))
    Attempt.objects.bulk_create(attempts)
    name_hashes(rows=wanted)
    failpoint("sign.precommit")
    return attempts


@use_case
def record_broadcasts(
    *, answers: Mapping[str, chain.SendAnswer], look_in: timedelta, now: datetime
) -> None:
    """``record_broadcast`` for several transactions; ``answers`` by the hash of each form sent."""
    ids = Attempt.objects.filter(tx_hash__in=list(answers)).values_list(
        "chain_transaction_id", flat=True
    )
    rows = lanes.lock_transactions(ids=set(ids))
    sent = list(Attempt.objects.filter(tx_hash__in=list(answers)).defer("raw"))
    for attempt in sent:
        note_answer(attempt, answer=answers[attempt.tx_hash], now=now)
    Attempt.objects.bulk_update(sent, ["sent_count", "last_sent_at", "last_answer"])
    fresh = [
        Transition(
            row=row,
            to=ChainTransactionStatus.SENT,
            changes={"sent_at": now, "next_attempt_at": now + look_in, "leased_until": None},
        )
        for row in rows
        if row.status == ChainTransactionStatus.ASSIGNED
    ]
    again = [row.pk for row in rows if row.status != ChainTransactionStatus.ASSIGNED]
    ChainTransaction.objects.filter(pk__in=again).update(
        next_attempt_at=now + look_in, leased_until=None
    )
    move_many(fresh, table=CHAIN_TRANSACTION_TRANSITIONS, actor=PIPELINE, now=now)
    failpoint("broadcast.record.precommit")


@use_case
def look_again_later(*, ids: Iterable[uuid.UUID], look_in: timedelta, now: datetime) -> None:
    """Nothing has changed with these transactions: look at them again later, without a remark."""
    rows = lanes.lock_transactions(ids=ids)
    waiting = [row.pk for row in rows if row.status not in CHAIN_TRANSACTION_FINAL]
    ChainTransaction.objects.filter(pk__in=waiting).update(
        next_attempt_at=now + look_in, leased_until=None, last_note="", gone_since=None
    )

"""What a person may do about stuck work besides cancelling: hurry a call, try a register entry again."""

import uuid
from datetime import datetime

from core import events
from core.actors import Actor
from core.errors import NotFound, StateConflict
from core.transitions import move
from core.use_case import use_case
from issuance.models import ChainTransaction, Holder
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    HOLDER_TRANSITIONS,
    ChainTransactionStatus,
    HolderStatus,
)


@use_case
def hurry_transaction(
    *, chain_transaction_id: uuid.UUID, reason: str, actor: Actor, now: datetime
) -> ChainTransaction:
    """Ask for a dearer form at the same nonce at the next look, under the ceiling as ever.

    Raises NotFound, or StateConflict when it is in a block or has ended.
    """
    row = _open(chain_transaction_id)
    if row.status not in {ChainTransactionStatus.ASSIGNED, ChainTransactionStatus.SENT}:
        raise StateConflict("It is in a block already: only finality is missing.", state=row.status)
    row.hurry_asked_at = row.next_attempt_at = now
    row.save(update_fields=["hurry_asked_at", "next_attempt_at"])
    _record("chain_transaction.hurried", row, reason=reason, actor=actor, now=now)
    return row


@use_case
def look_again(*, chain_transaction_id: uuid.UUID, actor: Actor, now: datetime) -> ChainTransaction:
    """Make the next look at a transaction due at once. Raises NotFound or StateConflict."""
    row = _open(chain_transaction_id)
    row.next_attempt_at = now
    row.save(update_fields=["next_attempt_at"])
    _record("chain_transaction.look_asked", row, reason="", actor=actor, now=now)
    return row


@use_case
def retry_holder(*, holder_id: uuid.UUID, actor: Actor, now: datetime) -> Holder:
    """Write a failed register entry again. Raises NotFound or StateConflict."""
    holder = Holder.objects.select_for_update(no_key=True).filter(pk=holder_id).first()
    if holder is None:
        raise NotFound
    if holder.status != HolderStatus.FAILED:
        raise StateConflict("Only a failed entry is written again.", state=holder.status)
    return move(
        holder,
        to=HolderStatus.PENDING,
        table=HOLDER_TRANSITIONS,
        actor=actor,
        now=now,
        next_attempt_at=now,
    )


def _open(chain_transaction_id: uuid.UUID) -> ChainTransaction:
    rows = ChainTransaction.objects.select_for_update(no_key=True, of=("self",))
    row = rows.select_related("token", "signer").filter(pk=chain_transaction_id).first()
    if row is None:
        raise NotFound
    if row.status in CHAIN_TRANSACTION_FINAL:
        raise StateConflict("The transaction has ended.", state=row.status)
    return row


def _record(
    event_type: str, row: ChainTransaction, *, reason: str, actor: Actor, now: datetime
) -> None:
    data = {"network": row.token.network, "signer": row.signer.address, "nonce": row.nonce}
    data |= {"reason": reason} if reason else {}
    events.record(event_type=event_type, row=row, actor=actor, now=now, data=data)

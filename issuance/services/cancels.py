"""A call that will not be mined: its nonce is used up by an empty transfer instead."""

import uuid
from datetime import datetime

from core import events
from core.actors import Actor
from core.errors import StateConflict
from core.failpoints import failpoint
from core.use_case import use_case
from issuance.models import ChainTransaction
from issuance.states import ChainTransactionKind, ChainTransactionStatus

REASON_LENGTH_MAX = 200
_CANCELLABLE = frozenset({ChainTransactionStatus.ASSIGNED, ChainTransactionStatus.SENT})


class NotCancellable(StateConflict):
    """It is in a block or has ended, only fills a nonce, or is being cancelled already."""

    code = "transaction_not_cancellable"
    title = "This transaction cannot be cancelled."


@use_case
def cancel_transaction(
    *, chain_transaction_id: uuid.UUID, reason: str, actor: Actor, now: datetime
) -> ChainTransaction:
    """Ask that the transaction's nonce be used up by an empty transfer of its key to itself.

    From here on only that form is signed, saved and sent, at a higher price than every earlier one.
    Nothing it carries is released yet: whichever form is final decides. When it is the empty one the
    call is dead, and the chain is asked about each order by its id; an original that wins the race
    settles as ever. Breakers do not stop it. Raises NotCancellable.
    """
    rows = ChainTransaction.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "token", "signer"
    )
    row = rows.get(pk=chain_transaction_id)
    if row.kind == ChainTransactionKind.FILL or row.status not in _CANCELLABLE:
        raise NotCancellable(state=row.status)
    if row.cancel_asked_at is not None:
        raise NotCancellable("It is being cancelled already.", state=row.status)
    row.cancel_asked_at = now
    row.cancel_reason = reason[:REASON_LENGTH_MAX] or "no reason given"
    row.cancelled_by = str(actor)
    row.next_attempt_at = now
    row.save(update_fields=["cancel_asked_at", "cancel_reason", "cancelled_by", "next_attempt_at"])
    # The words stay in the portal, as with every note of an operator.
    events.record(
        event_type="chain_transaction.cancel_requested",
        row=row,
        actor=actor,
        now=now,
        data={
            "kind": row.kind.lower(),
            "network": row.token.network,
            "signer": row.signer.address,
            "nonce": row.nonce,
        },
    )
    failpoint("cancel.precommit")
    return row

"""The lawful exits from stuck chain work: look again, hurry, call off, write again."""

from core.portal import ActionCall, ReasonForm, ServiceAction, Style
from issuance import services
from issuance.models import ChainTransaction, Holder
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    ChainTransactionKind,
    ChainTransactionStatus,
    HolderStatus,
)

_UNMINED = frozenset({ChainTransactionStatus.ASSIGNED, ChainTransactionStatus.SENT})


def _look(call: ActionCall[ChainTransaction]) -> str:
    services.look_again(chain_transaction_id=call.row.pk, actor=call.actor, now=call.now)
    return "A worker looks at it at once."


def _hurry(call: ActionCall[ChainTransaction]) -> str:
    services.hurry_transaction(
        chain_transaction_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "A dearer form is signed at the next look, unless the ceiling forbids it."


def _cancel(call: ActionCall[ChainTransaction]) -> str:
    services.cancel_transaction(
        chain_transaction_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "An empty transfer takes its nonce; what it carried waits until one of them is final."


def _retry(call: ActionCall[Holder]) -> str:
    services.retry_holder(holder_id=call.row.pk, actor=call.actor, now=call.now)
    return "The entry is written again."


def may_look(row: ChainTransaction) -> bool:
    """Whether another look could change anything."""
    return row.status not in CHAIN_TRANSACTION_FINAL


def may_hurry(row: ChainTransaction) -> bool:
    """Whether a dearer form could still be mined instead."""
    return row.status in _UNMINED


def may_cancel(row: ChainTransaction) -> bool:
    """Whether its nonce can still be used up by something else."""
    is_call = row.kind != ChainTransactionKind.FILL
    return row.status in _UNMINED and is_call and row.cancel_asked_at is None


TRANSACTION_ACTIONS = [
    ServiceAction(
        name="look-again",
        label="Look again now",
        permission="portal.mend_transaction",
        run=_look,
        explain="A worker asks the nodes about it at once instead of at the time below.",
        when=may_look,
    ),
    ServiceAction(
        name="hurry",
        label="Hurry it",
        permission="portal.mend_transaction",
        form=ReasonForm,
        run=_hurry,
        explain="Signs the same call at the same nonce for an eighth more, saved before it is sent."
        " Whichever form is mined counts; it cannot happen twice.",
        when=may_hurry,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="cancel",
        label="Call it off",
        permission="portal.mend_transaction",
        form=ReasonForm,
        run=_cancel,
        explain="Offers an empty transfer of the key to itself at the same nonce. Nothing is"
        " released before one of the two is final; orders are then asked about by id.",
        when=may_cancel,
        style=Style.DANGER,
    ),
]
HOLDER_ACTIONS = [
    ServiceAction(
        name="retry",
        label="Write it again",
        permission="portal.mend_transaction",
        run=_retry,
        explain="Queues the register entry for the next transaction of compliance.",
        when=lambda row: row.status == HolderStatus.FAILED,
        style=Style.PRIMARY,
    ),
]

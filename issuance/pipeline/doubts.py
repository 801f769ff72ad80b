"""A doubtful order of a token that cannot be asked by id: proven by its own transactions and the logs."""

from datetime import datetime, timedelta

from issuance import services
from issuance.chain import types as chain
from issuance.chain.errors import ChainError
from issuance.chain.standards import Execution
from issuance.models import ChainCursor, ChainTransaction, Order, Recovery, TokenLog
from issuance.pipeline.follow import RANGES_PER_TICK_MAX, follow
from issuance.services import unknowable
from issuance.states import CHAIN_TRANSACTION_FINAL, ChainTransactionStatus, OrderType

RETRY = timedelta(seconds=1)


def resolve(*, order: Order, node: chain.Chain, requeue_wait: timedelta, now: datetime) -> int:
    """Sign again what is proven not to have happened; whatever is not proven waits for a person.

    Returns how many were resolved. Raises ChainError, and DomainError during a recovery.
    """
    finalized = node.finalized()
    for _ in range(RANGES_PER_TICK_MAX):
        if follow(token=order.token, node=node, now=now) is None:
            break
    if ChainCursor.objects.get(token=order.token).block < finalized.number:
        raise ChainError("the record does not reach the finalized head yet")
    found = own_log(order)
    if found is not None:
        services.finish_checking(order_id=order.pk, tx_hash=found.tx_hash, now=now)
        return 1
    if was_executed(order) is Execution.NO:
        services.requeue_checked(order_id=order.pk, wait=requeue_wait, now=now)
        return 1
    unknowable.hold_for_ruling(order_id=order.pk, now=now)
    return 0


def own_log(order: Order) -> TokenLog | None:
    """The recorded event by which a transaction of ours carried the order out, if there is one."""
    kind = "ORDER_MINTED" if order.type == OrderType.MINT else "ORDER_BURNED"
    return TokenLog.objects.canonical().filter(order=order, kind=kind).first()


def was_executed(order: Order) -> Execution:
    """What our own rows and the finalized logs prove of a doubtful order.

    YES: one of its own transactions shows it. NO: each of its transactions is over without having succeeded, none of them while commits may
    have been lost, and no finalized movement of its wallet and quantity is left unclaimed. The
    record must reach a finalized block above all of that.
    """
    if own_log(order) is not None:
        return Execution.YES
    rows = ChainTransaction.objects.filter(order_bindings__order=order)
    ends = [(row.status, row.created_at) for row in rows]
    if not ends or any(status not in CHAIN_TRANSACTION_FINAL for status, _ in ends):
        return Execution.UNKNOWABLE
    if any(status == ChainTransactionStatus.FINAL_OK for status, _ in ends):
        return Execution.UNKNOWABLE
    newest = max(created_at for _, created_at in ends)
    recoveries = Recovery.objects.filter(network=order.token.network, created_at__gte=newest)
    if recoveries.exists() or unknowable.candidates(order):
        return Execution.UNKNOWABLE
    return Execution.NO

"""Orders whose transaction died or reverted: the chain is asked by order id, at finality."""

from datetime import datetime, timedelta
from functools import partial

import structlog

from core.errors import DomainError
from core.failpoints import failpoint
from core.work import claim_due
from issuance import queries, services
from issuance.chain.errors import ChainError
from issuance.chain.token import TokenReader
from issuance.models import Order, TokenLog
from issuance.pipeline import doubts
from issuance.pipeline.walls import FAULT, FAULT_WAIT, Piece, Wall
from issuance.pipeline.world import World
from issuance.states import OrderStatus, OrderType, Work

LEASE = timedelta(seconds=15)
CLAIM_MAX = 50
RETRY = timedelta(seconds=1)
REQUEUE_WAIT = timedelta(seconds=5)
_log = structlog.get_logger(__name__)


def check_due(*, world: World, now: datetime) -> int:
    """Resolve doubtful orders; returns how many were resolved."""
    doubtful = Order.objects.filter(status=OrderStatus.CHECKING)
    claimed = claim_due(doubtful, now=now, lease=LEASE, limit=CLAIM_MAX)
    ids = [order.pk for order in claimed]
    orders = Order.objects.select_related("token__cursor", "wallet").filter(pk__in=ids)
    resolved = 0
    for order in orders.order_by("pk"):
        order.leased_until = now + LEASE  # as claimed, whatever another has made of it since
        let_wait = partial(_let_wait, order, now)
        with Wall(piece=Piece.of(Work.CHECK, order.token), now=now, let_wait=let_wait):
            resolved += _check_one(order, world=world, now=now)
    return resolved


def _let_wait(order: Order, now: datetime, _remark: str) -> None:
    services.delay_order(order=order, reason_code=FAULT, wait=FAULT_WAIT, now=now)


def _check_one(order: Order, *, world: World, now: datetime) -> int:
    """What cannot be written of this order waits with the reason, and holds up no other."""
    try:
        return _check(order, world=world, now=now)
    except (ChainError, DomainError) as obstacle:
        # In recovery "unused" is not the last word: a lost transaction may still use the id. And a
        # move's burn waits for as long as its mint's network does not know its order ids.
        _log.info("check_waits", order=order.public_id, reason=obstacle.code)
        services.delay_order(order=order, reason_code=obstacle.code, wait=RETRY, now=now)
        return 0


def _check(order: Order, *, world: World, now: datetime) -> int:
    if not order.token.exactly_once_on_chain:
        return _prove(order, world=world, now=now)
    node = world.chain_of(order.token)
    reader = TokenReader(node, order.token.address)
    finalized = node.finalized()
    used = reader.is_executed(order.onchain_id, at=finalized.number)
    used_above = used or reader.is_executed(order.onchain_id)
    failpoint("check.asked")
    if used:
        return _settle_by_log(order, now=now)
    if used_above:
        # Somebody's transaction has just used it; wait for its finality.
        services.delay_order(order=order, reason_code="", wait=RETRY, now=now)
        return 0
    services.requeue_checked(order_id=order.pk, wait=REQUEUE_WAIT, now=now)
    failpoint("check.requeued")
    return 1


def _prove(order: Order, *, world: World, now: datetime) -> int:
    """The contract cannot be asked by id: our own transactions and the logs must tell."""
    node = world.chain_of(order.token)
    return doubts.resolve(order=order, node=node, requeue_wait=REQUEUE_WAIT, now=now)


def _settle_by_log(order: Order, *, now: datetime) -> int:
    """The id is used: the recorded event must name this very order, or a person must look."""
    kind = "ORDER_MINTED" if order.type == OrderType.MINT else "ORDER_BURNED"
    kinds = ["ORDER_MINTED", "ORDER_BURNED", "ORDER_RECOVERED"]
    logs = TokenLog.objects.canonical().filter(token=order.token, kind__in=kinds)
    log = logs.filter(onchain_id=order.onchain_id).first()
    if log is None:
        # The follower has not come so far yet.
        services.delay_order(order=order, reason_code="", wait=RETRY, now=now)
        return 0
    same = (
        log.kind == kind
        and log.quantity == order.quantity
        and log.account.lower() == order.wallet.address.lower()
    )
    if not same:
        services.trip(
            name=queries.token_breaker(order.token),
            reason=f"{order.public_id}: its id is used by another {log.kind}",
            now=now,
        )
        services.delay_order(
            order=order, reason_code="id_conflict", wait=timedelta(minutes=5), now=now
        )
        return 0
    services.finish_checking(order_id=order.pk, tx_hash=log.tx_hash, now=now)
    failpoint("check.finished")
    return 1

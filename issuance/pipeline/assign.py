"""Due orders become chain transactions: claim, simulate outside, number, then sign and send."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from core.errors import DomainError
from core.failpoints import failpoint
from core.work import claim_due
from issuance import policy, queries, services
from issuance.chain import types as chain
from issuance.chain.errors import CallReverted, ChainError, SignerError
from issuance.chain.standards import Cure, Deed, standard_of
from issuance.models import Order, Signer, Token
from issuance.models.orders import REASON_LENGTH_MAX
from issuance.pipeline.planning import Plan, Simulation, plan
from issuance.pipeline.sign import sign_and_send
from issuance.pipeline.world import World
from issuance.services.assignment import encode_orders, item_of
from issuance.states import ChainTransactionKind, OrderStatus, OrderType, SignerRole

LEASE = timedelta(seconds=15)
BATCH_MAX = 100
ROUNDS_MAX = 20  # batches of one kind of one token per tick
RETRY = timedelta(seconds=3)
_log = structlog.get_logger(__name__)

_DUE: dict[ChainTransactionKind, tuple[OrderType, OrderStatus, int]] = {
    # Exits first: they lower the claim on the shares.
    ChainTransactionKind.CANCEL_REDEEM: (OrderType.REDEEM, OrderStatus.RETURNING, 1),
    ChainTransactionKind.BURN: (OrderType.REDEEM, OrderStatus.QUEUED, BATCH_MAX),
    ChainTransactionKind.MINT: (OrderType.MINT, OrderStatus.QUEUED, BATCH_MAX),
}


def assign_due(*, world: World, now: datetime) -> int:
    """Sign for every due order there is room for; returns how many transactions were numbered."""
    numbered = 0
    for token in queries.tokens():
        for kind in _DUE:
            for _ in range(ROUNDS_MAX):
                orders = _claim(token, kind, now=now)
                if not orders:
                    break
                numbered += _assign(token, kind, orders, world=world, now=now)
    return numbered


def _claim(token: Token, kind: ChainTransactionKind, *, now: datetime) -> list[Order]:
    order_type, status, limit = _DUE[kind]
    limit = min(limit, standard_of(token).orders_per_transaction_max)
    rows = Order.objects.filter(token=token, type=order_type, status=status)
    claimed = claim_due(rows, now=now, lease=LEASE, limit=limit)
    failpoint("assign.claimed")
    ids = [order.pk for order in claimed]
    return list(Order.objects.select_related("wallet", "token").filter(pk__in=ids).order_by("pk"))


def _assign(
    token: Token,
    kind: ChainTransactionKind,
    orders: Sequence[Order],
    *,
    world: World,
    now: datetime,
) -> int:
    if kind == ChainTransactionKind.MINT:
        # No room under the attested cap yet: a newer attestation is on its way.
        orders, waiting = policy.split_by_room(token, orders)
        _release(waiting, at=now + RETRY)
        if not orders:
            return 0
    try:
        planned, lane, fees = _plan(token, kind, orders, world=world)
        failpoint("assign.simulated")
        _push_back(token, planned, now=now)
        passing = [order.pk for order in planned.passing]
        row = None
        if passing:
            row = services.assign_orders(
                token_id=token.pk,
                kind=kind,
                order_ids=passing,
                signer_id=lane.pk,
                gas=planned.gas,
                now=now,
            )
            failpoint("assign.committed")
    except (DomainError, ChainError, SignerError) as obstacle:
        # Halted, busy, or the node cannot be asked: nothing was numbered and the orders stay due.
        _log.info("assign_waits", token=token.public_id, reason=obstacle.code)
        _release(orders, at=now + RETRY)
        return 0
    _release(orders, at=now)
    if row is None:
        return 0
    sign_and_send(row=row, world=world, now=now, fees=fees)
    return 1


def _plan(
    token: Token, kind: ChainTransactionKind, orders: Sequence[Order], *, world: World
) -> tuple[Plan[Order], Signer, chain.Fees]:
    """What may go together, by which key and at which price.

    Too dear, or no key at hand: known before a nonce is taken for it.
    """
    queries.require_not_halted(token=token)
    lane = services.pick_lane(token=token, role=SignerRole.ISSUER)
    world.key_for(lane.address)
    node = world.chain_of(token)
    simulation: Simulation[Order] = Simulation(
        chain=node,
        sender=lane.address,
        to=token.address,
        encode=lambda rows: encode_orders(kind=kind, orders=rows),
    )
    hindered = _hindered(token, kind, orders, node=node)
    free = [order for order in orders if order.pk not in {row.pk for row, _ in hindered}]
    planned = plan(free, simulation=simulation) if free else Plan(passing=[], gas=0, refused=[])
    planned.refused.extend(hindered)
    return planned, lane, node.fees()


def _hindered(
    token: Token, kind: ChainTransactionKind, orders: Sequence[Order], *, node: chain.Chain
) -> list[tuple[Order, CallReverted]]:
    """What the contract would let pass although it must not; our own refuses by itself."""
    standard = standard_of(token)
    if standard.exactly_once_on_chain or kind != ChainTransactionKind.MINT:
        return []
    asked = [(order, standard.obstacle(node, item_of(order), Deed.MINT)) for order in orders]
    return [(order, refusal) for order, refusal in asked if refusal is not None]


def _push_back(token: Token, planned: Plan[Order], *, now: datetime) -> None:
    """What would revert alone is not signed: it is asked by id, ended, or waits for a cure."""
    standard = standard_of(token)
    for row, refusal in planned.refused:
        _log.warning("order_would_revert", order=row.public_id, error=refusal.name)
        cure, reason = standard.cure(refusal)
        reason_code = reason[:REASON_LENGTH_MAX]
        if cure is Cure.ASK_BY_ID:
            services.doubt_order(order_id=row.pk, now=now)
        elif cure is Cure.REJECT:
            services.refuse_order(order_id=row.pk, reason_code=reason_code, now=now)
        else:
            services.delay_order(order_id=row.pk, reason_code=reason_code, wait=RETRY * 2, now=now)


def _release(orders: Sequence[Order], *, at: datetime) -> None:
    """Give back the lease of whatever was not bound, for the next tick."""
    ids = [order.pk for order in orders]
    held = Order.objects.filter(pk__in=ids, leased_until__isnull=False)
    held.filter(next_attempt_at__lt=at).update(leased_until=None, next_attempt_at=at)
    held.update(leased_until=None)

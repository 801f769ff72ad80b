"""Due orders become chain transactions: claim, simulate outside, number, then sign and send."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.conf import settings
from django.db.models import QuerySet

from core.errors import DomainError, StateConflict
from core.failpoints import failpoint
from core.lean import read_many
from core.work import claim_due
from custody import ledger
from issuance import policy, queries, services
from issuance.chain import types as chain
from issuance.chain.errors import CallReverted, ChainError, SignerError, SignerRefused
from issuance.chain.standards import Cure, Deed, standard_of
from issuance.models import ChainTransaction, Order, Signer, Token
from issuance.models.orders import REASON_LENGTH_MAX
from issuance.pipeline.planning import Plan, Simulation, plan_each
from issuance.pipeline.sign import sign_and_send_many
from issuance.pipeline.walls import FAULT, FAULT_WAIT, Piece, Wall, by_halves
from issuance.pipeline.world import World
from issuance.services import carried, lanes, leases
from issuance.services.assignment import Batch, encode_orders, item_of
from issuance.services.lanes import LaneBusy
from issuance.services.room import UNFINALIZED_CAP, split_by_unfinalized
from issuance.states import ChainTransactionKind, OrderStatus, OrderType, SignerRole, Work

LEASE = timedelta(seconds=15)
# A third of the mints that fit under a transaction's gas cap. A larger batch makes one mint cheaper for
# us and for the chain; a poisoned one takes two halvings more than a hundred would.
BATCH_MAX = 400
WAVE_MAX = 100  # transactions that are numbered, signed and sent together
ROUNDS_MAX = 20  # batches of one kind of one token per tick
RETRY = timedelta(seconds=3)
# Refusals of a batch for the sake of one order in it; halts and the like concern every order.
_OF_ONE = (StateConflict, ledger.InsufficientShares, ledger.AccountNotOpen)
_log = structlog.get_logger(__name__)
# What room, simulation and lease ask of an order; numbering reads it again, locked.
_TRIED = ("id", "attempts", "leased_until", "wallet_id", "quantity", "onchain_id", "requeues")

_DUE: dict[ChainTransactionKind, tuple[OrderType, OrderStatus, int]] = {
    # Exits first: they lower the claim on the shares.
    ChainTransactionKind.CANCEL_REDEEM: (OrderType.REDEEM, OrderStatus.RETURNING, 1),
    ChainTransactionKind.BURN: (OrderType.REDEEM, OrderStatus.QUEUED, BATCH_MAX),
    ChainTransactionKind.MINT: (OrderType.MINT, OrderStatus.QUEUED, BATCH_MAX),
}


def assign_due(*, world: World, clock: Callable[[], datetime]) -> int:
    """Sign for every due order there is room for; returns how many transactions were numbered."""
    numbered = 0
    for token in queries.tokens():
        for kind in _DUE:
            with Wall(piece=Piece.of(Work.ASSIGN, token), now=clock()):
                numbered += _assign_in_rounds(token, kind, world=world, clock=clock)
    return numbered


def _assign_in_rounds(
    token: Token, kind: ChainTransactionKind, *, world: World, clock: Callable[[], datetime]
) -> int:
    numbered = 0
    for _ in range(ROUNDS_MAX):
        # Read anew: a lease is counted from when it was taken, and a round may take seconds.
        now = clock()
        orders = _claim(token, kind, now=now)
        if not orders:
            break
        try:
            numbered += by_halves(
                orders,
                partial(_assign, token, kind, world=world, now=now),
                piece=Piece.of(Work.ASSIGN, token),
                give_up=partial(_let_wait, now=now),
                now=now,
                passing=(LaneBusy,),
            )
        except LaneBusy:
            # Due again at once: the next block makes room, and nothing else must pass.
            _release(orders, at=now)
            break
    return numbered


def batch_max(token: Token, kind: ChainTransactionKind) -> int:
    """The most orders one transaction of this kind carries, by network and standard."""
    most = int(settings.CHAIN_BATCH_MAX.get(token.network, BATCH_MAX))
    return min(_DUE[kind][2], most, standard_of(token).orders_per_transaction_max)


def _claim(token: Token, kind: ChainTransactionKind, *, now: datetime) -> list[Order]:
    """Orders for one wave: one full batch, or as many small ones as make up a full one."""
    order_type, status, most = _DUE[kind]
    at_once = size = batch_max(token, kind)
    if standard_of(token).exactly_once_on_chain:
        at_once = min(most, size * WAVE_MAX)
    rows = Order.objects.filter(token=token, type=order_type, status=status)
    claimed = claim_due(rows, now=now, lease=LEASE, limit=at_once, read=_read)
    failpoint("assign.claimed")
    carried.name_wallets(orders=claimed)
    for order in claimed:
        order.token = token
    return sorted(claimed, key=lambda order: order.pk)


def _read(rows: QuerySet[Order]) -> list[Order]:
    return read_many(rows, _TRIED)


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
        orders, paused = split_by_unfinalized(token=token, orders=orders)
        _release(paused, at=now + RETRY, reason_code=UNFINALIZED_CAP)
        if not orders:
            return 0
    rows: list[ChainTransaction] = []
    try:
        planned, lane, fees = _plan(token, kind, orders, world=world)
        failpoint("assign.simulated")
        for each in planned:
            _push_back(token, each, now=now)
        batches = [
            Batch(order_ids=[order.pk for order in each.passing], gas=each.gas)
            for each in planned
            if each.passing
        ]
        if batches:
            rows = services.assign_wave(
                token_id=token.pk, kind=kind, batches=batches, signer_id=lane.pk, now=now
            )
            failpoint("assign.committed")
    except LaneBusy:
        raise
    except _OF_ONE as refusal:
        return _assign_halves(token, kind, orders, refusal, world=world, now=now)
    except (DomainError, ChainError, SignerError) as obstacle:
        # Halted, or the node cannot be asked: nothing was numbered and the orders stay due.
        _log.info("assign_waits", token=token.public_id, reason=obstacle.code)
        _release(orders, at=now + RETRY)
        return 0
    _release(orders, at=now)
    sign_and_send_many(rows=rows, world=world, now=now, fees=fees)
    return len(rows)


def _assign_halves(
    token: Token,
    kind: ChainTransactionKind,
    orders: Sequence[Order],
    refusal: DomainError,
    *,
    world: World,
    now: datetime,
) -> int:
    """Nothing was numbered for the sake of one order: each half by itself, until it waits alone."""
    _log.warning("assign_refused", token=token.public_id, reason=refusal.code)
    if len(orders) == 1:
        _release(orders, at=now + RETRY, reason_code=refusal.code)
        return 0
    middle = len(orders) // 2
    halves = orders[:middle], orders[middle:]
    return sum(_assign(token, kind, half, world=world, now=now) for half in halves)


def _plan(
    token: Token, kind: ChainTransactionKind, orders: Sequence[Order], *, world: World
) -> tuple[list[Plan[Order]], Signer, chain.Fees]:
    """What may go together, by which key and at which price; a plan for each transaction.

    Too dear, or no key at hand: known before a nonce is taken for it.
    """
    queries.require_not_halted(token=token)
    lane = services.pick_lane(token=token, role=SignerRole.ISSUER)
    node = world.chain_of(token)
    simulation: Simulation[Order] = Simulation(
        chain=node,
        key=world.key_for(lane.address),
        fees=node.fees(),
        to=token.address,
        encode=lambda rows: encode_orders(kind=kind, orders=rows),
    )
    hindered = _hindered(token, kind, orders, node=node)
    barred = {row.pk for row, _ in hindered}
    free = [order for order in orders if order.pk not in barred]
    size = batch_max(token, kind)
    batches = [free[first : first + size] for first in range(0, len(free), size)]
    batches = batches[: lanes.room(signer=lane)]
    planned = plan_each(batches, simulation=simulation)
    return [*planned, Plan(passing=[], gas=0, refused=hindered)], lane, simulation.fees


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
    """What would revert alone is not signed: it is asked by id, ended, or waits for a cure.

    What the key's policy forbids waits for a person, who alone can widen a limit.
    """
    for row, forbidden in planned.forbidden:
        _log.warning("order_forbidden", order=row.public_id, reason=str(forbidden))
    barred = [row for row, _ in planned.forbidden]
    _release(barred, at=now + RETRY * 2, reason_code=SignerRefused.code)
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
            services.delay_order(order=row, reason_code=reason_code, wait=RETRY * 2, now=now)


def _let_wait(order: Order, *, now: datetime) -> None:
    _release([order], at=now + FAULT_WAIT, reason_code=FAULT)


def _release(orders: Sequence[Order], *, at: datetime, reason_code: str = "") -> None:
    """Give back the lease of whatever was not bound, for the next tick, and say why it waits."""
    if orders:
        leases.give_back_orders(orders=orders, at=at, reason_code=reason_code)

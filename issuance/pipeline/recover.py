"""Recovery: notice that the chain may know more than the database, and win certainty back.

Each call makes the next step of each network and waits for nothing; whoever dies between two steps
leaves a row that says which one is next.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog

from core.errors import DomainError
from core.failpoints import failpoint
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.errors import ChainError
from issuance.chain.standards import Execution, standard_of
from issuance.models import ChainCursor, NetworkGate, Order, Recovery, Signer, Trouble
from issuance.pipeline.sign import fill_gas
from issuance.pipeline.walls import Piece, Wall
from issuance.pipeline.world import World
from issuance.services import unknowable
from issuance.services.recovered_orders import doubtful_orders, executed_unsigned
from issuance.services.recoveries import SEQUENCE_MAX, unfinished_behind
from issuance.states import RecoveryCause, RecoveryStatus, Work

ASK_MAX = 50  # orders that are asked about in one request, and whose answers are kept at once
PAGES_MAX = 10  # of so many orders each, in one tick
_log = structlog.get_logger(__name__)


def recover_due(*, world: World, now: datetime) -> int:
    """Begin the recoveries that are needed and advance those under way; returns how many run."""
    running = 0
    for gate in NetworkGate.objects.order_by("network"):
        let_wait = partial(_remark, gate.network)
        with Wall(piece=Piece(Work.RECOVER, gate.network), now=now, let_wait=let_wait):
            running += _recover(gate.network, world=world, now=now)
    for fund_id in services.funds_in_doubt():
        services.vouch_for_fund(fund_id=fund_id)
        failpoint("recover.vouched")
    return running


def _recover(network: str, *, world: World, now: datetime) -> int:
    try:
        notice(network=network, world=world, now=now)
        return advance_recovery(network=network, world=world, now=now)
    except (ChainError, DomainError) as obstacle:
        _log.info("recovery_waits", network=network, reason=obstacle.code)
        _remark(network, f"{obstacle.code}: {obstacle}")
        return 0


def notice(*, network: str, world: World, now: datetime) -> None:
    """Begin a recovery when the database's history changed or the chain did what we know nothing of.

    The history comes first, for it explains the rest; then used order ids; then nonces, which ask
    the nodes. A node that cannot be asked hides only itself.
    """
    if not NetworkGate.seen(network=network)[1]:
        reason = "the database's history changed: a standby was promoted or a backup restored"
        _begin(network, RecoveryCause.FAILOVER, reason, now=now)
    unsigned = executed_unsigned(network)
    if unsigned is not None:
        reason = f"{unsigned.public_id} is {unsigned.status}, and the chain has executed it"
        _begin(network, RecoveryCause.ORDER_ID, reason, now=now)
    for token in queries.tokens().filter(network=network):
        used = queries.highest_executed_id(token_id=token.pk)
        if queries.last_onchain_id(token_id=token.pk) < used <= SEQUENCE_MAX:
            reason = f"{token.symbol}: order id {used} is used, and we never gave it out"
            _begin(network, RecoveryCause.ORDER_ID, reason, now=now)
            services.raise_sequence(token_id=token.pk, above=used)
    for signer in Signer.objects.filter(network=network).order_by("pk"):
        try:
            seen = seen_nonces(world.chain_for(network), signer.address)
        except ChainError as unknown:
            _log.info("lane_unseen", signer=signer.address, reason=unknown.code)
            continue
        if seen > signer.next_nonce:
            services.doubt_nonce(signer_id=signer.pk, seen=seen, now=now)


def seen_nonces(node: chain.Chain, address: str) -> int:
    """How many nonces of a key the chain shows, mined or waiting. Raises ChainError."""
    return max(node.nonce(address, at="latest"), node.nonce(address, at="pending"))


def advance_recovery(*, network: str, world: World, now: datetime) -> int:
    """The next step of the network's recovery; 1 while there is one. Raises ChainError, DomainError."""
    recovery = running_recovery(network)
    if recovery is None:
        return 0
    if recovery.status == RecoveryStatus.BEGUN:
        _raise_fences(recovery, world=world, now=now)
    elif recovery.status == RecoveryStatus.FENCED:
        _await_fences(recovery, world=world, now=now)
    else:
        _ask(recovery, world=world, now=now)
    return 1


def running_recovery(network: str) -> Recovery | None:
    """The recovery under way on a network, or None."""
    return Recovery.objects.filter(network=network).exclude(status=RecoveryStatus.DONE).first()


def _begin(network: str, cause: RecoveryCause, reason: str, *, now: datetime) -> None:
    if services.begin_recovery(network=network, cause=cause, reason=reason, now=now) is not None:
        _log.warning("recovery_begun", network=network, cause=cause, reason=reason)
    failpoint("recover.begun")


def _raise_fences(recovery: Recovery, *, world: World, now: datetime) -> None:
    node = world.chain_for(recovery.network)
    # Judged as the death of a transaction is: by the count at a finalized block, and no other.
    final = node.finalized().number
    for signer in Signer.objects.filter(network=recovery.network).order_by("pk"):
        services.raise_fence(
            recovery_id=recovery.pk,
            signer_id=signer.pk,
            seen=seen_nonces(node, signer.address),
            used_up=node.nonce(signer.address, at=final),
            gas=fill_gas(node, signer.address),
            now=now,
        )
        failpoint("recover.fence_raised")
    services.record_fenced(recovery_id=recovery.pk, now=now)


def _await_fences(recovery: Recovery, *, world: World, now: datetime) -> None:
    left = unfinished_behind(recovery).count()
    if left:
        note = f"{left} transactions behind the fence are not final or not recorded"
        _remark(recovery.network, note + _standing(recovery.network, now=now))
        return
    # Read after the rows were found final, so that it lies above all that lost ones did.
    horizon = world.chain_for(recovery.network).finalized().number
    services.record_fence_final(recovery_id=recovery.pk, horizon_block=horizon, now=now)
    failpoint("recover.fence_final")


def _ask(recovery: Recovery, *, world: World, now: datetime) -> None:
    """Ask about the next orders by id, once the follower has recorded all that they may have done."""
    behind = ChainCursor.objects.filter(
        token__network=recovery.network, block__lt=recovery.horizon_block or 0
    )
    if behind.exists():
        note = f"the record of every token must reach block {recovery.horizon_block}"
        _remark(recovery.network, note + _standing(recovery.network, now=now))
        return
    node = world.chain_for(recovery.network)
    finalized = node.finalized().number
    if finalized < (recovery.horizon_block or 0):
        _remark(recovery.network, f"the node's finality lies below {recovery.horizon_block}")
        return
    for _ in range(PAGES_MAX):
        if not _ask_page(recovery, node, finalized=finalized, now=now):
            return
        recovery.refresh_from_db()
        if recovery.status != RecoveryStatus.ASKING:
            return  # another worker has ended it meanwhile


def _ask_page(recovery: Recovery, node: chain.Chain, *, finalized: int, now: datetime) -> bool:
    """Ask about the next orders and keep what is said; without any the recovery ends. False then."""
    orders = list(doubtful_orders(recovery).select_related("token")[:ASK_MAX])
    if not orders:
        services.end_recovery(recovery_id=recovery.pk, now=now)
        failpoint("recover.ended")
        return False
    answers = _answers(orders, node, at=finalized)
    used = {pk for pk, answer in answers.items() if answer is Execution.YES}
    silent = [pk for pk, answer in answers.items() if answer is Execution.UNKNOWABLE]
    failpoint("recover.asked")
    if silent:
        unknowable.suspect_orders(order_ids=silent, now=now)
    services.record_asked(
        recovery_id=recovery.pk,
        through=orders[-1].pk,
        order_ids=[order.pk for order in orders],
        used=used,
        now=now,
    )
    return True


def _answers(orders: Sequence[Order], node: chain.Chain, *, at: int) -> dict[uuid.UUID, Execution]:
    """What the chain says of these orders, in one request for each token. Raises ChainError."""
    said: dict[uuid.UUID, Execution] = {}
    for token in {order.token for order in orders}:
        theirs = {order.onchain_id: order.pk for order in orders if order.token_id == token.pk}
        found = standard_of(token).executed(node, list(theirs), at=at)
        said |= {pk: found[onchain_id] for onchain_id, pk in theirs.items()}
    return said


def _standing(network: str, *, now: datetime) -> str:
    """Which tokens' records stand still, and why: the whole network waits for them."""
    rows = Trouble.now_on(network=network, now=now).filter(work=Work.FOLLOW)
    return "".join(f"; the record of {row.subject} stands: {row.code}" for row in rows)


def _remark(network: str, note: str) -> None:
    recovery = running_recovery(network)
    if recovery is not None:
        services.note_recovery(recovery_id=recovery.pk, note=note)

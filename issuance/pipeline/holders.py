"""Wallets in good standing enter the holder register of every token of their network."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from math import ceil

import structlog

from core.errors import DomainError
from core.failpoints import failpoint
from core.work import claim_due
from issuance import queries, services
from issuance.chain.errors import ChainError, SignerError
from issuance.chain.standards import standard_of
from issuance.models import Holder, Token
from issuance.pipeline.planning import Simulation, plan
from issuance.pipeline.sign import sign_and_send
from issuance.pipeline.verified import give_back, look_up
from issuance.pipeline.walls import FAULT_WAIT, Piece, Wall, by_halves
from issuance.pipeline.world import World
from issuance.services.registers import encode_holders
from issuance.states import HolderStatus, SignerRole, Work
from kyc import queries as kyc_queries

LEASE = timedelta(seconds=15)
BATCH_MAX = 100
WINDOW = 200  # entries compared with the facts per tick
RETRY = timedelta(seconds=3)
_log = structlog.get_logger(__name__)


def register_due(*, world: World, now: datetime) -> int:
    """Bring the wanted registers up to date and sign for what is missing on chain."""
    signed = 0
    for token in queries.tokens():
        piece = Piece.of(Work.REGISTER, token)
        with Wall(piece=piece, now=now):
            _want(token, now=now)
        failpoint("register.wanted")
        with Wall(piece=piece, now=now):
            holders = _claim(token, now=now)
            if holders:
                signed += by_halves(
                    holders,
                    partial(_register, token, world=world, now=now),
                    piece=piece,
                    give_up=partial(_let_wait, now=now),
                    now=now,
                )
    return signed


def _claim(token: Token, *, now: datetime) -> list[Holder]:
    rows = Holder.objects.filter(token=token, status=HolderStatus.PENDING)
    claimed = claim_due(rows, now=now, lease=LEASE, limit=BATCH_MAX)
    ids = [holder.pk for holder in claimed]
    entries = Holder.objects.select_related("wallet", "token").filter(pk__in=ids)
    holders = list(entries.order_by("pk"))
    for holder in holders:
        holder.leased_until = now + LEASE  # as claimed, whatever another has made of it since
    return holders


def _register(token: Token, holders: Sequence[Holder], *, world: World, now: datetime) -> int:
    if not standard_of(token).writes_register:
        holders = look_up(token, holders, world=world, now=now)
    return _assign(token, holders, world=world, now=now) if holders else 0


def _let_wait(holder: Holder, *, now: datetime) -> None:
    give_back([holder], at=now + FAULT_WAIT)


def _want(token: Token, *, now: datetime) -> None:
    """Newcomers and leavers at once; the facts of everybody else in a window that goes round."""
    standing = kyc_queries.registrable_wallets(network=token.network, now=now)
    entries = Holder.objects.filter(token=token, wanted_permitted=True)
    newcomers = standing.exclude(pk__in=entries.values("wallet_id")).order_by("pk")[:WINDOW]
    lapsed = entries.exclude(wallet_id__in=standing.values("pk")).order_by("pk")[:WINDOW]
    windows = max(ceil(entries.count() / WINDOW), 1)
    start = int(now.timestamp()) % windows * WINDOW
    looked_at = standing.filter(pk__in=entries.values("wallet_id")).order_by("pk")
    # Leavers first and by themselves: a stream of newcomers must not keep anybody permitted.
    leavers = [holder.pk for holder in lapsed]
    if leavers:
        services.want_holders(token_id=token.pk, wallets=[], lapsed=leavers, now=now)
    arrivals = [*newcomers, *looked_at[start : start + WINDOW]]
    services.want_holders(token_id=token.pk, wallets=arrivals, lapsed=[], now=now)


def _assign(token: Token, holders: Sequence[Holder], *, world: World, now: datetime) -> int:
    row = None
    try:
        queries.require_not_halted(token=token)
        lane = services.pick_lane(token=token, role=SignerRole.COMPLIANCE)
        node = world.chain_of(token)
        # Too dear, or no key at hand: known before a nonce is taken for it.
        simulation = Simulation(
            chain=node,
            key=world.key_for(lane.address),
            fees=node.fees(),
            to=token.address,
            encode=encode_holders,
        )
        planned = plan(holders, simulation=simulation)
        for refused, refusal in planned.refused:
            _log.warning("holder_would_revert", holder=refused.public_id, error=refusal.name)
        for barred, forbidden in planned.forbidden:
            _log.warning("holder_forbidden", holder=barred.public_id, reason=str(forbidden))
        passing = [holder.pk for holder in planned.passing]
        if passing:
            row = services.assign_holders(
                token_id=token.pk,
                holder_ids=passing,
                signer_id=lane.pk,
                gas=planned.gas,
                now=now,
            )
            failpoint("register.committed")
            if row is not None:
                sign_and_send(row=row, world=world, now=now, fees=simulation.fees)
    except (DomainError, ChainError, SignerError) as obstacle:
        _log.info("register_waits", token=token.public_id, reason=obstacle.code)
    give_back(holders, at=now + RETRY)
    return 1 if row else 0

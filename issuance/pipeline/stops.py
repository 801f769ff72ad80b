"""Holds on transfers reach the chain: compared at finality, signed for where it differs."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import groupby

import structlog

from core.errors import DomainError
from issuance import queries, services
from issuance.chain.errors import ChainError, SignerError
from issuance.chain.standards import SHAREMINT
from issuance.chain.token import TokenReader
from issuance.models import Hold, Token, TransferStop
from issuance.pipeline.planning import Simulation, plan
from issuance.pipeline.sign import sign_and_send
from issuance.pipeline.walls import Piece, Wall, by_halves
from issuance.pipeline.world import World
from issuance.services.stops import encode_stops, is_on_its_way
from issuance.states import ChainTransactionKind, SignerRole, Work

BATCH_MAX = 100
# A hold may concern every network.
_EXPIRY = Piece(Work.HOLD, "")
_log = structlog.get_logger(__name__)


def enforce_holds(*, world: World, now: datetime) -> int:
    """End holds whose time is over and make the chain stop what the others stop; returns how many
    transactions were numbered.

    Lifting the pause of a token is the admin's, by the contract's own rule: nothing is signed for it.
    """
    with Wall(piece=_EXPIRY, now=now):
        over = list(Hold.objects.over(now=now).order_by("pk"))
        by_halves(over, partial(_expire, now=now), piece=_EXPIRY, give_up=_leave_due, now=now)
    numbered = 0
    for network in sorted({token.network for token in queries.tokens()}):
        with Wall(piece=Piece(Work.HOLD, network), now=now):
            numbered += _enforce_on(network, world=world, now=now)
    return numbered


def _expire(holds: Sequence[Hold], *, now: datetime) -> int:
    return services.expire_holds(hold_ids=[hold.pk for hold in holds], now=now) if holds else 0


def _leave_due(hold: Hold) -> None:
    """It holds nothing any more; its end is written down at a later tick."""
    _log.warning("hold_not_ended", hold=hold.public_id)


def _enforce_on(network: str, *, world: World, now: datetime) -> int:
    numbered = 0
    differing = services.want_stops(network=network, now=now)
    for token, stops in groupby(differing, key=lambda stop: stop.token):
        # An issuer's ERC-3643 token is frozen and paused by that token's own agents.
        if token.standard != SHAREMINT or is_on_its_way(token=token):
            continue
        with Wall(piece=Piece.of(Work.HOLD, token), now=now):
            numbered += _enforce(token, list(stops), world=world, now=now)
    return numbered


def _enforce(token: Token, stops: Sequence[TransferStop], *, world: World, now: datetime) -> int:
    try:
        rest = _compare(token, stops, world=world, now=now)
        return _stop_some(token, rest, world=world, now=now)
    except (DomainError, ChainError, SignerError) as obstacle:
        _log.info("hold_waits", token=token.public_id, reason=obstacle.code)
        return 0


def _compare(
    token: Token, stops: Sequence[TransferStop], *, world: World, now: datetime
) -> list[TransferStop]:
    """Record what stands at finality already; the others are returned. Raises ChainError."""
    node = world.chain_of(token)
    reader, final = TokenReader(node, token.address), node.finalized().number
    seen = {
        stop.pk: reader.holder(stop.wallet.address, at=final).frozen
        if stop.wallet is not None
        else reader.reserves(at=final).transfer_paused
        for stop in stops
    }
    agreed = {stop.pk: seen[stop.pk] for stop in stops if seen[stop.pk] == stop.wanted}
    if agreed:
        services.record_stops(seen=agreed, now=now)
    return [stop for stop in stops if stop.pk not in agreed]


def _stop_some(token: Token, stops: Sequence[TransferStop], *, world: World, now: datetime) -> int:
    pauses = [stop for stop in stops if stop.wallet_id is None and stop.wanted]
    freezes = [stop for stop in stops if stop.wallet_id is not None][:BATCH_MAX]
    if pauses and _sign(token, ChainTransactionKind.PAUSE, pauses, world=world, now=now):
        return 1
    return int(
        bool(freezes) and _sign(token, ChainTransactionKind.FREEZE, freezes, world=world, now=now)
    )


def _sign(
    token: Token,
    kind: ChainTransactionKind,
    stops: Sequence[TransferStop],
    *,
    world: World,
    now: datetime,
) -> bool:
    role = SignerRole.PAUSER if kind == ChainTransactionKind.PAUSE else SignerRole.COMPLIANCE
    lane = services.pick_lane(token=token, role=role, urgent=True)
    node = world.chain_of(token)
    simulation = Simulation(
        chain=node,
        key=world.key_for(lane.address),
        fees=node.fees(),
        to=token.address,
        encode=encode_stops,
    )
    planned = plan(stops, simulation=simulation)
    for refused, refusal in planned.refused:
        _log.warning("hold_would_revert", stop=refused.pk, error=refusal.name)
    for barred, forbidden in planned.forbidden:
        _log.warning("hold_forbidden", stop=barred.pk, reason=str(forbidden))
    if not planned.passing:
        return False
    row = services.assign_stops(
        token_id=token.pk,
        kind=kind,
        stop_ids=[stop.pk for stop in planned.passing],
        signer_id=lane.pk,
        gas=planned.gas,
        now=now,
    )
    return row is not None and sign_and_send(row=row, world=world, now=now, fees=simulation.fees)

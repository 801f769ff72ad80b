"""Token events up to the finalized head: read in ranges, recorded with the cursor that moves."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from core.errors import DomainError
from core.failpoints import failpoint
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.errors import CallReverted, ChainAnswerInvalid, ChainError
from issuance.chain.standards import standard_of
from issuance.models import BlockHead, ChainCursor, Token
from issuance.pipeline.blocks import look_at_blocks
from issuance.pipeline.walls import Piece, Wall
from issuance.pipeline.watch import watch_networks
from issuance.pipeline.world import World
from issuance.services import troubles, watched
from issuance.services.blocks import moment
from issuance.services.escrow import FinalizedRange
from issuance.services.reading import read_logs
from issuance.states import Work

RANGE_BLOCKS_MAX = 2_000
RANGES_PER_TICK_MAX = 10
_log = structlog.get_logger(__name__)


def follow_all(*, world: World, now: datetime) -> int:
    """Look at the blocks, then bring every token's record up to its chain's finalized head.

    Returns the number of new events. One token's obstacle stops neither the others nor the look.
    """
    watch_networks(world=world, now=now)
    look_at_blocks(world=world, now=now)
    found = 0
    for token in queries.tokens():
        with Wall(piece=Piece.of(Work.FOLLOW, token), now=now):
            found += _follow_on(token, world=world, now=now)
    return found


def _follow_on(token: Token, *, world: World, now: datetime) -> int:
    found = 0
    try:
        for _ in range(RANGES_PER_TICK_MAX):
            count = follow(token=token, node=world.chain_of(token), now=now)
            if count is None:
                break
            found += count
    except (ChainError, DomainError) as obstacle:
        _log.info("follow_waits", token=token.public_id, reason=obstacle.code)
        troubles.record_trouble(
            work=Work.FOLLOW,
            network=token.network,
            subject=token.symbol,
            code=obstacle.code,
            note=str(obstacle),
            ours=isinstance(obstacle, DomainError),
            now=now,
        )
        if isinstance(obstacle, CallReverted):
            # Views of a token never revert: another contract, or none, is at its address.
            reason = f"bytecode_mismatch: {obstacle} at {token.address}"
            services.trip(name=queries.token_breaker(token), reason=reason, now=now)
    return found


def follow(*, token: Token, node: chain.Chain, now: datetime) -> int | None:
    """Record one range of finalized blocks; None when there was none. Raises ChainError."""
    cursor = ChainCursor.objects.get(token=token)
    # Before anything that may end this look: a changed past must be seen though nothing is new.
    if _has_changed(cursor, node):
        services.trip(
            name=queries.network_breaker(token.network),
            reason=f"finalized block {cursor.block} has another hash now",
            now=now,
        )
        return None
    finalized = node.finalized()
    if finalized.number <= cursor.block:
        return None
    first = cursor.block + 1
    last = _last_block(node, first, finalized)
    if last is None:
        return None
    logs = node.logs(address=token.address, first=first, last=last.number)
    failpoint("follow.read")
    found = FinalizedRange(
        first_block=first,
        last=last,
        events=read_events(token, logs),
        reserves=_reserves(token, node, last) if last.number == finalized.number else None,
        times=_times(token.network, logs, node=node, last=last),
    )
    # Read on one chain from end to end: the cursor's block, the logs and the last block.
    if node.block_hash(last.number) != last.hash or _has_changed(cursor, node):
        raise ChainAnswerInvalid(f"block {last.number} changed while it was read")
    count = services.record_logs(token_id=token.pk, found=found, now=now)
    failpoint("follow.committed")
    facts = standard_of(token).watched(node, at=last.number) if found.reserves else {}
    if facts:
        watched.note_watched(token_id=token.pk, facts=facts, now=now)
    return count


def read_events(token: Token, logs: Sequence[chain.Log]) -> list[chain.TokenEvent]:
    """What a token's logs say; one that its code does not know is kept by that name."""
    return read_logs(token=token, logs=logs, awaiting=True)


def heads(*, world: World) -> dict[str, str]:
    """For each network: its head and finalized block, or why they are unknown; for the portal."""
    seen: dict[str, str] = {}
    for token in queries.tokens():
        if token.network in seen:
            continue
        try:
            node = world.chain_of(token)
            head, finalized = node.head().number, node.finalized().number
            seen[token.network] = f"head {head}, finalized {finalized}"
        except ChainError as unknown:
            seen[token.network] = f"unknown: {unknown.code}"
    return seen


def _has_changed(cursor: ChainCursor, node: chain.Chain) -> bool:
    """Whether another block stands where ours was final. A node that is not so far proves nothing."""
    if not cursor.block_hash:
        return False
    present = node.block_hash(cursor.block)
    return present is not None and present != cursor.block_hash


def _reserves(token: Token, node: chain.Chain, last: chain.Head) -> chain.Reserves:
    return standard_of(token).reserves(node, at=last.number)


def _times(
    network: str, logs: Sequence[chain.Log], *, node: chain.Chain, last: chain.Head
) -> dict[int, datetime]:
    """When each block with a log was made. Raises ChainAnswerInvalid for a log of another block."""
    hashes = {log.block_number: log.block_hash for log in logs}
    rows = BlockHead.objects.filter(network=network, number__in=list(hashes))
    times = {row.number: row.block_time for row in rows if row.hash == hashes[row.number]}
    for number, block_hash in hashes.items():
        if number in times:
            continue
        block = last if number == last.number else node.block(number)
        if block is None or block.hash != block_hash:
            raise ChainAnswerInvalid(f"a log of a block {number} that is not on the chain")
        times[number] = moment(block.timestamp)
    return times


def _last_block(node: chain.Chain, first: int, finalized: chain.Head) -> chain.Head | None:
    if finalized.number - first < RANGE_BLOCKS_MAX:
        return finalized
    return node.block(first + RANGE_BLOCKS_MAX - 1)

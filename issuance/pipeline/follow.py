"""Token events up to the finalized head: read in ranges, recorded with the cursor that moves."""

from datetime import datetime

import structlog

from core.failpoints import failpoint
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.errors import ChainError
from issuance.chain.events import decode_event
from issuance.chain.token import TokenReader
from issuance.models import ChainCursor, Token
from issuance.pipeline.world import World
from issuance.services.escrow import FinalizedRange

RANGE_BLOCKS_MAX = 2_000
RANGES_PER_TICK_MAX = 10
_log = structlog.get_logger(__name__)


def follow_all(*, world: World, now: datetime) -> int:
    """Bring every token's record up to its chain's finalized head; returns new events."""
    found = 0
    for token in queries.tokens():
        try:
            for _ in range(RANGES_PER_TICK_MAX):
                count = follow(token=token, node=world.chain_of(token), now=now)
                if count is None:
                    break
                found += count
        except ChainError as unknown:
            _log.info("follow_waits", token=token.public_id, reason=unknown.code)
    return found


def follow(*, token: Token, node: chain.Chain, now: datetime) -> int | None:
    """Record one range of finalized blocks; None when there was none. Raises ChainError."""
    cursor = ChainCursor.objects.get(token=token)
    finalized = node.finalized()
    if finalized.number <= cursor.block:
        return None
    if cursor.block_hash and node.block_hash(cursor.block) != cursor.block_hash:
        services.trip(
            name=queries.network_breaker(token.network),
            reason=f"finalized block {cursor.block} has another hash now",
            now=now,
        )
        return None
    first = cursor.block + 1
    last = _last_block(node, first, finalized)
    if last is None:
        return None
    logs = node.logs(address=token.address, first=first, last=last.number)
    failpoint("follow.read")
    events = [event for log in logs if not log.removed and (event := decode_event(log))]
    reader = TokenReader(node, token.address)
    at_head = last.number == finalized.number
    found = FinalizedRange(
        first_block=first,
        last=last,
        events=events,
        reserves=reader.reserves(at=last.number) if at_head else None,
    )
    count = services.record_logs(token_id=token.pk, found=found, now=now)
    failpoint("follow.committed")
    return count


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


def _last_block(node: chain.Chain, first: int, finalized: chain.Head) -> chain.Head | None:
    if finalized.number - first < RANGE_BLOCKS_MAX:
        return finalized
    return node.block(first + RANGE_BLOCKS_MAX - 1)

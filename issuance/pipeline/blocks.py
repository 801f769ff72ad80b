"""One look at a network's blocks: from its head down to a block that is known already."""

from collections.abc import Mapping
from datetime import datetime

import structlog

from core.failpoints import failpoint
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.errors import ChainAnswerInvalid, ChainError
from issuance.models import BlockHead
from issuance.pipeline.walls import Piece, Wall
from issuance.pipeline.world import World
from issuance.services.blocks import SeenBlocks
from issuance.states import Work

# A look walks down at most so far; after a longer absence it starts anew above the newest final
# block it knows, which is asked about by itself.
WALK_MAX = 512
_log = structlog.get_logger(__name__)


def look_at_blocks(*, world: World, now: datetime) -> int:
    """Look at every network once; returns how many reorganisations were seen."""
    reorgs = 0
    for network in sorted({token.network for token in queries.tokens()}):
        with Wall(piece=Piece(Work.LOOK, network), now=now):
            reorgs += _look_at(network, world=world, now=now)
    return reorgs


def _look_at(network: str, *, world: World, now: datetime) -> int:
    try:
        seen = look(network=network, node=world.chain_for(network))
    except ChainError as unknown:
        _log.info("blocks_unseen", network=network, reason=unknown.code)
        return 0
    failpoint("blocks.seen")
    reorg = services.record_blocks(seen=seen, now=now)
    failpoint("blocks.committed")
    return 0 if reorg is None else 1


def look(*, network: str, node: chain.Chain) -> SeenBlocks:
    """The blocks from the head down to a known one, and what now stands where we saw finality.

    Raises ChainError when the answers cannot be of one chain: another look will tell.
    """
    known = dict(BlockHead.objects.filter(network=network).values_list("number", "hash"))
    final = BlockHead.objects.filter(network=network, final=True).order_by("-number").first()
    # First, so that it is never judged by older blocks than itself.
    finalized = node.finalized()
    mark = node.block(final.number) if final is not None else None
    head = node.head()
    if head.number < finalized.number:
        raise ChainAnswerInvalid(f"head {head.number} below finalized {finalized.number}")
    heads = _walk(node, head, known=known, floor=finalized.number)
    linked = {each.number: each.hash for each in heads}
    at_finality = linked.get(finalized.number) or known.get(finalized.number)
    is_settled = final is not None and finalized.number <= final.number
    if at_finality not in {None, finalized.hash} and not is_settled:
        raise ChainAnswerInvalid(f"two blocks {finalized.number} at once")
    return SeenBlocks(network=network, heads=heads, finalized=finalized, mark=mark)


def _walk(
    node: chain.Chain, head: chain.Head, *, known: Mapping[int, str], floor: int
) -> list[chain.Head]:
    """Down by parents to a block whose parent is known; ascending.

    With nothing known below it ends at ``floor``, the finalized height.
    """
    heads = [head]
    lowest_known = min(known, default=None)
    while len(heads) < WALK_MAX:
        lowest = heads[-1]
        below = lowest.number - 1
        if known.get(lowest.number) == lowest.hash or known.get(below) == lowest.parent_hash:
            break
        nothing_below = lowest_known is None or below < lowest_known
        if lowest.number == 0 or (nothing_below and lowest.number <= floor):
            break
        parent = node.block(below)
        if parent is None or parent.hash != lowest.parent_hash:
            raise ChainAnswerInvalid(f"block {lowest.number} has no parent")
        heads.append(parent)
    return heads[::-1]

"""Blocks as they are seen: heads kept down to finality, and a log row for each reorganisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from core import breakers, events
from core.failpoints import failpoint
from core.ids import new_uuid
from core.use_case import use_case
from issuance import queries
from issuance.chain import types as chain
from issuance.models import BlockHead, ChainTransaction, Reorg
from issuance.services.lanes import PIPELINE
from issuance.states import ChainTransactionStatus

# So many final blocks stay known: one of them at least is asked about at every look.
FINAL_KEPT = 256
NAMED_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBlocks:
    """One look at a network: blocks linked by their parents, ascending, and the finalized head.

    ``mark`` is the block now at the height of the newest final one we know, None when there is none.
    """

    network: str
    heads: Sequence[chain.Head]
    finalized: chain.Head
    mark: chain.Head | None = None


@use_case
def record_blocks(*, seen: SeenBlocks, now: datetime) -> Reorg | None:
    """Keep what was seen; a block that replaced another is a reorganisation, and is returned.

    One that replaced a final block opens the network's breaker, at every look until people have
    rewound the record. Included transactions that a reorganisation touched, or that finality has
    reached, are due at once.
    """
    _lock(seen.network)
    known = {row.number: row for row in BlockHead.objects.filter(network=seen.network)}
    offered = [*([seen.mark] if seen.mark else []), seen.finalized, *seen.heads]
    replaced = [
        (known[head.number], head)
        for head in offered
        if head.number in known and known[head.number].hash != head.hash
    ]
    reorg = None
    if replaced:
        reorg = _reorganised(seen.network, known, replaced, now=now)
    if any(old.final for old, _ in replaced):
        # What was final stays as recorded, so that the next look finds the same contradiction.
        _violated(seen.network, replaced, now=now)
    else:
        _keep(seen, known, replaced, now=now)
    _hasten(seen, now=now)
    failpoint("blocks.precommit")
    return reorg


def _lock(network: str) -> None:
    """One look at a time; two would each log the same reorganisation."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"blocks.{network}"]
        )


def _reorganised(
    network: str,
    known: dict[int, BlockHead],
    replaced: Sequence[tuple[BlockHead, chain.Head]],
    *,
    now: datetime,
) -> Reorg | None:
    old, new = min(replaced, key=lambda pair: pair[0].number)
    row = Reorg(
        id=new_uuid(),
        created_at=now,
        network=network,
        depth=max(known) - old.number + 1,
        first_block=old.number,
        old_hash=old.hash,
        new_hash=new.hash,
        below_finality=any(each.final for each, _ in replaced),
    )
    same = {"network": network, "first_block": old.number, "new_hash": new.hash}
    if row.below_finality and Reorg.objects.filter(**same).exists():
        return None
    touched = _included(network).filter(include_block__gte=old.number)
    row.transactions = [each.public_id for each in touched.order_by("pk")[:NAMED_MAX]]
    _make_due(touched, now=now)
    row.save(force_insert=True)
    data = {
        "network": network,
        "depth": row.depth,
        "first_block": row.first_block,
        "old_hash": row.old_hash,
        "new_hash": row.new_hash,
        "below_finality": row.below_finality,
        "transactions": row.transactions,
    }
    events.record(event_type="reorg.seen", row=row, actor=PIPELINE, now=now, data=data)
    return row


def _violated(
    network: str, replaced: Sequence[tuple[BlockHead, chain.Head]], *, now: datetime
) -> None:
    old = max((old for old, _ in replaced if old.final), key=lambda each: each.number)
    breakers.open_breaker(
        name=queries.network_breaker(network),
        reason=f"finalized block {old.number} has another hash now",
        actor=PIPELINE,
        now=now,
    )


def _keep(
    seen: SeenBlocks,
    known: dict[int, BlockHead],
    replaced: Sequence[tuple[BlockHead, chain.Head]],
    *,
    now: datetime,
) -> None:
    rows = BlockHead.objects.filter(network=seen.network)
    gone = min((old.number for old, _ in replaced), default=None)
    if gone is not None:
        rows.filter(number__gte=gone).delete()
    lowest = seen.heads[0]
    below = known.get(lowest.number - 1)
    if lowest.number not in known and (below is None or below.hash != lowest.parent_hash):
        # After a long absence: what was not final then may be anything now.
        rows.filter(final=False, number__lt=lowest.number).delete()
    fresh = [head for head in seen.heads if head.number not in known or gone is not None]
    BlockHead.objects.bulk_create(
        [
            BlockHead(
                network=seen.network,
                number=head.number,
                hash=head.hash,
                parent_hash=head.parent_hash,
                block_time=moment(head.timestamp),
                seen_at=now,
            )
            for head in [*fresh, seen.finalized]
        ],
        ignore_conflicts=True,
    )
    final = rows.filter(number=seen.finalized.number, hash=seen.finalized.hash)
    if final.exists():
        rows.filter(number__lte=seen.finalized.number, final=False).update(final=True)
    rows.filter(final=True, number__lt=seen.finalized.number - FINAL_KEPT).delete()


def _hasten(seen: SeenBlocks, *, now: datetime) -> None:
    """Included transactions that finality has reached, or whose block is another one now."""
    at_height = BlockHead.objects.filter(network=seen.network, number=OuterRef("include_block"))
    another = Q(block_now__isnull=False) & ~Q(block_now=F("include_block_hash"))
    ripe = (
        _included(seen.network)
        .annotate(block_now=Subquery(at_height.values("hash")[:1]))
        .filter(Q(include_block__lte=seen.finalized.number) | another, next_attempt_at__gt=now)
    )
    _make_due(ripe, now=now)


def _make_due(rows: QuerySet[ChainTransaction], *, now: datetime) -> None:
    """Let these be looked at once, but for those that somebody writes about at this instant.

    Whoever holds a transaction goes on to the issuer's events, which we may hold: waiting for it
    would be a deadlock, and it looks again by itself.
    """
    free = rows.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("pk")
    ids = list(free.values_list("pk", flat=True))
    if ids:
        ChainTransaction.objects.filter(pk__in=ids).update(next_attempt_at=now)


def _included(network: str) -> QuerySet[ChainTransaction]:
    return ChainTransaction.objects.filter(
        token__network=network, status=ChainTransactionStatus.INCLUDED
    )


def moment(timestamp: int) -> datetime:
    """A block's time as a moment."""
    return datetime.fromtimestamp(timestamp, tz=UTC)

"""What must always hold between chain, ledger and rows; whatever does not is named, never mended."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Max, QuerySet, Sum

from core.outage import is_outage
from core.units import Units, format_quantity
from custody import queries as custody_queries
from issuance import queries, services
from issuance.models import (
    ChainCursor,
    ChainTransaction,
    Fence,
    Move,
    NetworkGate,
    Order,
    Signer,
    Token,
    Trouble,
)
from issuance.pipeline.walls import Piece, Wall
from issuance.services.recovered_orders import executed_unsigned
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    MOVE_FINAL,
    ChainTransactionKind,
    ChainTransactionStatus,
    MoveStatus,
    NetworkStatus,
    OrderStatus,
    OrderType,
    Work,
)

# How soon after shares have left a lower cap must be asked for; minutes, for a custodian's nap.
CAPS_FALL_WITHIN = timedelta(minutes=5)
# How long the record of finalized events may stand because we, and no node, refuse what comes next.
RECORD_STANDS_MAX = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant: its name, the breaker that must open, and the figures."""

    name: str
    breaker: str
    detail: str


@dataclass(slots=True)
class _Audit:
    """What a look at the books found, and which of its checks met a fault of ours."""

    found: list[tuple[Piece, Violation]] = field(default_factory=list)
    faults: list[tuple[Piece, Exception]] = field(default_factory=list)

    def ask(self, piece: Piece, check: Callable[[], list[Violation]]) -> None:
        """Make one check; what it meets is kept for later, and the others go on."""
        try:
            # What the database refuses ends this check alone.
            with transaction.atomic(savepoint=True):
                self.found += [(piece, each) for each in check()]
        except Exception as fault:
            if is_outage(fault):
                raise
            self.faults.append((piece, fault))


def enforce(*, now: datetime) -> list[Violation]:
    """Check, and open the breaker of whatever is violated.

    A check that meets a fault keeps no other one from being made, nor a breaker from opening; it
    is written down for people, as all work that fails.
    """
    audit = _audit()
    # Breakers first: nothing that goes wrong in writing down a fault shall keep one closed.
    for piece, each in audit.found:
        with Wall(piece=piece, now=now):
            services.trip(name=each.breaker, reason=f"{each.name}: {each.detail}"[:400], now=now)
    for piece, fault in audit.faults:
        with Wall(piece=piece, now=now):
            raise fault
    return [each for _, each in audit.found]


def check_all() -> list[Violation]:
    """Every violation found now, from the rows alone; the follower supplies the chain's figures.

    Raises what a check met that nobody foresaw: books that could not be read are not in order.
    """
    audit = _audit()
    for _, fault in audit.faults:
        raise fault
    return [each for _, each in audit.found]


def _audit() -> _Audit:
    audit = _Audit()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        # One snapshot, or a commit between two reads would look like a difference.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        now = _snapshot_time(cursor)
        for token in queries.tokens():
            piece = Piece.of(Work.AUDIT, token)
            audit.ask(piece, partial(_check_token, token))
            audit.ask(piece, partial(_check_caps, token, now=now))
            audit.ask(piece, partial(_check_record, token, now=now))
        open_moves = Move.objects.exclude(status__in=sorted(MOVE_FINAL))
        for row in open_moves.select_related("to_token"):
            audit.ask(Piece.of(Work.AUDIT, row.to_token), partial(_check_move, row))
        for signer in Signer.objects.order_by("pk"):
            audit.ask(Piece(Work.AUDIT, signer.network), partial(_check_lane, signer))
    return audit


def _check_token(token: Token) -> list[Violation]:
    found = []
    latest = queries.latest_snapshot(token_id=token.pk)
    backing = custody_queries.backing(token.pk)
    held = custody_queries.position(token.fund_id)
    name = queries.token_breaker(token)
    if latest is not None and latest.supply > held.settled:
        detail = f"supply {format_quantity(latest.supply)} of {format_quantity(held.settled)}"
        found.append(Violation("supply_within_settled", name, detail))
    expected = _expected_supply(token)
    if latest is not None and latest.supply != expected and _is_settled(token):
        detail = f"supply {format_quantity(latest.supply)}, orders {format_quantity(expected)}"
        found.append(Violation("supply_is_completed_orders", name, detail))
    claimed = expected + _pending_backing(token)
    if backing != claimed:
        detail = f"backing {format_quantity(backing)}, claims {format_quantity(claimed)}"
        found.append(Violation("backing_is_claimed", name, detail))
    whole = held.backing + held.free + held.reserved + held.releasing + held.restricted
    if whole != held.settled:
        found.append(Violation("buckets_are_settled", name, f"{whole} of {held.settled}"))
    return found


def _check_caps(token: Token, *, now: datetime) -> list[Violation]:
    """What a fund's contracts may come to allow lies within its settled shares.

    Caps rise into free room only, so it can fail when shares left without waiting for them: a
    deposit taken back, an adjustment. Then the figures that lower them must be on their way soon.
    """
    bounds = custody_queries.cap_bounds(token.fund_id).values()
    settled = custody_queries.position(token.fund_id).settled
    if custody_queries.highest_caps(token.fund_id) <= settled:
        return []
    coming = sum(each.newest for each in bounds) + custody_queries.uncapped_backing(token.fund_id)
    left_at = custody_queries.last_departure(token.fund_id)
    if coming <= settled or (left_at is not None and now - left_at < CAPS_FALL_WITHIN):
        return []
    detail = f"caps {format_quantity(Units(coming))} of {format_quantity(settled)}"
    return [Violation("caps_within_settled", queries.token_breaker(token), detail)]


def _check_record(token: Token, *, now: datetime) -> list[Violation]:
    """What the chain has made final can be written down; while it cannot, nobody sees what it did.

    A node that does not answer is another matter: then nothing new is signed for want of it.
    """
    rows = Trouble.now_on(network=token.network, now=now)
    refused = rows.filter(work=Work.FOLLOW, subject=token.symbol, ours=True).first()
    if refused is None:
        return []
    cursor = ChainCursor.objects.get(token=token)
    stands = now - max(refused.since, cursor.moved_at)
    if stands <= RECORD_STANDS_MAX:
        return []
    minutes = int(stands.total_seconds()) // 60
    detail = f"stands at block {cursor.block} for {minutes} minutes: {refused.code}"
    return [Violation("record_reaches_finality", queries.token_breaker(token), detail)]


def _check_move(row: Move) -> list[Violation]:
    """Whatever an open move has burned is what its mints carry, to the unit."""
    legs = list(row.legs.all())
    burned = sum(
        leg.quantity
        for leg in legs
        if leg.type == OrderType.REDEEM and leg.status == OrderStatus.COMPLETED
    )
    carried = sum(leg.quantity for leg in legs if leg.type == OrderType.MINT)
    if burned == carried and (row.status == MoveStatus.MINTING) == (burned > 0):
        return []
    detail = (
        f"{row.public_id} burned {format_quantity(Units(burned))},"
        f" carries {format_quantity(Units(carried))}"
    )
    return [Violation("moves_are_whole", queries.token_breaker(row.to_token), detail)]


def _snapshot_time(cursor: CursorWrapper) -> datetime:
    cursor.execute("SELECT now()")
    found: datetime = cursor.fetchone()[0]
    return found


def _expected_supply(token: Token) -> int:
    """What it came with, and completed mints less completed redemptions."""
    done = Order.objects.filter(token=token, status=OrderStatus.COMPLETED)
    # One pass for both: it grows with the books.
    sums = dict(done.order_by().values_list("type").annotate(total=Sum("quantity")))
    minted, redeemed = (int(sums.get(each, 0)) for each in (OrderType.MINT, OrderType.REDEEM))
    return token.opening_units + minted - redeemed


def _pending_backing(token: Token) -> int:
    """Mints that are numbered and neither completed nor over."""
    mints = Order.objects.filter(token=token, type=OrderType.MINT)
    bound = [OrderStatus.SUBMITTED, OrderStatus.INCLUDED, OrderStatus.CHECKING]
    again = [OrderStatus.QUEUED, OrderStatus.AWAITING_APPROVAL]
    # Each by itself: with an OR the planner would read all that waits.
    return _sum(mints.filter(status__in=bound)) + _sum(
        mints.filter(status__in=again, requeues__gt=0)
    )


def _sum(orders: QuerySet[Order]) -> int:
    return int(orders.aggregate(total=Sum("quantity"))["total"] or 0)


def _is_settled(token: Token) -> bool:
    """Whether rows and the last look at the chain speak of the same orders.

    The newest snapshot holds up to the cursor: a change would have made another one.
    """
    if NetworkGate.seen(network=token.network) != (NetworkStatus.OPERATING, True):
        # The chain knows more than our rows do; the recovery brings them together.
        return False
    moved = [ChainTransactionKind.MINT, ChainTransactionKind.BURN]
    rows = ChainTransaction.objects.filter(token=token, kind__in=moved)
    if rows.exclude(status__in=CHAIN_TRANSACTION_FINAL).exists():
        return False
    final = rows.filter(status=ChainTransactionStatus.FINAL_OK)
    newest = final.aggregate(block=Max("include_block"))["block"]
    doubtful = Order.objects.filter(token=token, status=OrderStatus.CHECKING)
    looked_at = ChainCursor.objects.get(token=token).block
    if doubtful.exists() or (newest is not None and newest > looked_at):
        return False
    # Last, for it may look at many orders that wait.
    return executed_unsigned(token.network) is None


def _check_lane(signer: Signer) -> list[Violation]:
    """Nonces are given out without a gap, and no order is bound twice."""
    name = queries.network_breaker(signer.network)
    rows = ChainTransaction.objects.filter(signer=signer)
    newest = rows.aggregate(nonce=Max("nonce"))["nonce"]
    found = []
    if newest is not None and newest >= signer.next_nonce:
        detail = f"{signer.address}: {newest} given out, next is {signer.next_nonce}"
        found.append(Violation("nonces_rise", name, detail))
    gap = _first_gap(signer.pk)
    if gap is not None:
        found.append(Violation("nonces_have_no_gap", name, f"{signer.address}: {gap} is missing"))
    return found


def _first_gap(signer_id: uuid.UUID) -> int | None:
    nonces = ChainTransaction.objects.filter(signer_id=signer_id).order_by("nonce")
    open_nonces = nonces.exclude(status__in=CHAIN_TRANSACTION_FINAL)
    seen = list(open_nonces.values_list("nonce", flat=True))
    for before, after in pairwise(seen):
        if after != before + 1:
            between = nonces.filter(nonce__gt=before, nonce__lt=after)
            if between.count() != after - before - 1:
                known = [before, *between.values_list("nonce", flat=True), after]
                missing = _unexplained(known, signer_id)
                if missing is not None:
                    return missing
    return None


def _unexplained(known: list[int], signer_id: uuid.UUID) -> int | None:
    """The first missing nonce but those that were used up, at finality, when a fence was raised."""
    fenced = set(Fence.objects.filter(signer_id=signer_id).values_list("first_nonce", flat=True))
    gaps = (low for low, high in pairwise(known) if high != low + 1 and high not in fenced)
    return next((low + 1 for low in gaps), None)

"""One step of one chain transaction: send it, look at it, or write its proven end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from time import monotonic

import structlog
from django.db.models import Prefetch

from core.errors import DomainError
from core.failpoints import failpoint
from core.work import claim_due
from issuance import queries, services
from issuance.chain.errors import ChainError, SignerError
from issuance.chain.standards import standard_of
from issuance.models import Attempt, ChainTransaction
from issuance.models.gates import Recovering
from issuance.pipeline import waves
from issuance.pipeline.broadcast import broadcast
from issuance.pipeline.observe import Observation, Verdict, observe
from issuance.pipeline.sign import sign_and_send, sign_dearer, wanted_forms
from issuance.pipeline.walls import FAULT, FAULT_WAIT, Piece, Wall
from issuance.pipeline.world import World
from issuance.services.agreement import Agreement, verdict
from issuance.services.outcomes import FinalEvidence
from issuance.services.reading import read_logs
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    ChainTransactionKind,
    ChainTransactionStatus,
    Work,
)

LEASE = timedelta(seconds=15)
CLAIM_MAX = 64
TICK_SECONDS_MAX = 10
LOOK_EVERY = timedelta(seconds=1)
RESEND_AFTER = timedelta(seconds=10)
BUMP_AFTER = timedelta(seconds=30)
ATTEMPTS_MAX = 7
# Two looks this far apart must agree before death is believed.
DEATH_AFTER = timedelta(seconds=5)
SUSPICION_WAIT = timedelta(seconds=30)
_log = structlog.get_logger(__name__)


def advance_due(*, world: World, clock: Callable[[], datetime]) -> int:
    """Advance every due transaction one step; returns how many steps were made."""
    steps, until = 0, monotonic() + TICK_SECONDS_MAX
    while monotonic() < until:
        now = clock()
        open_rows = ChainTransaction.objects.exclude(status__in=CHAIN_TRANSACTION_FINAL)
        # Of a hundred rows of one token and key, each is read once.
        tokens = Prefetch("token", queries.tokens())
        with_lane = open_rows.prefetch_related(tokens, "signer")
        rows = claim_due(with_lane, now=now, lease=LEASE, limit=CLAIM_MAX)
        if not rows:
            break
        failpoint("advance.claimed")
        # Lowest nonce first: the others of its lane wait behind it.
        rows.sort(key=lambda each: (each.token.network, each.signer_id, each.nonce))
        for _, some in groupby(rows, key=lambda each: each.token.network):
            for row in _take_plain(list(some), world=world, now=clock()):
                now = clock()
                piece, let_wait = Piece.of(Work.ADVANCE, row.token), partial(_let_wait, row, now)
                with Wall(piece=piece, now=now, let_wait=let_wait):
                    advance(row=row, world=world, now=now)
        steps += len(rows)
    return steps


def _take_plain(
    rows: list[ChainTransaction], *, world: World, now: datetime
) -> list[ChainTransaction]:
    """Advance at once what is plain among one network's rows; the others are left."""
    try:
        node = world.chain_of(rows[0].token)
    except ChainError:
        return rows
    pace = waves.Pace(look_every=LOOK_EVERY, resend_after=RESEND_AFTER, bump_after=BUMP_AFTER)
    with Wall(piece=Piece(Work.ADVANCE, rows[0].token.network), now=now):
        return waves.take(rows=rows, node=node, pace=pace, now=now)
    # After a fault each is looked at alone: only the one that met it waits.
    return rows


def _let_wait(row: ChainTransaction, now: datetime, remark: str) -> None:
    _wait(row, f"{FAULT}: {remark}", FAULT_WAIT, now)


def advance(*, row: ChainTransaction, world: World, now: datetime) -> None:
    """Make one step: sign what has no form yet, look at any other, send what was not sent.

    What cannot be written of this one waits with the reason, and holds up no other.
    """
    try:
        _step(row, world=world, now=now)
    except Recovering as waits:
        # A move's burn is final, and its mint's network does not know its order ids yet.
        _wait(row, f"{waits.code}: {waits}", LOOK_EVERY, now)
    except (ChainError, DomainError) as obstacle:
        _log.warning("advance_waits", transaction=row.public_id, reason=obstacle.code)
        _wait(row, f"{obstacle.code}: {obstacle}", SUSPICION_WAIT, now)


def _step(row: ChainTransaction, *, world: World, now: datetime) -> None:
    node = world.chain_of(row.token)
    attempts = queries.attempts_of(chain_transaction=row)
    if not attempts:
        _begin(row, attempts, world, now)
        return
    seen = observe(
        node=node,
        sender=row.signer.address,
        nonce=row.nonce,
        hashes=[attempt.tx_hash for attempt in attempts],
    )
    failpoint("observe.seen")
    if row.status == ChainTransactionStatus.ASSIGNED and seen.verdict in _NOT_SEEN:
        # Nothing says that it was sent, and the same bytes twice do no harm.
        _begin(row, attempts, world, now)
        return
    _STEPS[seen.verdict](_Look(row, attempts, seen, world, now))


def _begin(row: ChainTransaction, attempts: list[Attempt], world: World, now: datetime) -> None:
    """Send what was saved and never sent; make it first when there is no form that is wanted."""
    if not wanted_forms(row, attempts):
        newest = attempts[-1] if attempts else None
        sign_and_send(row=row, newest=newest, world=world, now=now)
        return
    _resend(row, attempts, world, now)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at one transaction, with everything a step may need."""

    row: ChainTransaction
    attempts: list[Attempt]
    seen: Observation
    world: World
    now: datetime


def _settle(look: _Look) -> None:
    row, seen, world, now = look.row, look.seen, look.world, look.now
    assert seen.receipt is not None
    assert seen.finalized is not None
    if any(each.cancels and each.tx_hash == seen.receipt.tx_hash for each in look.attempts):
        _bury(look)
        return
    succeeded = seen.verdict is Verdict.FINAL_OK
    reserves = None
    if row.kind == ChainTransactionKind.ATTEST and succeeded:
        try:
            node, final = world.chain_of(row.token), seen.finalized.number
            reserves = standard_of(row.token).reserves(node, at=final)
        except ChainError as unknown:
            _wait(row, f"{unknown.code}: {unknown}", LOOK_EVERY, now)
            return
    evidence = FinalEvidence(
        status=(
            ChainTransactionStatus.FINAL_OK if succeeded else ChainTransactionStatus.FINAL_REVERTED
        ),
        receipt=seen.receipt,
        events=read_logs(token=row.token, logs=seen.receipt.logs),
        reserves=reserves,
        note="" if succeeded else "reverted",
    )
    failpoint("settle.before")
    if not services.settle_transaction(chain_transaction_id=row.pk, evidence=evidence, now=now):
        if verdict(row, receipt=seen.receipt) is not Agreement.AGREES:
            # The follower reads the same blocks by itself; it is a moment behind.
            _wait(row, "the recorded events do not show it yet", LOOK_EVERY, now)
            return
        _wait(row, "the evidence does not explain every order", SUSPICION_WAIT, now)
    failpoint("settle.committed")


def _bury(look: _Look) -> None:
    """The form that cancels is final: the call is dead, and its orders are asked about by id."""
    row, now = look.row, look.now
    evidence = FinalEvidence(
        status=ChainTransactionStatus.DEAD,
        receipt=look.seen.receipt,
        note=f"cancelled: {row.cancel_reason}",
    )
    if not services.settle_transaction(chain_transaction_id=row.pk, evidence=evidence, now=now):
        _wait(row, "the follower has not read so far yet", LOOK_EVERY, now)
    failpoint("cancel.settled")


def _include(look: _Look) -> None:
    row, seen, now = look.row, look.seen, look.now
    assert seen.receipt is not None
    failpoint("include.before_record")
    services.record_inclusion(
        chain_transaction_id=row.pk, receipt=seen.receipt, look_in=LOOK_EVERY, now=now
    )
    failpoint("include.recorded")


def _pursue(look: _Look) -> None:
    """Still mineable: note a reorganisation, raise the price of the lowest nonce, or send again."""
    row, attempts, world, now = look.row, look.attempts, look.world, look.now
    if row.status == ChainTransactionStatus.INCLUDED:
        failpoint("reorg.before_record")
        services.record_reorganised(chain_transaction_id=row.pk, now=now)
        failpoint("reorg.recorded")
        # The same bytes go out again at once.
        _resend(row, attempts, world, now)
        return
    newest = attempts[-1]
    hurried = row.hurry_asked_at is not None and newest.created_at < row.hurry_asked_at
    is_stuck = hurried or (_is_lowest(row) and now - newest.created_at > BUMP_AFTER)
    if not wanted_forms(row, attempts) or (is_stuck and len(attempts) < ATTEMPTS_MAX):
        bumped = _bump(row, newest, world, now)
        attempts = [*attempts, bumped] if bumped else attempts
    last_sent = max((each.last_sent_at for each in attempts if each.last_sent_at), default=None)
    unsent = any(each.last_sent_at is None for each in wanted_forms(row, attempts))
    if unsent or last_sent is None or now - last_sent > RESEND_AFTER:
        _resend(row, attempts, world, now)
        return
    _wait(row, "", LOOK_EVERY, now)


def _resend(row: ChainTransaction, attempts: list[Attempt], world: World, now: datetime) -> None:
    node, forms = world.chain_of(row.token), wanted_forms(row, attempts)
    broadcast(row=row, attempts=forms, node=node, look_in=LOOK_EVERY, now=now)


def _bump(row: ChainTransaction, newest: Attempt, world: World, now: datetime) -> Attempt | None:
    """A dearer form of the same call at the same nonce, saved before it is sent."""
    try:
        attempt = sign_dearer(row=row, newest=newest, world=world, now=now)
    except (ChainError, SignerError) as obstacle:
        # The earlier offers stay valid and are sent again; nothing is dropped.
        _log.warning("bump_waits", transaction=row.public_id, reason=obstacle.code)
        return None
    failpoint("bump.committed")
    return attempt


def _mourn(look: _Look) -> None:
    row, seen, now = look.row, look.seen, look.now
    if row.gone_since is None or now - row.gone_since < DEATH_AFTER:
        services.record_gone(
            chain_transaction_id=row.pk, note=seen.note, look_in=LOOK_EVERY, now=now
        )
        failpoint("gone.recorded")
        return
    evidence = FinalEvidence(
        status=ChainTransactionStatus.DEAD,
        # A worker that stood still may not know a form that another one has saved since.
        looked_for=frozenset(each.tx_hash for each in look.attempts),
        note=seen.note,
    )
    if not services.settle_transaction(chain_transaction_id=row.pk, evidence=evidence, now=now):
        _wait(row, "another form was signed meanwhile", LOOK_EVERY, now)
    failpoint("dead.committed")


def _look_again(look: _Look) -> None:
    row, seen, now = look.row, look.seen, look.now
    _wait(row, seen.note, LOOK_EVERY, now)


def _wait(row: ChainTransaction, note: str, look_in: timedelta, now: datetime) -> None:
    services.record_note(
        chain_transaction_id=row.pk, lease=row.leased_until, note=note, look_in=look_in, now=now
    )


def _is_lowest(row: ChainTransaction) -> bool:
    """Whether its lane waits for it: those below it are in blocks, and need no dearer form."""
    waiting = queries.unfinished(signer=row.signer)
    lowest = waiting.exclude(status=ChainTransactionStatus.INCLUDED).first()
    return lowest is not None and lowest.pk == row.pk


_NOT_SEEN = frozenset({Verdict.PENDING, Verdict.UNKNOWN})
_STEPS: dict[Verdict, Callable[[_Look], None]] = {
    Verdict.FINAL_OK: _settle,
    Verdict.FINAL_REVERTED: _settle,
    Verdict.INCLUDED: _include,
    Verdict.PENDING: _pursue,
    Verdict.GONE: _mourn,
    Verdict.UNKNOWN: _look_again,
}

"""The plain cases of many transactions at once; whatever is not plain is left to ``advance``.

A wave writes what the single steps would have written and judges by the same ``observe``. It never
decides what a single look would not: a reorganisation, a stuck price, a form that cancels, a skipped
order or a dead nonce all go the single way.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from core.errors import DomainError
from core.failpoints import failpoint
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.errors import ChainError
from issuance.models import Attempt, ChainTransaction
from issuance.pipeline.observe import Asked, Observation, Verdict, observe_many
from issuance.services.outcomes import FinalEvidence
from issuance.services.reading import read_logs
from issuance.states import ChainTransactionKind, ChainTransactionStatus

# What the transactions in one database transaction say together, but for one that says more by itself.
LOGS_AT_ONCE = 1_600
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a transaction is looked at, sent again, and offered more for."""

    look_every: timedelta
    resend_after: timedelta
    bump_after: timedelta


@dataclass(slots=True)
class _Found:
    """What one look made of the transactions of one network."""

    unchanged: list[ChainTransaction] = field(default_factory=list)
    included: dict[ChainTransaction, chain.Receipt] = field(default_factory=dict)
    settled: dict[ChainTransaction, chain.Receipt] = field(default_factory=dict)


def take(
    *, rows: Sequence[ChainTransaction], node: chain.Chain, pace: Pace, now: datetime
) -> list[ChainTransaction]:
    """Advance what is plain among the rows of one network; returns the others, in their order."""
    found = _Found(unchanged=_standing(rows, node))
    forms = queries.forms_of(rows=rows)
    sent = [
        row for row in rows if row.status != ChainTransactionStatus.ASSIGNED and row.pk in forms
    ]
    looked = [row for row in sent if row not in found.unchanged]
    asked = [
        Asked(
            sender=row.signer.address,
            nonce=row.nonce,
            hashes=[form.tx_hash for form in forms[row.pk]],
        )
        for row in looked
    ]
    seen = observe_many(node=node, asked=asked) if asked else []
    failpoint("observe.seen")
    for row, each in zip(looked, seen, strict=True):
        _sort(row, forms[row.pk], each, found=found, pace=pace, now=now)
    done = _record(found, pace=pace, now=now)
    return [row for row in rows if row.pk not in done]


def _standing(rows: Sequence[ChainTransaction], node: chain.Chain) -> list[ChainTransaction]:
    """The included ones whose block is still there and cannot be settled by yet.

    Nothing settles before the follower has come to the block, so nobody asks for a receipt until
    then; the hash of each block alone tells of a reorganisation.
    """
    included = [row for row in rows if row.status == ChainTransactionStatus.INCLUDED]
    followed = queries.followed_blocks(token_ids={row.token_id for row in included})
    hashes: dict[int, str | None] = {}
    standing = []
    for row in included:
        number = row.include_block
        if number is None or number <= followed[row.token_id]:
            continue
        if number not in hashes:
            try:
                hashes[number] = node.block_hash(number)
            except ChainError:
                hashes[number] = None
        if hashes[number] == row.include_block_hash:
            standing.append(row)
    return standing


def _sort(
    row: ChainTransaction,
    forms: Sequence[Attempt],
    seen: Observation,
    *,
    found: _Found,
    pace: Pace,
    now: datetime,
) -> None:
    cancelled = row.cancel_asked_at is not None or any(form.cancels for form in forms)
    if cancelled or row.hurry_asked_at is not None:
        return
    sent = row.status == ChainTransactionStatus.SENT
    if seen.verdict is Verdict.PENDING and sent and _rests(forms, pace=pace, now=now):
        found.unchanged.append(row)
    if seen.receipt is None:
        return
    if seen.verdict is Verdict.FINAL_OK and row.kind == ChainTransactionKind.MINT:
        found.settled[row] = seen.receipt
    elif seen.verdict is Verdict.INCLUDED and sent:
        found.included[row] = seen.receipt


def _rests(forms: Sequence[Attempt], *, pace: Pace, now: datetime) -> bool:
    """Whether every form was sent a moment ago and none has been waiting for long."""
    sent = [form.last_sent_at for form in forms]
    fresh = all(each is not None and now - each <= pace.resend_after for each in sent)
    return fresh and now - forms[-1].created_at <= pace.bump_after


def _record(found: _Found, *, pace: Pace, now: datetime) -> set[uuid.UUID]:
    done: set[uuid.UUID] = set()
    for some in _portions(found.included):
        failpoint("include.before_record")
        receipts = {row.pk: receipt for row, receipt in some}
        try:
            services.record_inclusions(receipts=receipts, look_in=pace.look_every, now=now)
            done |= receipts.keys()
        except DomainError as refusal:
            _log.warning("including_one_by_one", reason=refusal.code)
        failpoint("include.recorded")
    for some in _portions(found.settled):
        evidence = {row.pk: _evidence(row, receipt) for row, receipt in some}
        failpoint("settle.before")
        try:
            done |= services.settle_mints(found=evidence, now=now)
        except DomainError as refusal:
            # One of them cannot be written: each is judged alone, and only that one waits.
            _log.warning("settling_one_by_one", reason=refusal.code)
        failpoint("settle.committed")
    if found.unchanged:
        ids = [row.pk for row in found.unchanged]
        try:
            services.look_again_later(ids=ids, look_in=pace.look_every, now=now)
            done |= set(ids)
        except DomainError as refusal:
            _log.warning("looking_one_by_one", reason=refusal.code)
    return done


def _evidence(row: ChainTransaction, receipt: chain.Receipt) -> FinalEvidence:
    return FinalEvidence(
        status=ChainTransactionStatus.FINAL_OK,
        receipt=receipt,
        events=read_logs(token=row.token, logs=receipt.logs),
    )


def _portions(
    rows: Mapping[ChainTransaction, chain.Receipt],
) -> list[list[tuple[ChainTransaction, chain.Receipt]]]:
    """A few at a time: a database transaction holds every stream it writes to until it ends."""
    portions: list[list[tuple[ChainTransaction, chain.Receipt]]] = []
    said = 0
    for row, receipt in rows.items():
        said += len(receipt.logs)
        if not portions or said > LOGS_AT_ONCE:
            portions.append([])
            said = len(receipt.logs)
        portions[-1].append((row, receipt))
    return portions

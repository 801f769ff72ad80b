"""One transfer through the ledger's SQL function, with the database's refusals given names."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from django.db import DatabaseError, connection

from core.bulk import array_text
from core.errors import DomainError, HaltActive, SameActor, StateConflict
from core.ids import new_uuid
from core.units import Units
from custody.states import Bucket, TransferKind


class InsufficientShares(DomainError):
    """The source bucket holds less than the quantity; nothing was posted."""

    code = "insufficient_shares"
    title = "There are not enough settled shares."


class LedgerHalted(HaltActive):
    """Minting against this fund is halted; releasing stays possible."""


class KeyReused(StateConflict):
    """The idempotency key already belongs to another transfer."""

    code = "ledger_key_reused"
    title = "The key was used for another transfer."


class AlreadyReversed(StateConflict):
    """A transfer can be reversed once."""

    title = "The transfer has been reversed already."


class AccountNotOpen(DomainError):
    """No such bucket is open for this fund, custody account and owner."""

    code = "insufficient_shares"
    title = "There are no shares of this fund on this account."


class PostingInvalid(RuntimeError):
    """A fault of the calling code: no such route, a crossing of funds or a quantity of nought."""


_BY_SQLSTATE: dict[str, type[DomainError]] = {
    "SM001": LedgerHalted,
    "SM002": KeyReused,
    "SM003": AccountNotOpen,
}
_BY_CONSTRAINT: dict[str, type[DomainError]] = {
    "ledger_account_not_negative": InsufficientShares,
    "ledger_reversed_once": AlreadyReversed,
    "ledger_four_eyes": SameActor,
    "ledger_key_once": KeyReused,
}
_PROGRAMMING_FAULTS = {
    "SM004",
    "SM005",
    "ledger_quantity_positive",
    "ledger_two_accounts",
    "ledger_reversal_names_its_original",
    "ledger_source_at_home",
    "ledger_destination_at_home",
}

# The columns of custody_post_many(), in its order.
_COLUMN_TYPES = (
    *("uuid", "text", "text", "uuid", "uuid"),
    *("text", "uuid", "text", "uuid"),
    *("numeric", "text", "text", "text", "uuid", "uuid"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One transfer to be made: which shares, from where, to where, and why."""

    key: str
    kind: TransferKind
    fund_id: uuid.UUID
    custody_account_id: uuid.UUID
    source: tuple[Bucket, uuid.UUID | None]
    destination: tuple[Bucket, uuid.UUID | None]
    quantity: Units
    cause: str
    made_by: str
    approved_by: str = ""
    reverses: uuid.UUID | None = None
    group_id: uuid.UUID | None = None


def post(posting: Posting, *, now: datetime, value_date: date | None = None) -> uuid.UUID:
    """Make one transfer and return its id.

    ``value_date`` is the custodian's day of settlement, today when it is ours to choose. Raises
    InsufficientShares, AccountNotOpen, LedgerHalted, KeyReused, AlreadyReversed or SameActor.
    """
    require_transaction()
    with _refusals_named(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT custody_post(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " %s, %s)",
            [
                new_uuid(),
                posting.key,
                posting.kind,
                posting.fund_id,
                posting.custody_account_id,
                *posting.source,
                *posting.destination,
                posting.quantity,
                value_date or now.date(),
                now,
                posting.cause,
                posting.made_by,
                posting.approved_by,
                posting.reverses,
                posting.group_id,
            ],
        )
        row = cursor.fetchone()
    posted: uuid.UUID = row[0]
    return posted


def post_many(postings: Sequence[Posting], *, now: datetime) -> list[uuid.UUID]:
    """Make many transfers in one statement, in their order, and return their ids in that order.

    Every bucket they touch is locked first; then each is what ``post`` would have made. The first
    refusal, named as by ``post``, refuses all of them. The value date is today.
    """
    require_transaction()
    if not postings:
        return []
    columns: list[list[object]] = [
        [new_uuid() for _ in postings],
        [each.key for each in postings],
        [str(each.kind) for each in postings],
        [each.fund_id for each in postings],
        [each.custody_account_id for each in postings],
        [str(each.source[0]) for each in postings],
        [each.source[1] for each in postings],
        [str(each.destination[0]) for each in postings],
        [each.destination[1] for each in postings],
        [str(each.quantity) for each in postings],
        [each.cause for each in postings],
        [each.made_by for each in postings],
        [each.approved_by for each in postings],
        [each.reverses for each in postings],
        [each.group_id for each in postings],
    ]
    arrays = ", ".join(f"%s::{each}[]" for each in _COLUMN_TYPES)
    with _refusals_named(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT custody_post_many({arrays}, %s, %s)",
            [*map(array_text, columns), now.date(), now],
        )
        posted: list[uuid.UUID] = cursor.fetchone()[0]
    return posted


def require_transaction() -> None:
    """The ledger moves inside a use case's transaction or not at all."""
    if not connection.in_atomic_block:
        raise RuntimeError("the ledger needs the use case's transaction")


@contextmanager
def _refusals_named() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        sqlstate = getattr(diagnosis, "sqlstate", None) or ""
        constraint = getattr(diagnosis, "constraint_name", None) or ""
        refusal = _BY_SQLSTATE.get(sqlstate) or _BY_CONSTRAINT.get(constraint)
        if refusal is not None:
            raise refusal from error
        if sqlstate in _PROGRAMMING_FAULTS or constraint in _PROGRAMMING_FAULTS:
            raise PostingInvalid(constraint or sqlstate) from error
        raise

"""Postings that correct: blocks, adjustments by two people and reversals."""

import uuid
from datetime import datetime

from core.actors import Actor
from core.errors import NotFound
from core.units import Units
from custody.ledger.posting import Posting, post
from custody.models import LedgerTransfer
from custody.states import Bucket, TransferKind


def restrict(
    *,
    key: str,
    fund_id: uuid.UUID,
    custody_account_id: uuid.UUID,
    investor_id: uuid.UUID,
    quantity: Units,
    cause: str,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Free to restricted: the custodian or a corporate action blocked these shares."""
    posting = Posting(
        key=key,
        kind=TransferKind.RESTRICT,
        fund_id=fund_id,
        custody_account_id=custody_account_id,
        source=(Bucket.FREE, investor_id),
        destination=(Bucket.RESTRICTED, None),
        quantity=quantity,
        cause=cause,
        made_by=str(actor),
    )
    return post(posting, now=now)


def unrestrict(
    *,
    key: str,
    fund_id: uuid.UUID,
    custody_account_id: uuid.UUID,
    investor_id: uuid.UUID,
    quantity: Units,
    cause: str,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Restricted back to free of the investor named."""
    posting = Posting(
        key=key,
        kind=TransferKind.UNRESTRICT,
        fund_id=fund_id,
        custody_account_id=custody_account_id,
        source=(Bucket.RESTRICTED, None),
        destination=(Bucket.FREE, investor_id),
        quantity=quantity,
        cause=cause,
        made_by=str(actor),
    )
    return post(posting, now=now)


def adjust(
    *,
    key: str,
    fund_id: uuid.UUID,
    custody_account_id: uuid.UUID,
    investor_id: uuid.UUID,
    delta: int,
    cause: str,
    made_by: str,
    approved_by: str,
    now: datetime,
) -> uuid.UUID:
    """Move an unexplained difference of ``delta`` units between suspense and free.

    A positive delta credits the investor. Raises SameActor unless two people stand behind it.
    """
    free, suspense = (Bucket.FREE, investor_id), (Bucket.SUSPENSE, None)
    posting = Posting(
        key=key,
        kind=TransferKind.ADJUST,
        fund_id=fund_id,
        custody_account_id=custody_account_id,
        source=suspense if delta > 0 else free,
        destination=free if delta > 0 else suspense,
        quantity=Units(abs(delta)),
        cause=cause,
        made_by=made_by,
        approved_by=approved_by,
    )
    return post(posting, now=now)


def reverse(*, transfer_id: uuid.UUID, cause: str, actor: Actor, now: datetime) -> uuid.UUID:
    """Post the mirror of one transfer; a second reversal returns the first one's id.

    Raises NotFound, InsufficientShares when the shares have moved on, or AlreadyReversed when it
    was reversed for another cause.
    """
    original = (
        LedgerTransfer.objects.select_related("source", "destination")
        .filter(pk=transfer_id)
        .first()
    )
    if original is None:
        raise NotFound("There is no such transfer.")
    source, destination = original.destination, original.source
    posting = Posting(
        key=f"reverse:{original.pk}:{cause}",
        kind=TransferKind.REVERSE,
        fund_id=original.fund_id,
        custody_account_id=original.custody_account_id,
        source=(Bucket(source.bucket), source.owner),
        destination=(Bucket(destination.bucket), destination.owner),
        quantity=Units(original.quantity),
        cause=cause,
        made_by=str(actor),
        reverses=original.pk,
    )
    return post(posting, now=now)

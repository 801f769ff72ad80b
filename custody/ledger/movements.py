"""The postings of deposits and deliveries: shares entering and leaving custody."""

import uuid
from datetime import date, datetime

from core.actors import Actor
from core.units import Units
from custody.ledger.posting import Posting, post
from custody.models import Delivery, Deposit
from custody.states import Bucket, TransferKind


def settle_deposit(
    *,
    deposit: Deposit,
    quantity: Units,
    custodian_reference: str,
    value_date: date,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Outside world to free: the custodian reported this part settled, under its own reference."""
    posting = Posting(
        key=f"deposit:{deposit.pk}:{custodian_reference}",
        kind=TransferKind.SETTLE,
        fund_id=deposit.fund_id,
        custody_account_id=deposit.custody_account_id,
        source=(Bucket.EXTERNAL, None),
        destination=(Bucket.FREE, deposit.investor_id),
        quantity=quantity,
        cause=f"deposit:{deposit.pk}",
        made_by=str(actor),
    )
    return post(posting, now=now, value_date=value_date)


def start_delivery(*, delivery: Delivery, actor: Actor, now: datetime) -> uuid.UUID:
    """Free to releasing: the shares wait for the custodian. Raises InsufficientShares."""
    return _release(
        delivery, TransferKind.START_DELIVERY, Units(delivery.quantity), actor=actor, now=now
    )


def cancel_delivery(
    *, delivery: Delivery, quantity: Units, actor: Actor, now: datetime
) -> uuid.UUID:
    """Releasing back to free: what was not delivered and never will be."""
    return _release(delivery, TransferKind.CANCEL_DELIVERY, quantity, actor=actor, now=now)


def finish_delivery(
    *,
    delivery: Delivery,
    quantity: Units,
    custodian_reference: str,
    value_date: date,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Releasing to the outside world: the custodian reported this part delivered."""
    posting = Posting(
        key=f"delivery:{delivery.pk}:{custodian_reference}",
        kind=TransferKind.DELIVER,
        fund_id=delivery.fund_id,
        custody_account_id=delivery.custody_account_id,
        source=(Bucket.RELEASING, delivery.investor_id),
        destination=(Bucket.EXTERNAL, None),
        quantity=quantity,
        cause=f"delivery:{delivery.pk}",
        made_by=str(actor),
    )
    return post(posting, now=now, value_date=value_date)


def _release(
    delivery: Delivery, kind: TransferKind, quantity: Units, *, actor: Actor, now: datetime
) -> uuid.UUID:
    free = (Bucket.FREE, delivery.investor_id)
    releasing = (Bucket.RELEASING, delivery.investor_id)
    outward = kind == TransferKind.START_DELIVERY
    posting = Posting(
        key=f"delivery:{delivery.pk}:{kind.lower()}",
        kind=kind,
        fund_id=delivery.fund_id,
        custody_account_id=delivery.custody_account_id,
        source=free if outward else releasing,
        destination=releasing if outward else free,
        quantity=quantity,
        cause=f"delivery:{delivery.pk}",
        made_by=str(actor),
    )
    return post(posting, now=now)

"""The postings of an order's life. Their keys are named after the order, so each happens once."""

import uuid
from datetime import datetime

from core.actors import Actor
from core.units import Units
from custody.ledger.posting import Posting, post
from custody.states import Bucket, TransferKind


def reserve(
    *,
    fund_id: uuid.UUID,
    custody_account_id: uuid.UUID,
    investor_id: uuid.UUID,
    quantity: Units,
    order_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Free to reserved: a mint order was accepted. Raises InsufficientShares, LedgerHalted."""
    posting = Posting(
        key=f"order:{order_id}:reserve",
        kind=TransferKind.RESERVE,
        fund_id=fund_id,
        custody_account_id=custody_account_id,
        source=(Bucket.FREE, investor_id),
        destination=(Bucket.RESERVED, investor_id),
        quantity=quantity,
        cause=f"order:{order_id}",
        made_by=str(actor),
    )
    return post(posting, now=now)


def unreserve(
    *,
    fund_id: uuid.UUID,
    custody_account_id: uuid.UUID,
    investor_id: uuid.UUID,
    quantity: Units,
    order_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Reserved back to free: the order ended before it reached a chain transaction."""
    posting = Posting(
        key=f"order:{order_id}:unreserve",
        kind=TransferKind.UNRESERVE,
        fund_id=fund_id,
        custody_account_id=custody_account_id,
        source=(Bucket.RESERVED, investor_id),
        destination=(Bucket.FREE, investor_id),
        quantity=quantity,
        cause=f"order:{order_id}",
        made_by=str(actor),
    )
    return post(posting, now=now)


def back(
    *,
    fund_id: uuid.UUID,
    custody_account_id: uuid.UUID,
    investor_id: uuid.UUID,
    token_id: uuid.UUID,
    quantity: Units,
    order_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Reserved to backing, in the transaction that writes the mint's chain transaction."""
    posting = Posting(
        key=f"order:{order_id}:back",
        kind=TransferKind.BACK,
        fund_id=fund_id,
        custody_account_id=custody_account_id,
        source=(Bucket.RESERVED, investor_id),
        destination=(Bucket.BACKING, token_id),
        quantity=quantity,
        cause=f"order:{order_id}",
        made_by=str(actor),
    )
    return post(posting, now=now)


def fail_mint(
    *,
    fund_id: uuid.UUID,
    custody_account_id: uuid.UUID,
    investor_id: uuid.UUID,
    token_id: uuid.UUID,
    quantity: Units,
    order_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Backing back to free: the mint is proven never to have happened and never to happen."""
    posting = Posting(
        key=f"order:{order_id}:fail_mint",
        kind=TransferKind.FAIL_MINT,
        fund_id=fund_id,
        custody_account_id=custody_account_id,
        source=(Bucket.BACKING, token_id),
        destination=(Bucket.FREE, investor_id),
        quantity=quantity,
        cause=f"order:{order_id}",
        made_by=str(actor),
    )
    return post(posting, now=now)


def release_burn(
    *,
    fund_id: uuid.UUID,
    custody_account_id: uuid.UUID,
    investor_id: uuid.UUID,
    token_id: uuid.UUID,
    quantity: Units,
    order_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Backing to free of the redeeming investor: the burn is final.

    One burn may be released from several custody accounts, once from each.
    """
    posting = Posting(
        key=f"order:{order_id}:release_burn:{custody_account_id}",
        kind=TransferKind.RELEASE_BURN,
        fund_id=fund_id,
        custody_account_id=custody_account_id,
        source=(Bucket.BACKING, token_id),
        destination=(Bucket.FREE, investor_id),
        quantity=quantity,
        cause=f"order:{order_id}",
        made_by=str(actor),
    )
    return post(posting, now=now)


def carry_over(
    *,
    fund_id: uuid.UUID,
    custody_account_id: uuid.UUID,
    investor_id: uuid.UUID,
    token_id: uuid.UUID,
    quantity: Units,
    order_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Backing of one token straight to reserved: the burn of a move is final, its mint is to come.

    Passes a halt of the fund, because the claim on the shares does not rise. Named after the burn;
    once from each custody account.
    """
    posting = Posting(
        key=f"order:{order_id}:move:{custody_account_id}",
        kind=TransferKind.MOVE,
        fund_id=fund_id,
        custody_account_id=custody_account_id,
        source=(Bucket.BACKING, token_id),
        destination=(Bucket.RESERVED, investor_id),
        quantity=quantity,
        cause=f"order:{order_id}",
        made_by=str(actor),
    )
    return post(posting, now=now)

"""The postings of many orders at once: same keys, routes and refusals, one statement."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.actors import Actor
from core.units import Units
from custody.ledger.posting import Posting, post_many
from custody.states import Bucket, TransferKind


@dataclass(frozen=True, slots=True, kw_only=True)
class MintShares:
    """The shares of one mint order: whose they are, where they lie, and the token they will back."""

    fund_id: uuid.UUID
    custody_account_id: uuid.UUID
    investor_id: uuid.UUID
    token_id: uuid.UUID
    quantity: Units
    order_id: uuid.UUID


def reserve_many(*, mints: Sequence[MintShares], actor: Actor, now: datetime) -> list[uuid.UUID]:
    """``reserve`` for each order, in order. Raises InsufficientShares, LedgerHalted for all."""
    return post_many([_reserve(mint, made_by=str(actor)) for mint in mints], now=now)


def back_many(*, mints: Sequence[MintShares], actor: Actor, now: datetime) -> list[uuid.UUID]:
    """``back`` for each order, in order; one refusal refuses the batch."""
    return post_many([_back(mint, made_by=str(actor)) for mint in mints], now=now)


def _reserve(mint: MintShares, *, made_by: str) -> Posting:
    return Posting(
        key=f"order:{mint.order_id}:reserve",
        kind=TransferKind.RESERVE,
        fund_id=mint.fund_id,
        custody_account_id=mint.custody_account_id,
        source=(Bucket.FREE, mint.investor_id),
        destination=(Bucket.RESERVED, mint.investor_id),
        quantity=mint.quantity,
        cause=f"order:{mint.order_id}",
        made_by=made_by,
    )


def _back(mint: MintShares, *, made_by: str) -> Posting:
    return Posting(
        key=f"order:{mint.order_id}:back",
        kind=TransferKind.BACK,
        fund_id=mint.fund_id,
        custody_account_id=mint.custody_account_id,
        source=(Bucket.RESERVED, mint.investor_id),
        destination=(Bucket.BACKING, mint.token_id),
        quantity=mint.quantity,
        cause=f"order:{mint.order_id}",
        made_by=made_by,
    )

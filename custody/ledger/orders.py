"""The postings of an order's life. Their keys are named after the order, so each happens once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.actors import Actor
from core.units import Units
from custody.ledger.posting import Posting, post, post_many
from custody.states import Bucket, TransferKind


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShares:
    """The shares of one order: whose they are, where they lie, and the token they back or will."""

    fund_id: uuid.UUID
    custody_account_id: uuid.UUID
    investor_id: uuid.UUID
    token_id: uuid.UUID
    quantity: Units
    order_id: uuid.UUID


_ROUTES = {
    TransferKind.RESERVE: (Bucket.FREE, Bucket.RESERVED),
    TransferKind.UNRESERVE: (Bucket.RESERVED, Bucket.FREE),
    TransferKind.BACK: (Bucket.RESERVED, Bucket.BACKING),
    TransferKind.BACK_EXECUTED: (Bucket.RESERVED, Bucket.BACKING),
    TransferKind.FAIL_MINT: (Bucket.BACKING, Bucket.FREE),
    TransferKind.RELEASE_BURN: (Bucket.BACKING, Bucket.FREE),
    TransferKind.MOVE: (Bucket.BACKING, Bucket.RESERVED),
}
# A burn may be served from several custody accounts, once from each.
_ONCE_PER_ACCOUNT = {TransferKind.RELEASE_BURN, TransferKind.MOVE}
# Two ways to the same place: under one key, a mint's shares move there once, whichever came first.
_KEYED_AS = {TransferKind.BACK_EXECUTED: TransferKind.BACK}


def reserve(*, shares: OrderShares, actor: Actor, now: datetime) -> uuid.UUID:
    """Free to reserved: a mint order was accepted. Raises InsufficientShares, LedgerHalted."""
    return post(_posting(TransferKind.RESERVE, shares, actor), now=now)


def reserve_many(*, shares: Sequence[OrderShares], actor: Actor, now: datetime) -> list[uuid.UUID]:
    """``reserve`` for each order, in order. Raises InsufficientShares, LedgerHalted for all."""
    return post_many([_posting(TransferKind.RESERVE, each, actor) for each in shares], now=now)


def unreserve(*, shares: OrderShares, actor: Actor, now: datetime) -> uuid.UUID:
    """Reserved back to free: the order ended before it reached a chain transaction."""
    return post(_posting(TransferKind.UNRESERVE, shares, actor), now=now)


def back(*, shares: OrderShares, actor: Actor, now: datetime) -> uuid.UUID:
    """Reserved to backing, in the transaction that writes the mint's chain transaction."""
    return post(_posting(TransferKind.BACK, shares, actor), now=now)


def back_many(*, shares: Sequence[OrderShares], actor: Actor, now: datetime) -> list[uuid.UUID]:
    """``back`` for each order, in order; one refusal refuses the batch."""
    return post_many([_posting(TransferKind.BACK, each, actor) for each in shares], now=now)


def back_executed(*, shares: OrderShares, actor: Actor, now: datetime) -> uuid.UUID:
    """Reserved to backing for a mint that the chain has carried out, or may have: a commit was lost.

    Passes a halt of the fund, which can no longer keep the mint from happening.
    """
    return post(_posting(TransferKind.BACK_EXECUTED, shares, actor), now=now)


def fail_mint(*, shares: OrderShares, actor: Actor, now: datetime) -> uuid.UUID:
    """Backing back to free: the mint is proven never to have happened and never to happen."""
    return post(_posting(TransferKind.FAIL_MINT, shares, actor), now=now)


def release_burn(*, shares: OrderShares, actor: Actor, now: datetime) -> uuid.UUID:
    """Backing to free of the redeeming investor: the burn is final."""
    return post(_posting(TransferKind.RELEASE_BURN, shares, actor), now=now)


def carry_over(*, shares: OrderShares, actor: Actor, now: datetime) -> uuid.UUID:
    """Backing of one token straight to reserved: the burn of a move is final, its mint is to come.

    Passes a halt of the fund, because the claim on the shares does not rise. Named after the burn.
    """
    return post(_posting(TransferKind.MOVE, shares, actor), now=now)


def _posting(kind: TransferKind, shares: OrderShares, actor: Actor) -> Posting:
    source, destination = _ROUTES[kind]
    cause = f"order:{shares.order_id}"
    key = f"{cause}:{_KEYED_AS.get(kind, kind).lower()}"
    if kind in _ONCE_PER_ACCOUNT:
        key += f":{shares.custody_account_id}"
    return Posting(
        key=key,
        kind=kind,
        fund_id=shares.fund_id,
        custody_account_id=shares.custody_account_id,
        source=(source, _owner(source, shares)),
        destination=(destination, _owner(destination, shares)),
        quantity=shares.quantity,
        cause=cause,
        made_by=str(actor),
    )


def _owner(bucket: Bucket, shares: OrderShares) -> uuid.UUID:
    return shares.token_id if bucket == Bucket.BACKING else shares.investor_id

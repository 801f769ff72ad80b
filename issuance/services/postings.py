"""An order's ledger postings, in terms of the order; each inside the use case's transaction.

A batch posts for all its orders before it moves any status: events lock an institution's stream
until commit, and whoever holds a stream must not wait for a ledger account.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from core.actors import Actor
from core.units import Units
from custody import ledger
from custody import queries as custody_queries
from custody.models import CustodyAccount
from issuance.models import Order
from issuance.states import OrderType


def is_backed(order: Order) -> bool:
    """Whether the shares of a mint already lie in ``backing``: it was signed for before."""
    return order.requeues > 0


def reserve(*, order: Order, actor: Actor, now: datetime) -> None:
    """Free to reserved. Raises InsufficientShares."""
    ledger.reserve(shares=_shares(order), actor=actor, now=now)


def back(*, order: Order, actor: Actor, now: datetime) -> None:
    """Reserved to backing; a no-op by its key when the order was signed for before."""
    ledger.back(shares=_shares(order), actor=actor, now=now)


def back_executed(*, order: Order, actor: Actor, now: datetime) -> None:
    """``back`` for a mint that a lost commit may have signed for. Passes a halt of the fund."""
    ledger.back_executed(shares=_shares(order), actor=actor, now=now)


def back_many(*, orders: Sequence[Order], actor: Actor, now: datetime) -> None:
    """``back`` for every order of a batch, in one statement."""
    ledger.back_many(shares=[_shares(order) for order in orders], actor=actor, now=now)


def give_back(*, order: Order, actor: Actor, now: datetime) -> None:
    """A mint that will not happen: its shares return to the investor from wherever they lie."""
    if is_backed(order):
        fail_mint(order=order, actor=actor, now=now)
        return
    ledger.unreserve(shares=_shares(order), actor=actor, now=now)


def fail_mint(*, order: Order, actor: Actor, now: datetime) -> None:
    """Backing to free: the mint is proven never to have happened."""
    ledger.fail_mint(shares=_shares(order), actor=actor, now=now)


def release_burn(*, order: Order, actor: Actor, now: datetime) -> None:
    """Backing to free of the redeeming investor: the burn is final.

    Tokens carry no memory of the custody account behind them: the order's own account gives
    first, then whichever hold most.
    """
    for account_id, taken in _shares_behind(order):
        _open_buckets(order, account_id)
        ledger.release_burn(shares=_part(order, account_id, taken), actor=actor, now=now)


def carry_over(*, order: Order, actor: Actor, now: datetime) -> list[tuple[uuid.UUID, int]]:
    """Backing straight to reserved of the investor: a move's burn is final, its mint is to come.

    Returns the custody accounts with the units reserved on each. Passes a halt of the fund.
    """
    carried = _shares_behind(order)
    for account_id, taken in carried:
        _open_buckets(order, account_id)
        ledger.carry_over(shares=_part(order, account_id, taken), actor=actor, now=now)
    return carried


def lock(*, orders: Sequence[Order]) -> None:
    """Lock every bucket a batch of one token's orders will touch, before the first posting."""
    if orders:
        token = orders[0].token
        owners = {token.pk, *(order.investor_id for order in orders)}
        # A burn may open its investor's buckets, and that asks for the bucket without an owner:
        # taken later it would wait for an import or a halt that waits for this batch.
        burns = any(order.type == OrderType.REDEEM for order in orders)
        ledger.lock_owners(fund_id=token.fund_id, owners=owners, with_outside=burns)


def _shares(order: Order) -> ledger.OrderShares:
    return _part(order, order.custody_account_id, order.quantity)


def _part(order: Order, account_id: uuid.UUID, quantity: int) -> ledger.OrderShares:
    return ledger.OrderShares(
        fund_id=order.token.fund_id,
        custody_account_id=account_id,
        investor_id=order.investor_id,
        token_id=order.token_id,
        quantity=Units(quantity),
        order_id=order.pk,
    )


def _shares_behind(order: Order) -> list[tuple[uuid.UUID, int]]:
    """Which custody account gives how many units for a burn. Raises InsufficientShares."""
    left, found = order.quantity, []
    accounts = custody_queries.backing_accounts(order.token_id)
    accounts.sort(key=lambda each: each[0] != order.custody_account_id)
    for account_id, held in accounts:
        taken = min(left, held)
        found.append((account_id, taken))
        left -= taken
        if left == 0:
            return found
    raise ledger.InsufficientShares(order_id=order.public_id)


def _open_buckets(order: Order, account_id: uuid.UUID) -> None:
    # Who redeems may have bought the tokens and never had shares on this account.
    ledger.open_investor(
        fund=order.token.fund,
        custody_account=CustodyAccount.objects.get(pk=account_id),
        investor_id=order.investor_id,
    )

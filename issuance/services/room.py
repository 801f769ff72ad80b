"""How much more of a token may be minted now, beside its cap: figures for one transaction or tick."""

import uuid
from collections.abc import Sequence

from django.conf import settings
from django.db.models import Sum

from custody import queries as custody_queries
from issuance.models import Order, Token
from issuance.states import OrderStatus, OrderType

UNFINALIZED_CAP = "unfinalized_cap"


def split_by_unfinalized(
    *, token: Token, orders: Sequence[Order]
) -> tuple[list[Order], list[Order]]:
    """Mint orders that may join what is minted and not yet final, first come first, and the others.

    A reorganisation can undo no more than this part of what custody holds. An order larger than
    the limit goes when nothing else is under way.
    """
    parts = settings.UNFINALIZED_MINT_BASIS_POINTS
    if not parts:
        return list(orders), []
    limit = custody_queries.position(token.fund_id).settled * parts // 10_000
    under_way = unfinalized_mints(token_id=token.pk)
    going: list[Order] = []
    for order in orders:
        if under_way and under_way + order.quantity > limit:
            break
        under_way += order.quantity
        going.append(order)
    return going, list(orders[len(going) :])


def unfinalized_mints(*, token_id: uuid.UUID) -> int:
    """Units of a token that are numbered for minting or minted, and not final."""
    return _minting(token_id, [OrderStatus.SUBMITTED, OrderStatus.INCLUDED])


def waiting_mints(*, token_id: uuid.UUID) -> int:
    """Units reserved for accepted mints of a token that were never signed for."""
    return _minting(token_id, [OrderStatus.AWAITING_APPROVAL, OrderStatus.QUEUED], requeues=0)


def _minting(token_id: uuid.UUID, statuses: Sequence[OrderStatus], **which: int) -> int:
    rows = Order.objects.filter(
        token_id=token_id, type=OrderType.MINT, status__in=statuses, **which
    )
    return int(rows.aggregate(total=Sum("quantity"))["total"] or 0)

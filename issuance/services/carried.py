"""Orders by the hundred, with the columns that their moves, their events and the chain's word ask for."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from django.db.models import ForeignKey, QuerySet

from core.lean import read_many
from issuance import queries
from issuance.models import Order, Token
from kyc.models import Wallet

_COLUMNS = (
    "id",
    "version",
    "institution_id",
    "investor_id",
    "token_id",
    "wallet_id",
    "custody_account_id",
    "decision_id",
    "move_id",
    "type",
    "status",
    "quantity",
    "client_order_id",
    "onchain_id",
    "reason_code",
    "tx_hash",
)


def read_orders(rows: QuerySet[Order]) -> list[Order]:
    """The orders; a column that hardly any of them is asked for is read when it is."""
    return read_many(rows, _COLUMNS)


def name_wallets(*, orders: Sequence[Order]) -> None:
    """Let each order know its wallet's address; anything else of a wallet is read when asked for."""
    wanted = Wallet.objects.filter(pk__in={order.wallet_id for order in orders})
    wallets: Mapping[uuid.UUID, Wallet] = {row.pk: row for row in read_many(wanted, _ADDRESS)}
    for order in orders:
        _WALLET.set_cached_value(order, wallets[order.wallet_id])


def name_token(*, order: Order, token: Token) -> None:
    """Let an order know its own token, which is in memory once instead of once per order."""
    _TOKEN.set_cached_value(order, token)


def orders_by_onchain_id(*, token: Token, onchain_ids: Iterable[int]) -> dict[int, Order]:
    """The orders behind ids seen on chain, with their wallets; an id we never gave out is missing."""
    ours = [each for each in onchain_ids if each <= queries.ONCHAIN_ID_MAX]
    rows = read_orders(Order.objects.filter(token=token, onchain_id__in=ours))
    name_wallets(orders=rows)
    for order in rows:
        name_token(order=order, token=token)
    return {order.onchain_id: order for order in rows}


_ADDRESS = ("id", "address")
_WALLET = cast("ForeignKey[Wallet, Wallet]", Order._meta.get_field("wallet"))
_TOKEN = cast("ForeignKey[Token, Token]", Order._meta.get_field("token"))

"""From a token's logs to events, with what our own rows know of the transactions that made them."""

from collections.abc import Collection, Iterable, Sequence

from issuance.chain import types as chain
from issuance.chain.standards import Carried, Deed, standard_of
from issuance.models import (
    Attempt,
    ChainTransaction,
    ChainTransactionHolder,
    ChainTransactionOrder,
    Order,
    Token,
    TokenLog,
)
from issuance.states import ChainTransactionKind, OrderStatus, OrderType

_DEEDS = {
    ChainTransactionKind.MINT: Deed.MINT,
    ChainTransactionKind.BURN: Deed.BURN,
    ChainTransactionKind.CANCEL_REDEEM: Deed.RETURN,
    ChainTransactionKind.REGISTER: Deed.REGISTER,
}
_ONCE = ("ORDER_MINTED", "ORDER_BURNED")
# Not kept of the time before a token was attached: they would be taken for our orders' events.
_MEANINGS = chain.OrderMinted | chain.OrderBurned | chain.RedeemRequested | chain.RedeemCancelled


def read_logs(
    *, token: Token, logs: Iterable[chain.Log], awaiting: bool = False
) -> list[chain.TokenEvent]:
    """What a token's own logs say; logs of other contracts and removed ones are left out.

    ``awaiting``: tokens that came into a redemption wallet are matched with the redemptions that
    wait for them. Only the follower may say so, which reads each log once and in order.
    """
    address = token.address.lower()
    own = [log for log in logs if not log.removed and log.address.lower() == address]
    standard = standard_of(token)
    if standard.exactly_once_on_chain:
        return standard.events(own, carried={})
    carried = carried_by(token=token, tx_hashes={log.tx_hash for log in own})
    awaited = _awaited(token) if awaiting else []
    history = [log for log in own if log.block_number <= token.opening_block]
    present = [log for log in own if log.block_number > token.opening_block]
    return [
        *_history(standard.events(history, carried={})),
        *standard.events(present, carried=carried, awaited=awaited),
    ]


def carried_by(*, token: Token, tx_hashes: Collection[str]) -> dict[str, Carried]:
    """What each of our transactions among these carries, by hash.

    An order that another transaction has executed already explains nothing a second time.
    """
    attempts = Attempt.objects.filter(
        tx_hash__in=list(tx_hashes), chain_transaction__token=token, cancels=False
    ).select_related("chain_transaction")
    rows = {each.tx_hash: each.chain_transaction for each in attempts}
    found = {}
    for tx_hash, row in rows.items():
        kind = ChainTransactionKind(row.kind)
        if kind in _DEEDS:
            orders = [order for order in _orders(row) if not _is_done(order, but=tx_hash)]
            if orders or kind == ChainTransactionKind.REGISTER:
                found[tx_hash] = Carried(
                    deed=_DEEDS[kind],
                    orders=[_item(order) for order in orders],
                    holders=_holders(row),
                )
    return found


def _orders(row: ChainTransaction) -> list[Order]:
    bindings = ChainTransactionOrder.objects.filter(chain_transaction=row).order_by("index")
    return [each.order for each in bindings.select_related("order__wallet")]


def _is_done(order: Order, *, but: str) -> bool:
    rows = TokenLog.objects.canonical().filter(order=order, kind__in=_ONCE)
    return rows.exclude(tx_hash=but).exists()


def _holders(row: ChainTransaction) -> list[chain.HolderEntry]:
    bindings = ChainTransactionHolder.objects.filter(chain_transaction=row).order_by("index")
    return [
        chain.HolderEntry(
            account=each.holder.wallet.address,
            country=each.country,
            kyc_expiry=int(each.kyc_expires_at.timestamp()),
            permitted=each.permitted,
        )
        for each in bindings.select_related("holder__wallet")
    ]


def _awaited(token: Token) -> list[chain.OrderItem]:
    orders = Order.objects.select_related("wallet").filter(
        token=token, type=OrderType.REDEEM, status=OrderStatus.AWAITING_TOKENS
    )
    return [_item(order) for order in orders.order_by("onchain_id")]


def _item(order: Order) -> chain.OrderItem:
    return chain.OrderItem(
        order_id=order.onchain_id, account=order.wallet.address, amount=order.quantity
    )


def _history(events: Sequence[chain.TokenEvent]) -> list[chain.TokenEvent]:
    """Balances and freezes of the past, and the rest as mere names."""
    kept: list[chain.TokenEvent] = []
    for event in events:
        if isinstance(event, chain.RulesChanged | chain.OtherEvent):
            kept.append(chain.OtherEvent(event.log, "BeforeAttachment"))
        elif not isinstance(event, _MEANINGS):
            kept.append(event)
    return kept

"""Orders become one numbered chain transaction; it is signed afterwards, outside."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.bulk import insert_many
from core.lean import read_many, unsaved
from core.transitions import Transition, move, move_many
from core.use_case import use_case
from custody import ledger
from custody import queries as custody_queries
from issuance import policy, queries
from issuance.chain import types as chain
from issuance.chain.standards import standard_of
from issuance.models import (
    ChainTransaction,
    ChainTransactionOrder,
    Order,
    Token,
)
from issuance.services import lanes, postings
from issuance.services.facts import order_facts
from issuance.services.holds import set_aside
from issuance.services.lanes import PIPELINE, Call
from issuance.services.room import split_by_unfinalized
from issuance.services.screening import TurnedAway, screen, turn_away
from issuance.states import (
    ORDER_TRANSITIONS,
    ChainTransactionKind,
    OrderStatus,
    OrderType,
    SignerRole,
)
from kyc.models import Investor, Wallet, store_decisions

# What numbering asks of an order, its investor and its wallet: the rest, ciphertext above all, is
# neither read nor opened unless somebody asks for it.
_OF_ORDER = (
    *("id", "version", "institution_id", "investor_id", "token_id", "wallet_id"),
    *("custody_account_id", "decision_id", "move_id", "type", "status", "quantity"),
    *("client_order_id", "onchain_id", "reason_code", "approved_by", "requeues", "tx_hash"),
)
_OF_INVESTOR = ("id", "institution_id", "kind", "status", "kyc_expires_at")
_OF_WALLET = ("id", "address", "status")
_IDLE: dict[str, Any] = {"next_attempt_at": None, "leased_until": None}
_WANTED = {
    ChainTransactionKind.MINT: OrderStatus.QUEUED,
    ChainTransactionKind.BURN: OrderStatus.QUEUED,
    ChainTransactionKind.CANCEL_REDEEM: OrderStatus.RETURNING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Orders that were simulated together, and the gas one transaction of them may use."""

    order_ids: Sequence[uuid.UUID]
    gas: int


@use_case
def assign_orders(
    *,
    token_id: uuid.UUID,
    kind: ChainTransactionKind,
    order_ids: Sequence[uuid.UUID],
    signer_id: uuid.UUID,
    gas: int,
    now: datetime,
) -> ChainTransaction | None:
    """Bind orders of one token to the signer's next nonce, or None when none of them may go.

    Asks KYC again right before signing and moves ``reserved`` to ``backing``. An order that KYC
    refuses ends here; one that needs a second person waits for it. The decision that let an order
    be signed for is kept with it. The transaction has no signed form yet: that is made outside and
    kept by ``save_attempts``. Raises LaneBusy, HaltActive.
    """
    batch = Batch(order_ids=order_ids, gas=gas)
    rows = _assign(token_id, kind, [batch], signer_id=signer_id, now=now)
    return rows[0] if rows else None


@use_case
def assign_wave(
    *,
    token_id: uuid.UUID,
    kind: ChainTransactionKind,
    batches: Sequence[Batch],
    signer_id: uuid.UUID,
    now: datetime,
) -> list[ChainTransaction]:
    """``assign_orders`` for several batches at consecutive nonces, in one transaction.

    Batches for which the lane has no room stay as they are. Raises LaneBusy, HaltActive.
    """
    return _assign(token_id, kind, batches, signer_id=signer_id, now=now)


def _assign(
    token_id: uuid.UUID,
    kind: ChainTransactionKind,
    batches: Sequence[Batch],
    *,
    signer_id: uuid.UUID,
    now: datetime,
) -> list[ChainTransaction]:
    token = queries.token_by_id(token_id=token_id)
    signer = lanes.lock_lane(token=token, role=SignerRole.ISSUER, signer_id=signer_id)
    batches = batches[: lanes.room(signer=signer)]
    orders = _locked_orders(token, kind, [pk for batch in batches for pk in batch.order_ids])
    ready, away = orders, list[TurnedAway]()
    if kind != ChainTransactionKind.CANCEL_REDEEM:
        ready, away = screen(orders=set_aside(orders, now=now), now=now)
    if kind == ChainTransactionKind.MINT:
        # Before the room is read: another lane of the same token may be numbering at this instant,
        # and where no contract caps it, a figure that lifts a sibling's cap may be taken.
        if not token.has_attested_cap:
            custody_queries.lock_caps(fund_id=token.fund_id)
        postings.lock(orders=[*ready, *(each.order for each in away)])
        ready, _ = policy.split_by_room(token, ready)
        ready, _ = split_by_unfinalized(token=token, orders=ready)
        _post(ready, away, now=now)
    carried = _by_batch(batches, ready)
    calls = [
        Call(kind=kind, data=encode_orders(kind=kind, orders=some), gas=batch.gas)
        for batch, some in carried
    ]
    rows = lanes.number_many(signer=signer, token=token, calls=calls, now=now)
    _bind(list(zip(rows, (some for _, some in carried), strict=True)))
    if kind != ChainTransactionKind.CANCEL_REDEEM:
        store_decisions([order.decision for order in ready])
    _submit(kind, ready, away=away, now=now)
    lanes.record_assigned_many(
        carried=[(row, len(some)) for row, (_, some) in zip(rows, carried, strict=True)], now=now
    )
    return rows


def _by_batch(batches: Sequence[Batch], ready: Sequence[Order]) -> list[tuple[Batch, list[Order]]]:
    """What is left of each batch, without those of which nothing is left."""
    place = {pk: number for number, batch in enumerate(batches) for pk in batch.order_ids}
    left: dict[int, list[Order]] = {}
    for order in ready:
        left.setdefault(place[order.pk], []).append(order)
    return [(batches[number], left[number]) for number in sorted(left)]


def encode_orders(*, kind: ChainTransactionKind, orders: Sequence[Order]) -> bytes:
    """The calldata that carries these orders."""
    standard, items = standard_of(orders[0].token), [item_of(order) for order in orders]
    if kind == ChainTransactionKind.CANCEL_REDEEM:
        (item,) = items
        return standard.encode_return(item)
    if kind == ChainTransactionKind.MINT:
        return standard.encode_mint(items)
    return standard.encode_burn(items)


def item_of(order: Order) -> chain.OrderItem:
    """The order as its contract sees it."""
    return chain.OrderItem(
        order_id=order.onchain_id, account=order.wallet.address, amount=order.quantity
    )


@use_case
def delay_order(*, order: Order, reason_code: str, wait: timedelta, now: datetime) -> None:
    """An unbound order that the caller holds cannot go now: look at it again later and say why.

    One whose lease ran out meanwhile is another worker's, and stays as that one wants it.
    """
    held = Order.objects.filter(pk=order.pk, leased_until=order.leased_until)
    held.filter(leased_until__isnull=False).exclude(bindings__live=True).update(
        reason_code=reason_code, next_attempt_at=now + wait, leased_until=None
    )


@use_case
def refuse_order(*, order_id: uuid.UUID, reason_code: str, now: datetime) -> None:
    """The contract would never take this unbound mint: it ends, and its shares are free again.

    Raises Recovering while a lost commit may have signed for it.
    """
    queries.require_recovered(network=queries.network_of(order_id=order_id))
    order = queries.order_for_update(order_id=order_id)
    if order.status != OrderStatus.QUEUED or order.type != OrderType.MINT:
        return
    postings.give_back(order=order, actor=PIPELINE, now=now)
    move(
        order,
        to=OrderStatus.REJECTED,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=OrderStatus.REJECTED, reason_code=reason_code),
        reason_code=reason_code,
        next_attempt_at=None,
        leased_until=None,
    )


@use_case
def doubt_order(*, order_id: uuid.UUID, now: datetime) -> None:
    """The chain says the id of a queued order is used: our commit may be lost. Ask it by id.

    A mint's shares move to ``backing`` at once, where a mint that did happen needs them.
    """
    order = queries.order_for_update(order_id=order_id)
    if order.status != OrderStatus.QUEUED:
        return
    if order.type == OrderType.MINT:
        postings.back_executed(order=order, actor=PIPELINE, now=now)
    move(
        order,
        to=OrderStatus.CHECKING,
        table=ORDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        data=order_facts(order, to=OrderStatus.CHECKING),
        next_attempt_at=now,
        leased_until=None,
    )


def _locked_orders(
    token: Token, kind: ChainTransactionKind, order_ids: Sequence[uuid.UUID]
) -> list[Order]:
    order_type = OrderType.MINT if kind == ChainTransactionKind.MINT else OrderType.REDEEM
    rows = Order.objects.select_for_update(no_key=True, skip_locked=True)
    wanted = rows.filter(
        token=token, pk__in=order_ids, type=order_type, status=_WANTED[kind]
    ).exclude(bindings__live=True)
    orders = read_many(wanted.order_by("pk"), _OF_ORDER)
    # An investor and a wallet once, however many of the orders are theirs.
    wallets = Wallet.objects.filter(pk__in={order.wallet_id for order in orders})
    investors = Investor.objects.filter(pk__in={order.investor_id for order in orders})
    wallet_by_id = {row.pk: row for row in read_many(wallets, _OF_WALLET)}
    investor_by_id = {row.pk: row for row in read_many(investors, _OF_INVESTOR)}
    for order in orders:
        order.token = token
        order.wallet = wallet_by_id[order.wallet_id]
        order.investor = investor_by_id[order.investor_id]
    return orders


def _post(ready: Sequence[Order], away: Sequence[TurnedAway], *, now: datetime) -> None:
    if any(postings.is_backed(order) for order in ready):
        # Their posting was made long ago, and would not ask again.
        ledger.require_running(fund_id=ready[0].token.fund_id)
    postings.back_many(orders=ready, actor=PIPELINE, now=now)
    for each in away:
        if each.to == OrderStatus.REJECTED:
            postings.give_back(order=each.order, actor=PIPELINE, now=now)


def _bind(carried: Sequence[tuple[ChainTransaction, Sequence[Order]]]) -> None:
    insert_many(
        [
            unsaved(
                ChainTransactionOrder,
                {
                    "id": None,
                    "chain_transaction_id": row.pk,
                    "order_id": order.pk,
                    "index": index,
                    "live": True,
                    "outcome": "",
                },
            )
            for row, orders in carried
            for index, order in enumerate(orders)
        ]
    )


def _submit(
    kind: ChainTransactionKind,
    orders: Sequence[Order],
    *,
    away: Sequence[TurnedAway],
    now: datetime,
) -> None:
    """Every order's move, signed for or turned away, in the one order that streams are locked."""
    if kind == ChainTransactionKind.CANCEL_REDEEM:
        # The order stays RETURNING; its transaction carries the work from here on.
        Order.objects.filter(pk__in=[order.pk for order in orders]).update(**_IDLE)
        return
    turned = {each.order.pk: each for each in away}
    in_order = sorted([*orders, *(each.order for each in away)], key=lanes.by_institution)
    moves = [
        turn_away(turned[order.pk]) if order.pk in turned else _submission(order)
        for order in in_order
    ]
    move_many(moves, table=ORDER_TRANSITIONS, actor=PIPELINE, now=now)


def _submission(order: Order) -> Transition:
    # The hash of a transaction that died; the new one has none until it is signed.
    order.tx_hash = ""
    return Transition(
        row=order,
        to=OrderStatus.SUBMITTED,
        data=order_facts(order, to=OrderStatus.SUBMITTED),
        changes={"tx_hash": "", "reason_code": "", "decision": order.decision, **_IDLE},
    )

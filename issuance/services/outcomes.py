"""What finalized evidence says of a transaction's orders, and the moves that write it down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.transitions import Transition
from issuance.chain import types as chain
from issuance.models import ChainTransaction, Order
from issuance.services.facts import order_facts
from issuance.states import ChainTransactionKind, ChainTransactionStatus, OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalEvidence:
    """What the chain says at finality about one transaction.

    ``receipt`` is None when it is proven dead; ``looked_for`` are then the hashes of all the forms
    that were looked for. ``events`` are the token's events in the receipt.
    """

    status: ChainTransactionStatus
    receipt: chain.Receipt | None = None
    looked_for: frozenset[str] = frozenset()
    events: Sequence[chain.TokenEvent] = ()
    reserves: chain.Reserves | None = None
    note: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of each order of one transaction."""

    completed: list[Order] = field(default_factory=list)
    returned: list[Order] = field(default_factory=list)
    rejected: list[tuple[Order, str]] = field(default_factory=list)
    unexplained: list[Order] = field(default_factory=list)
    # The mints that follow completed burns of moves.
    legs: list[Order] = field(default_factory=list)


def read_outcome(
    *, kind: str, orders: Sequence[Order], seen: Sequence[chain.TokenEvent]
) -> Outcome:
    """Match each order with the one event that must name its id, its wallet and its quantity."""
    outcome = Outcome()
    by_id = {
        event.order_id: event
        for event in seen
        if isinstance(
            event,
            chain.OrderMinted | chain.OrderRejected | chain.OrderBurned | chain.RedeemCancelled,
        )
    }
    for order in orders:
        event = by_id.get(order.onchain_id)
        if event is None or event.account.lower() != order.wallet.address.lower():
            outcome.unexplained.append(order)
        elif isinstance(event, chain.OrderRejected):
            outcome.rejected.append((order, f"chain_{event.reason.name.lower()}"))
        elif event.amount != order.quantity or not _is_expected(kind, event):
            outcome.unexplained.append(order)
        elif isinstance(event, chain.RedeemCancelled):
            outcome.returned.append(order)
        else:
            outcome.completed.append(order)
    return outcome


_EXPECTED: Mapping[str, type] = {
    ChainTransactionKind.MINT: chain.OrderMinted,
    ChainTransactionKind.BURN: chain.OrderBurned,
    ChainTransactionKind.CANCEL_REDEEM: chain.RedeemCancelled,
}


def _is_expected(kind: str, event: chain.TokenEvent) -> bool:
    return kind in _EXPECTED and isinstance(event, _EXPECTED[kind])


def completion(order: Order, *, tx_hash: str, now: datetime) -> Transition:
    """The order was executed, finally, by this transaction."""
    return Transition(
        row=order,
        to=OrderStatus.COMPLETED,
        data=order_facts(order, to=OrderStatus.COMPLETED, tx_hash=tx_hash),
        changes={
            "tx_hash": tx_hash,
            "reason_code": "",
            "completed_at": now,
            "next_attempt_at": None,
            "leased_until": None,
        },
    )


def ending(order: Order, *, to: OrderStatus, reason_code: str, tx_hash: str) -> Transition:
    """The order ended otherwise, finally: skipped by the contract, or its tokens given back."""
    return Transition(
        row=order,
        to=to,
        data=order_facts(order, to=to, tx_hash=tx_hash, reason_code=reason_code),
        changes={
            "tx_hash": tx_hash,
            "reason_code": reason_code,
            "next_attempt_at": None,
            "leased_until": None,
        },
    )


def closing(row: ChainTransaction, *, evidence: FinalEvidence, now: datetime) -> Transition:
    """The transaction itself is over."""
    receipt = evidence.receipt
    changes: dict[str, Any] = {
        "final_at": now,
        "next_attempt_at": None,
        "leased_until": None,
        "last_note": evidence.note[:200],
    }
    if receipt is not None:
        changes |= {
            "include_hash": receipt.tx_hash,
            "include_block": receipt.block_number,
            "include_block_hash": receipt.block_hash,
            "gas_used": receipt.gas_used,
            "gas_price_wei": receipt.gas_price,
        }
    return Transition(
        row=row,
        to=evidence.status,
        data={"kind": row.kind.lower(), "tx_hash": receipt.tx_hash if receipt else None},
        changes=changes,
    )

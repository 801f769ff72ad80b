"""The token's events as rows: kept once, marked when the chain has them no more, never changed."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from core.bulk import insert_many
from core.lean import unsaved
from core.units import format_quantity
from issuance.chain import types as chain
from issuance.models import Order, Token, TokenLog, VanishedLog
from issuance.services import carried

KINDS: Mapping[type, str] = {
    chain.AddressFrozen: "ADDRESS_FROZEN",
    chain.Attested: "ATTESTED",
    chain.CountryRestricted: "COUNTRY_RESTRICTED",
    chain.HolderSet: "HOLDER_SET",
    chain.MintLimitSet: "MINT_LIMIT_SET",
    chain.OrderBurned: "ORDER_BURNED",
    chain.OrderMinted: "ORDER_MINTED",
    chain.OrderRecovered: "ORDER_RECOVERED",
    chain.OrderRejected: "ORDER_REJECTED",
    chain.RedeemCancelled: "REDEEM_CANCELLED",
    chain.RedeemRequested: "REDEEM_REQUESTED",
    chain.RoleChanged: "ROLE_CHANGED",
    chain.RulesChanged: "RULES_CHANGED",
    chain.SplitScheduled: "SPLIT_SCHEDULED",
    chain.TokensFrozen: "TOKENS_FROZEN",
    chain.Transferred: "TRANSFERRED",
}
UNKNOWN = "UNKNOWN"
KIND_LENGTH_MAX = 40
OrderEvent = (
    chain.OrderMinted
    | chain.OrderRejected
    | chain.OrderBurned
    | chain.OrderRecovered
    | chain.RedeemRequested
    | chain.RedeemCancelled
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event with its row, and the order its id belongs to, if it is ours."""

    event: chain.TokenEvent
    row: TokenLog
    order: Order | None


@dataclass(slots=True)
class Kept:
    """What a range added to the record, and what of the record it no longer has."""

    fresh: list[Entry] = field(default_factory=list)
    vanished: list[TokenLog] = field(default_factory=list)


def keep(
    *, token: Token, first: int, last: int, seen: Sequence[chain.TokenEvent], now: datetime
) -> Kept:
    """Append what is new in the blocks ``first`` to ``last``; inside the caller's transaction.

    A range read for the first time has nothing recorded. One that is read again keeps what is
    still there, marks what is not, and unmarks what came back.
    """
    recorded = {
        (row.block_hash, row.log_index, row.kind): row
        for row in TokenLog.objects.filter(token=token, block__gte=first, block__lte=last)
    }
    wanted = {event.order_id for event in seen if isinstance(event, OrderEvent)}
    orders = carried.orders_by_onchain_id(token=token, onchain_ids=wanted)
    kept, still = Kept(), set()
    for event in seen:
        key = (event.log.block_hash, event.log.index, kind_of(event))
        if key in recorded:
            still.add(key)
            continue
        order = orders.get(event.order_id) if isinstance(event, OrderEvent) else None
        kept.fresh.append(Entry(event, _row(token, event, order), order))
    insert_many([entry.row for entry in kept.fresh])
    if recorded:
        kept.vanished = _compare(recorded, still, now=now)
    return kept


def kind_of(event: chain.TokenEvent) -> str:
    """The stored name of an event: OrderMinted -> ORDER_MINTED."""
    if isinstance(event, chain.OtherEvent):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", event.name)
        return words.upper()[:KIND_LENGTH_MAX]
    return KINDS[type(event)]


def _compare(
    recorded: Mapping[tuple[str, int, str], TokenLog],
    still: set[tuple[str, int, str]],
    *,
    now: datetime,
) -> list[TokenLog]:
    """Mark what the chain has no more; returns what was thought to be there until now."""
    marks = {
        mark.log_id: mark
        for mark in VanishedLog.objects.filter(log__in=[row.pk for row in recorded.values()])
    }
    back = [recorded[key].pk for key in still if recorded[key].pk in marks]
    VanishedLog.objects.filter(log__in=back, back_at__isnull=True).update(back_at=now)
    gone = [row for key, row in recorded.items() if key not in still]
    again = [row.pk for row in gone if row.pk in marks and marks[row.pk].back_at is not None]
    VanishedLog.objects.filter(log__in=again).update(seen_at=now, back_at=None)
    VanishedLog.objects.bulk_create(
        VanishedLog(log=row, seen_at=now) for row in gone if row.pk not in marks
    )
    return [row for row in gone if row.pk not in marks or row.pk in again]


def _row(token: Token, event: chain.TokenEvent, order: Order | None) -> TokenLog:
    account, quantity = _named(event)
    return unsaved(
        TokenLog,
        {
            "id": None,
            "token_id": token.pk,
            "block": event.log.block_number,
            "block_hash": event.log.block_hash,
            "tx_hash": event.log.tx_hash,
            "log_index": event.log.index,
            "kind": kind_of(event),
            "onchain_id": Decimal(event.order_id) if isinstance(event, OrderEvent) else None,
            "account": account,
            "quantity": quantity,
            "details": _details(event),
            "order_id": None if order is None else order.pk,
        },
    )


def _named(event: chain.TokenEvent) -> tuple[str, int]:
    """The account and the quantity that an event names, "" and nought where it names none."""
    reader = _NAMED.get(type(event))
    return ("", 0) if reader is None else reader(event)


def _details(event: chain.TokenEvent) -> dict[str, Any]:
    """What the columns do not hold, as JSON; quantities as decimal strings."""
    reader = _DETAILS.get(type(event))
    return _NOTHING if reader is None else reader(event)


@lru_cache(maxsize=1_024)
def _sender(account: str) -> dict[str, Any]:
    """One for all transfers of an account, above all of nobody: a column's equals are written once."""
    return {"sender": account}


_NOTHING: dict[str, Any] = {}
_NAMED: Mapping[type, Callable[[Any], tuple[str, int]]] = {
    chain.AddressFrozen: lambda e: (e.account, 0),
    chain.Attested: lambda e: (e.attestor, e.shares),
    chain.HolderSet: lambda e: (e.account, 0),
    chain.MintLimitSet: lambda e: (e.issuer, e.limit),
    chain.OrderBurned: lambda e: (e.account, e.amount),
    chain.OrderMinted: lambda e: (e.account, e.amount),
    chain.OrderRecovered: lambda e: (e.account, e.amount),
    chain.OrderRejected: lambda e: (e.account, 0),
    chain.RedeemCancelled: lambda e: (e.account, e.amount),
    chain.RedeemRequested: lambda e: (e.account, e.amount),
    chain.RoleChanged: lambda e: (e.account, 0),
    chain.TokensFrozen: lambda e: (e.account, e.amount),
    chain.Transferred: lambda e: (e.receiver, e.amount),
}
_DETAILS: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    chain.AddressFrozen: lambda e: {"frozen": e.frozen},
    chain.Attested: lambda e: {"as_of": e.as_of, "report_hash": e.report_hash},
    chain.CountryRestricted: lambda e: {"country": e.country, "restricted": e.restricted},
    chain.HolderSet: lambda e: {
        "country": e.country,
        "kyc_expiry": e.kyc_expiry,
        "permitted": e.permitted,
        "protocol": e.protocol,
    },
    chain.OrderRecovered: lambda e: {"lost": e.lost, "frozen": format_quantity(e.frozen_amount)},
    chain.OrderRejected: lambda e: {"reason": e.reason.name.lower()},
    chain.OtherEvent: lambda e: dict(e.arguments),
    chain.RoleChanged: lambda e: {"role": e.role, "granted": e.granted},
    chain.RulesChanged: lambda e: {"name": e.name},
    chain.SplitScheduled: lambda e: {
        "former": str(e.former),
        "multiplier": str(e.multiplier),
        "effective_at": e.effective_at,
    },
    chain.Transferred: lambda e: _sender(e.sender),
}

"""What may happen at a token: its orders, and changes of its rules that people have announced."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Lower

from core import breakers, events
from core.actors import Actor
from core.ids import new_uuid
from core.use_case import use_case
from issuance import queries
from issuance.chain import types as chain
from issuance.models import Announcement, Holder, Token, TokenLog
from issuance.services.announced import ANNOUNCEABLE, AnnouncementInvalid, spelled, told_by
from issuance.services.lanes import PIPELINE
from issuance.services.logbook import UNKNOWN, Entry, kind_of
from issuance.states import ORDER_FINAL, OrderStatus, OrderType

ANNOUNCED_AHEAD_MAX = timedelta(days=30)
REASON_LENGTH_MAX = 400
# Its shares were given back, or its tokens: nothing of it may happen on chain any more.
_OVER = ORDER_FINAL - {OrderStatus.COMPLETED}
_TYPE_OF: dict[type, OrderType] = {
    chain.OrderMinted: OrderType.MINT,
    chain.OrderBurned: OrderType.REDEEM,
}


@use_case
def announce_change(
    *,
    token_id: uuid.UUID,
    kinds: Iterable[str],
    reason: str,
    until: datetime,
    actor: Actor,
    now: datetime,
) -> Announcement:
    """Say beforehand that a token's rules will change, so that the change does not halt it.

    Each of ``kinds`` names one change in a form of ``announced.FORMS``; any other change halts all
    the same. Raises NotFound, AnnouncementInvalid or AnnouncementVague.
    """
    token = queries.token_by_id(token_id=token_id)
    named = sorted({spelled(each) for each in kinds})
    is_timely = now < until <= now + ANNOUNCED_AHEAD_MAX
    if not named or not reason or not is_timely:
        raise AnnouncementInvalid
    row = Announcement(
        id=new_uuid(),
        created_at=now,
        token=token,
        kinds=named,
        reason=reason[:REASON_LENGTH_MAX],
        announced_by=str(actor),
        until=until,
    )
    row.save(force_insert=True)
    data = {"network": token.network, "kinds": named, "until": events.format_time(until)}
    events.record(event_type="announcement.made", row=row, actor=actor, now=now, data=data)
    return row


def announced_of(*, token: Token, now: datetime) -> set[str]:
    """The changes that are announced for a token at a moment."""
    rows = Announcement.objects.filter(token=token, until__gte=now)
    return {kind for kinds in rows.values_list("kinds", flat=True) for kind in kinds}


def require_expected(*, token: Token, entries: Sequence[Entry], now: datetime) -> None:
    """Halt the token for the first event that nothing explains; inside the caller's transaction."""
    announced: set[str] | None = None
    for entry in entries:
        kind = kind_of(entry.event)
        if kind in ANNOUNCEABLE and entry.event.log.block_number > token.deployed_block:
            if announced is None:
                announced = announced_of(token=token, now=now)
            if told_by(entry.event) in announced and entry.order is None:
                continue
        finding = _FINDINGS.get(type(entry.event), _nothing)(entry)
        if finding:
            breakers.open_breaker(
                name=queries.token_breaker(token),
                reason=f"{finding} in {entry.event.log.tx_hash}"[:REASON_LENGTH_MAX],
                actor=PIPELINE,
                now=now,
            )


def require_still_there(
    *, token: Token, vanished: Sequence[TokenLog], entries: Sequence[Entry], now: datetime
) -> None:
    """An order that completed by an event the chain has no more, in no other block, needs people."""
    moved = {_deed(entry.row) for entry in entries}
    orders = [row.order for row in vanished if row.order is not None and _deed(row) not in moved]
    done = [order.public_id for order in orders if order.status == OrderStatus.COMPLETED]
    if done:
        breakers.open_breaker(
            name=queries.token_breaker(token),
            reason=f"completed by events that the chain has no more: {', '.join(done[:5])}",
            actor=PIPELINE,
            now=now,
        )


def shut_lost_wallets(*, token: Token, entries: Sequence[Entry], now: datetime) -> None:
    """A wallet whose tokens were recovered to another holds nothing and is not registered again."""
    seen = [entry.event for entry in entries]
    lost = {event.lost.lower() for event in seen if isinstance(event, chain.OrderRecovered)}
    if not lost:
        return
    rows = Holder.objects.annotate(address=Lower("wallet__address")).filter(token=token)
    shut = rows.filter(address__in=sorted(lost)).order_by("pk")
    ids = list(shut.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
    Holder.objects.filter(pk__in=ids).update(permitted=False, wanted_permitted=False, lost_at=now)


def _deed(row: TokenLog) -> tuple[object, ...]:
    """What an event did, wherever it stands."""
    return (row.kind, row.onchain_id, row.account, row.quantity)


def _order(entry: Entry) -> str:
    event: Any = entry.event
    order = entry.order
    ours = (
        order is not None
        and order.type == _TYPE_OF[type(event)]
        and order.status not in _OVER
        and order.quantity == event.amount
        and order.wallet.address.lower() == event.account.lower()
    )
    return "" if ours else f"unexpected {kind_of(event)} of id {event.order_id}"


def _recovered(entry: Entry) -> str:
    event: Any = entry.event
    if entry.order is not None:
        return f"recovery of {event.lost} used up the id of {entry.order.public_id}"
    return f"the tokens of {event.lost} went to {event.account}, which nobody announced"


def _role(entry: Entry) -> str:
    event: Any = entry.event
    if event.log.block_number <= entry.row.token.deployed_block:
        return ""
    verb = "given to" if event.granted else "taken from"
    return f"role {event.role} {verb} {event.account}, which nobody announced"


def _limit(entry: Entry) -> str:
    event: Any = entry.event
    if event.log.block_number <= entry.row.token.deployed_block:
        return ""
    return f"mint limit of {event.issuer} set to {event.limit}, which nobody announced"


def _attested(entry: Entry) -> str:
    event: Any = entry.event
    if event.attestor.lower() == entry.row.token.attestor_address.lower():
        return ""
    return f"reserves attested by {event.attestor}, which is not the custodian's key"


def _split(entry: Entry) -> str:
    event: Any = entry.event
    return (
        f"from {event.effective_at} on one token stands for {event.multiplier} / 10^18 shares"
        f" instead of {event.former}: quantities must be worked by people"
    )


def _rules(entry: Entry) -> str:
    return f"{getattr(entry.event, 'name', '')} changed the token's rules, which nobody announced"


def _other(entry: Entry) -> str:
    kind = kind_of(entry.event)
    if kind == UNKNOWN:
        return "the contract logged an event that its code does not know"
    if kind not in ANNOUNCEABLE or entry.event.log.block_number <= entry.row.token.deployed_block:
        return ""
    detail = ", ".join(f"{name} {value}" for name, value in entry.row.details.items())
    return f"{kind} ({detail}), which nobody announced"


def _nothing(_: Entry) -> str:
    return ""


_FINDINGS: dict[type, Callable[[Entry], str]] = {
    chain.Attested: _attested,
    chain.MintLimitSet: _limit,
    chain.OrderBurned: _order,
    chain.OrderMinted: _order,
    chain.OrderRecovered: _recovered,
    chain.OtherEvent: _other,
    chain.RoleChanged: _role,
    chain.RulesChanged: _rules,
    chain.SplitScheduled: _split,
}

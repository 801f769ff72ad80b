"""Holds: placed by one side, lifted by the same side, ended by time; what they hold waits."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from core import events
from core.actors import Actor
from core.errors import DomainError, NotFound, SameActor
from core.ids import encode_id, new_uuid
from core.transitions import move
from core.use_case import use_case
from custody.models import Fund
from issuance import policy
from issuance.models import Hold, Order, Token
from issuance.models.holds import NOTE_LENGTH_MAX
from issuance.services.lanes import PIPELINE
from issuance.states import (
    HOLD_TRANSITIONS,
    Direction,
    HoldOwner,
    HoldReason,
    HoldStatus,
    OrderStatus,
)
from kyc.models import Investor, Wallet

Row = TypeVar("Row")
HELD = policy.HoldActive.code
# How often a held order is looked at; ending a hold makes its orders due at once.
LOOK_AGAIN = timedelta(seconds=15)


class HoldInvalid(DomainError):
    """A hold names one thing, at least one direction, and an end that is still to come."""

    code = "hold_invalid"
    title = "A hold needs one thing to hold, one direction at least, and a later end."


class HoldOfAnother(DomainError):
    """A hold is lifted by the side that placed it."""

    code = "hold_of_another"
    status = 409
    title = "This hold belongs to the other side: they lift it."


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTerms:
    """What to hold: a token, a fund, an investor, or one wallet on one token.

    ``note`` is for the issuer's own people; institutions read ``reason_code``. ``until`` None
    means until somebody lifts it.
    """

    directions: frozenset[Direction]
    owner: HoldOwner
    reason_code: HoldReason
    note: str
    until: datetime | None = None
    token_id: uuid.UUID | None = None
    fund_id: uuid.UUID | None = None
    investor_id: uuid.UUID | None = None
    wallet_id: uuid.UUID | None = None


@use_case
def place_hold(*, terms: HoldTerms, actor: Actor, now: datetime) -> Hold:
    """Hold from this instant on. Raises HoldInvalid or NotFound."""
    named = [terms.token_id, terms.fund_id, terms.investor_id]
    if sum(each is not None for each in named) != 1 or not terms.directions:
        raise HoldInvalid
    if terms.until is not None and terms.until <= now:
        raise HoldInvalid(field="/until")
    if not terms.note.strip():
        raise HoldInvalid("A hold needs a reason.", field="/note")
    hold = Hold(
        id=new_uuid(),
        created_at=now,
        **_subject(terms),
        **{f"stops_{each.lower()}": each in terms.directions for each in Direction},
        owner=terms.owner,
        reason_code=terms.reason_code,
        note=terms.note[:NOTE_LENGTH_MAX],
        placed_by=str(actor),
        until=terms.until,
    )
    hold.save(force_insert=True)
    events.record(event_type="hold.placed", row=hold, actor=actor, now=now, data=hold_facts(hold))
    return hold


@use_case
def lift_hold(
    *, hold_id: uuid.UUID, owner: HoldOwner, reason: str, actor: Actor, now: datetime
) -> Hold:
    """End one hold; every other one stays.

    ``owner`` is the side the actor speaks for. Raises NotFound, HoldOfAnother, SameActor for
    whoever placed a hold of compliance, or StateConflict when it has ended.
    """
    hold = Hold.objects.select_for_update(no_key=True).filter(pk=hold_id).first()
    if hold is None:
        raise NotFound
    if hold.owner != owner:
        raise HoldOfAnother
    if hold.owner == HoldOwner.COMPLIANCE and hold.placed_by == str(actor):
        raise SameActor
    _let_held_go(now=now)
    _end(hold, to=HoldStatus.LIFTED, reason=reason, actor=actor, now=now)
    return hold


@use_case
def expire_holds(*, hold_ids: Sequence[uuid.UUID], now: datetime) -> int:
    """Record the end of those of the holds whose time is over; returns how many."""
    over = Hold.objects.over(now=now).filter(pk__in=hold_ids)
    rows = list(over.order_by("pk").select_for_update(no_key=True, skip_locked=True))
    if rows:
        _let_held_go(now=now)
    # One order of locking event streams: the issuer's own last.
    rows.sort(key=lambda hold: (hold.institution_id is None, str(hold.institution_id), hold.pk))
    for hold in rows:
        _end(hold, to=HoldStatus.EXPIRED, reason="", actor=PIPELINE, now=now)
    return len(rows)


def set_aside(orders: Sequence[Order], *, now: datetime) -> list[Order]:
    """The orders that no hold stops, inside the caller's transaction; the others wait and say why."""
    holds = list(Hold.objects.in_force(now=now))
    if not holds:
        return list(orders)
    held = [order.pk for order in orders if policy.is_held(order, holds)]
    Order.objects.filter(pk__in=held).update(
        reason_code=HELD, next_attempt_at=now + LOOK_AGAIN, leased_until=None
    )
    return [order for order in orders if order.pk not in held]


def hold_facts(hold: Hold) -> dict[str, Any]:
    """What events and the API say of a hold: public ids and codes, never the note."""
    subjects = {
        "token_id": (Token.PREFIX, hold.token_id),
        "fund_id": (Fund.PREFIX, hold.fund_id),
        "investor_id": (Investor.PREFIX, hold.investor_id),
        "wallet_id": (Wallet.PREFIX, hold.wallet_id),
    }
    return {
        **{
            name: encode_id(prefix, key) if key else None
            for name, (prefix, key) in subjects.items()
        },
        "directions": hold.directions,
        "reason_code": hold.reason_code,
        "until": events.format_time(hold.until) if hold.until else None,
    }


def _subject(terms: HoldTerms) -> dict[str, Any]:
    """The rows a hold names, and whose they are."""
    if terms.investor_id is not None:
        investor = _found(Investor.objects.filter(pk=terms.investor_id).first())
        if terms.wallet_id is not None:
            raise HoldInvalid("A wallet is held on one token.", field="/wallet_id")
        return {"investor": investor, "institution_id": investor.institution_id}
    if terms.fund_id is not None:
        if terms.wallet_id is not None:
            raise HoldInvalid("A wallet is held on one token.", field="/wallet_id")
        return {"fund": _found(Fund.objects.filter(pk=terms.fund_id).first())}
    token = _found(Token.objects.filter(pk__in=[terms.token_id]).first())
    if terms.wallet_id is None:
        return {"token": token}
    wallets = Wallet.objects.select_related("investor").filter(pk=terms.wallet_id)
    wallet = _found(wallets.first())
    if wallet.network != token.network:
        raise HoldInvalid("The wallet is on another network.", field="/wallet_id")
    return {"token": token, "wallet": wallet, "institution_id": wallet.investor.institution_id}


def _let_held_go(*, now: datetime) -> None:
    """Every held order is looked at anew. Before the first event, which others hold orders to write."""
    held = Order.objects.filter(status=OrderStatus.QUEUED, reason_code=HELD).order_by("pk")
    ids = list(held.select_for_update(no_key=True).values_list("pk", flat=True))
    Order.objects.filter(pk__in=ids).update(next_attempt_at=now)


def _end(hold: Hold, *, to: HoldStatus, reason: str, actor: Actor, now: datetime) -> None:
    move(
        hold,
        to=to,
        table=HOLD_TRANSITIONS,
        actor=actor,
        now=now,
        data=hold_facts(hold),
        note=f"{hold.note} | {reason}"[:NOTE_LENGTH_MAX] if reason else hold.note,
        ended_by=str(actor),
        ended_at=now,
    )


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row

"""Freezing a fund takes one person or none; lifting the freeze takes two."""

import uuid
from datetime import datetime

from django.db.models import F

from core import actors, breakers, events
from core.actors import Actor
from core.errors import NotFound, SameActor, StateConflict
from core.transitions import move
from core.use_case import use_case
from custody import ledger
from custody.models import Fund
from custody.states import FUND_TRANSITIONS, FundStatus


@use_case
def freeze_fund(*, fund_id: uuid.UUID, reason: str, actor: Actor, now: datetime) -> Fund:
    """Halt minting on a fund at once. Redeeming, deposits and deliveries go on."""
    return halt_fund(_fund(fund_id), reason=reason, actor=actor, now=now)


@use_case
def propose_thaw(*, fund_id: uuid.UUID, actor: Actor, now: datetime) -> Fund:
    """The first of two people asks to lift a freeze. Raises StateConflict."""
    fund = _fund(fund_id)
    if fund.status != FundStatus.FROZEN:
        raise StateConflict("The fund is not frozen.", state=fund.status)
    fund.thaw_proposed_by = str(actor)
    fund.version += 1
    fund.save(update_fields=["thaw_proposed_by", "version"])
    events.record(event_type="fund.thaw_proposed", row=fund, actor=actor, now=now)
    return fund


@use_case
def thaw_fund(*, fund_id: uuid.UUID, actor: Actor, now: datetime) -> Fund:
    """The second person lifts the freeze. Raises StateConflict or SameActor."""
    fund = _fund(fund_id)
    if not fund.thaw_proposed_by:
        raise StateConflict("Nobody has proposed to lift the freeze.", state=fund.status)
    if fund.thaw_proposed_by == str(actor):
        raise SameActor
    proposed_by = actors.from_text(fund.thaw_proposed_by)
    ledger.resume(fund_id=fund.pk)
    move(
        fund,
        to=FundStatus.ACTIVE,
        table=FUND_TRANSITIONS,
        actor=actor,
        now=now,
        event_type="fund.thawed",
        data={"proposed_by": fund.thaw_proposed_by},
        freeze_reason="",
        thaw_proposed_by="",
    )
    breakers.close_breaker(
        name=fund.breaker,
        reason="thawed",
        proposed_by=proposed_by,
        approved_by=actor,
        now=now,
    )
    return fund


@use_case
def close_fund(*, fund_id: uuid.UUID, reason: str, actor: Actor, now: datetime) -> Fund:
    """End new business on a fund for good: no deposits, no mints. Exits go on."""
    fund = _fund(fund_id)
    ledger.halt(fund_id=fund.pk)
    return move(
        fund,
        to=FundStatus.CLOSED,
        table=FUND_TRANSITIONS,
        actor=actor,
        now=now,
        data={"reason": reason},
    )


def halt_fund(fund: Fund, *, reason: str, actor: Actor, now: datetime) -> Fund:
    """Freeze inside the caller's transaction; a fund already frozen or closed stays as it is.

    A proposal to lift the freeze falls with the new cause, which its maker has not seen. ``fund``
    is read anew, so a freeze that was lifted since the caller read it counts as lifted.
    """
    fund.refresh_from_db(from_queryset=Fund.objects.select_for_update(no_key=True))
    if fund.status != FundStatus.ACTIVE:
        _drop_proposal(fund, reason=reason, actor=actor, now=now)
        return fund
    ledger.halt(fund_id=fund.pk)
    move(
        fund,
        to=FundStatus.FROZEN,
        table=FUND_TRANSITIONS,
        actor=actor,
        now=now,
        data={"symbol": fund.symbol, "reason": reason},
        freeze_reason=reason,
        thaw_proposed_by="",
    )
    breakers.open_breaker(name=fund.breaker, reason=reason, actor=actor, now=now)
    return fund


def _drop_proposal(fund: Fund, *, reason: str, actor: Actor, now: datetime) -> None:
    proposed = Fund.objects.filter(pk=fund.pk).exclude(thaw_proposed_by="")
    if proposed.update(thaw_proposed_by="", version=F("version") + 1):
        fund.refresh_from_db()
        data = {"reason": reason}
        events.record(event_type="fund.thaw_dropped", row=fund, actor=actor, now=now, data=data)


def _fund(fund_id: uuid.UUID) -> Fund:
    found = Fund.objects.select_for_update(no_key=True).filter(pk=fund_id).first()
    if found is None:
        raise NotFound("There is no such fund.")
    return found

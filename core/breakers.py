"""Breakers are rows: opening one halts new work everywhere at the next question.

Opening takes one person or a process. Closing takes two people: one proposes it with a reason,
another approves. A proposal holds for a day and falls with any new cause, which its maker has
not seen.
"""

from datetime import datetime, timedelta

from django.db import connection

from core import events
from core.actors import Actor, ActorKind
from core.errors import HaltActive, SameActor, StateConflict
from core.models import Breaker
from core.states import BREAKER_TRANSITIONS, BreakerStatus
from core.transitions import move

PROPOSAL_LIFE = timedelta(hours=24)


def open_breaker(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """Halt the work that asks for ``name``, inside the caller's transaction.

    An open breaker stays as it is and keeps its first reason; a proposal to close it is void.
    """
    breaker = _locked(name, now)
    if breaker.status == BreakerStatus.OPEN:
        if breaker.reset_proposed_by:
            _drop(breaker, "breaker.reset_voided", reason=reason, actor=actor, now=now)
        return breaker
    return move(
        breaker,
        to=BreakerStatus.OPEN,
        table=BREAKER_TRANSITIONS,
        actor=actor,
        now=now,
        event_type="breaker.opened",
        data={"name": name, "reason": reason},
        reason=reason,
        opened_by=str(actor),
        opened_at=now,
        **_NO_PROPOSAL,
    )


def propose_reset(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """The first of two people asks to let the work pass, inside the caller's transaction.

    Raises StateConflict for a closed breaker, while another proposal is live, or for a process.
    """
    _require_person(actor)
    breaker = _locked(name, now)
    if breaker.status != BreakerStatus.OPEN:
        raise StateConflict(f"{name} is not halted.", state=breaker.status)
    if is_proposed(breaker, now=now):
        raise StateConflict("It is proposed already: approve that, or withdraw it first.")
    breaker.reset_proposed_by, breaker.reset_proposed_at = str(actor), now
    breaker.reset_reason = reason
    _save_proposal(breaker)
    events.record(
        event_type="breaker.reset_proposed",
        row=breaker,
        actor=actor,
        now=now,
        data={"name": name, "reason": reason},
    )
    return breaker


def withdraw_reset(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """Take a proposal back, one's own or another's. Raises StateConflict when there is none."""
    breaker = _locked(name, now)
    if not breaker.reset_proposed_by or breaker.status != BreakerStatus.OPEN:
        raise StateConflict("Nobody has proposed to let this pass.", state=breaker.status)
    _drop(breaker, "breaker.reset_withdrawn", reason=reason, actor=actor, now=now)
    return breaker


def approve_reset(*, name: str, actor: Actor, now: datetime) -> Breaker:
    """The second person lets the work pass again, inside the caller's transaction.

    Raises StateConflict without a live proposal or for a process, SameActor for its maker.
    """
    _require_person(actor)
    breaker = _locked(name, now)
    if not is_proposed(breaker, now=now):
        raise StateConflict("No proposal of the last day is there to approve.")
    if breaker.reset_proposed_by == str(actor):
        raise SameActor
    return _close(breaker, actor, now)


def close_breaker(
    *, name: str, reason: str, proposed_by: Actor, approved_by: Actor, now: datetime
) -> Breaker:
    """Both steps at once, for two people who agreed elsewhere, such as on lifting a freeze.

    A closed breaker stays as it is. A proposal that was live gives way. Raises like the steps.
    """
    if proposed_by == approved_by:
        raise SameActor
    breaker = _locked(name, now)
    if breaker.status == BreakerStatus.CLOSED:
        return breaker
    if is_proposed(breaker, now=now):
        _drop(breaker, "breaker.reset_withdrawn", reason=reason, actor=proposed_by, now=now)
    propose_reset(name=name, reason=reason, actor=proposed_by, now=now)
    return approve_reset(name=name, actor=approved_by, now=now)


def is_proposed(breaker: Breaker, *, now: datetime) -> bool:
    """Whether a proposal to close it is there and not too old to count."""
    proposed_at = breaker.reset_proposed_at
    return (
        breaker.status == BreakerStatus.OPEN
        and proposed_at is not None
        and now < proposed_at + PROPOSAL_LIFE
    )


def require_closed(*names: str) -> None:
    """Raise HaltActive when any of the named breakers is open. Unknown names are closed."""
    opened = Breaker.objects.filter(name__in=names, status=BreakerStatus.OPEN).first()
    if opened is not None:
        raise HaltActive(f"{opened.name} is halted.", breaker=opened.name)


_NO_PROPOSAL = {
    "reset_proposed_by": "",
    "reset_proposed_at": None,
    "reset_reason": "",
    "reset_approved_by": "",
}


def _close(breaker: Breaker, actor: Actor, now: datetime) -> Breaker:
    return move(
        breaker,
        to=BreakerStatus.CLOSED,
        table=BREAKER_TRANSITIONS,
        actor=actor,
        now=now,
        event_type="breaker.closed",
        data={
            "name": breaker.name,
            "reason": breaker.reset_reason,
            "proposed_by": breaker.reset_proposed_by,
            "approved_by": str(actor),
        },
        reset_approved_by=str(actor),
    )


def _drop(breaker: Breaker, event_type: str, *, reason: str, actor: Actor, now: datetime) -> None:
    data = {"name": breaker.name, "proposed_by": breaker.reset_proposed_by, "reason": reason}
    for column, value in _NO_PROPOSAL.items():
        setattr(breaker, column, value)
    _save_proposal(breaker)
    events.record(event_type=event_type, row=breaker, actor=actor, now=now, data=data)


def _save_proposal(breaker: Breaker) -> None:
    breaker.version += 1
    breaker.save(update_fields=[*_NO_PROPOSAL, "version"])


def _require_person(actor: Actor) -> None:
    if actor.kind != ActorKind.OPERATOR:
        raise StateConflict("Only people let halted work pass again.")


def _locked(name: str, now: datetime) -> Breaker:
    if not connection.in_atomic_block:
        raise RuntimeError("breakers change in the use case's transaction")
    Breaker.objects.bulk_create([Breaker(name=name, created_at=now)], ignore_conflicts=True)
    return Breaker.objects.select_for_update(no_key=True).get(name=name)

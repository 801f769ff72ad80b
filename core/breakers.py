"""Breakers are rows: opening one halts new work everywhere at the next question."""

from datetime import datetime

from django.db import connection

from core.actors import Actor
from core.errors import HaltActive
from core.models import Breaker
from core.states import BREAKER_TRANSITIONS, BreakerStatus
from core.transitions import move


def open_breaker(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """Halt the work that asks for ``name``, inside the caller's transaction.

    An open breaker stays as it is and keeps its first reason.
    """
    breaker = _locked(name, now)
    if breaker.status == BreakerStatus.OPEN:
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
    )


def close_breaker(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """Let the work pass again, inside the caller's transaction. A closed breaker stays as it is."""
    breaker = _locked(name, now)
    if breaker.status == BreakerStatus.CLOSED:
        return breaker
    return move(
        breaker,
        to=BreakerStatus.CLOSED,
        table=BREAKER_TRANSITIONS,
        actor=actor,
        now=now,
        event_type="breaker.closed",
        data={"name": name, "reason": reason},
        reason=reason,
    )


def require_closed(*names: str) -> None:
    """Raise HaltActive when any of the named breakers is open. Unknown names are closed."""
    opened = Breaker.objects.filter(name__in=names, status=BreakerStatus.OPEN).first()
    if opened is not None:
        raise HaltActive(f"{opened.name} is halted.", breaker=opened.name)


def _locked(name: str, now: datetime) -> Breaker:
    if not connection.in_atomic_block:
        raise RuntimeError("breakers change in the use case's transaction")
    Breaker.objects.bulk_create([Breaker(name=name, created_at=now)], ignore_conflicts=True)
    return Breaker.objects.select_for_update(no_key=True).get(name=name)

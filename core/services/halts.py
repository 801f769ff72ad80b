"""Halting takes one person; letting work pass again takes two."""

from datetime import datetime

from core import breakers
from core.actors import Actor
from core.models import Breaker
from core.use_case import use_case


@use_case
def halt(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """Open the breaker: new work of this name is refused, tracking goes on."""
    return breakers.open_breaker(name=name, reason=reason, actor=actor, now=now)


@use_case
def propose_reset(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """Ask another person to let the work pass. Raises StateConflict."""
    return breakers.propose_reset(name=name, reason=reason, actor=actor, now=now)


@use_case
def withdraw_reset(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """Take the proposal back; the halt stays. Raises StateConflict."""
    return breakers.withdraw_reset(name=name, reason=reason, actor=actor, now=now)


@use_case
def approve_reset(*, name: str, actor: Actor, now: datetime) -> Breaker:
    """Close the breaker another person proposed to close. Raises StateConflict or SameActor."""
    return breakers.approve_reset(name=name, actor=actor, now=now)


@use_case
def reset(
    *, name: str, reason: str, proposed_by: Actor, approved_by: Actor, now: datetime
) -> Breaker:
    """Close the breaker in the name of two people at once, as rehearsals and campaigns do.

    No page calls it. Raises SameActor or StateConflict.
    """
    return breakers.close_breaker(
        name=name, reason=reason, proposed_by=proposed_by, approved_by=approved_by, now=now
    )

"""Halting and resuming by people: whoever opened a breaker does not close it alone."""

from datetime import datetime

from core import breakers
from core.actors import Actor, ActorKind
from core.errors import SameActor
from core.models import Breaker
from core.use_case import use_case


@use_case
def halt(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """Open the breaker: new work of this name is refused, tracking goes on."""
    return breakers.open_breaker(name=name, reason=reason, actor=actor, now=now)


@use_case
def resume(*, name: str, reason: str, actor: Actor, now: datetime) -> Breaker:
    """Close the breaker. Raises SameActor for the person who opened it."""
    opened = Breaker.objects.filter(name=name).first()
    if opened and actor.kind == ActorKind.OPERATOR and opened.opened_by == str(actor):
        raise SameActor("Another person must resume what you halted.")
    return breakers.close_breaker(name=name, reason=reason, actor=actor, now=now)

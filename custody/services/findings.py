"""Writing down a break, with its event and, when claims exceed shares, the freeze of the fund."""

from datetime import datetime

from core import events
from core.actors import Actor
from core.units import format_quantity
from custody.models import Break
from custody.services.freezing import halt_fund
from custody.states import Severity


def record_break(found: Break, *, actor: Actor, now: datetime) -> Break:
    """Save a break inside the caller's transaction; S0 freezes its fund without asking anyone."""
    found.created_at = now
    found.save(force_insert=True)
    if found.severity == Severity.S0 and found.fund is not None:
        # Before the event: whoever holds an event stream must not wait for a ledger account.
        halt_fund(found.fund, reason=f"break {found.public_id}", actor=actor, now=now)
    events.record(
        event_type="break.opened",
        row=found,
        actor=actor,
        now=now,
        data={
            "kind": found.kind.lower(),
            "severity": found.severity,
            "delta": format_quantity(found.delta),
        },
    )
    return found

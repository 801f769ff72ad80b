"""What must not change at a token that is not ours alone: compared at finality, halted when it does."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from core import breakers, events
from core.use_case import use_case
from issuance import queries
from issuance.models import Token
from issuance.services.announced import told_by_fact
from issuance.services.expectations import announced_of
from issuance.services.lanes import PIPELINE


@use_case
def note_watched(*, token_id: uuid.UUID, facts: Mapping[str, str], now: datetime) -> bool:
    """Compare a finalized reading with what the token was attached with; whether they agree.

    Differences that people announced, each by its new value, are taken over; any other one halts
    the token, at every look, until it is announced or undone.
    """
    token = queries.token_for_update(token_id=token_id)
    changed = sorted(name for name, value in facts.items() if token.watched.get(name) != value)
    if not changed:
        return True
    announced = announced_of(token=token, now=now)
    unannounced = [
        each for each in changed if told_by_fact(name=each, value=facts[each]) not in announced
    ]
    if not unannounced:
        Token.objects.filter(pk=token.pk).update(watched=dict(facts))
        data = {"network": token.network, "changed": changed}
        events.record(
            event_type="token.rules_changed", row=token, actor=PIPELINE, now=now, data=data
        )
        return True
    breakers.open_breaker(
        name=queries.token_breaker(token),
        reason=f"{', '.join(unannounced)} of {token.symbol} changed, which nobody announced",
        actor=PIPELINE,
        now=now,
    )
    return False

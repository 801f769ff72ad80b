"""Telling institutions that work is halted, and that it passes again: an event in each one's feed.

The issuer's own events name people and figures; an institution's says what is halted and nothing
else. It comes a few seconds later, in a transaction of its own, so that opening a breaker never
waits for the feeds of all institutions.
"""

import uuid
from datetime import datetime, timedelta

from core import events
from core.actors import system
from core.models import Breaker, Event, Institution
from core.models.institutions import InstitutionStatus
from core.use_case import use_case

NOTICES = {"breaker.opened": "halt.opened", "breaker.closed": "halt.closed"}
# Older news is no news: whoever was away reads the state from the refusals.
TOLD_WITHIN = timedelta(hours=24)
_TELLER = system("core.halt_notices")


def announce_halts(*, now: datetime) -> int:
    """Tell every institution in service of each breaker's last opening or closing, once."""
    told = 0
    changes = Event.objects.filter(
        institution=None, type__in=NOTICES, created_at__gt=now - TOLD_WITHIN
    )
    newest = changes.order_by("object_id", "-sequence").distinct("object_id")
    for change in newest:
        notice = NOTICES[change.type]
        # The first opening is news, a closing only to those who heard of the opening.
        aware = Event.objects.filter(object_id=change.object_id, institution__isnull=False)
        heard = aware.filter(type=notice, created_at__gte=change.created_at)
        missing = Institution.objects.filter(status=InstitutionStatus.ACTIVE)
        missing = missing.exclude(pk__in=heard.values("institution_id"))
        if notice == "halt.closed":
            missing = missing.filter(pk__in=aware.values("institution_id"))
        for institution_id in missing.values_list("pk", flat=True):
            told += _tell(
                breaker_id=change.object_id,
                institution_id=institution_id,
                notice=notice,
                since=change.created_at,
                now=now,
            )
    return told


@use_case
def _tell(
    *,
    breaker_id: uuid.UUID,
    institution_id: uuid.UUID,
    notice: str,
    since: datetime,
    now: datetime,
) -> int:
    """One institution's event, unless another worker has just recorded it."""
    Institution.objects.select_for_update(no_key=True).get(pk=institution_id)
    mine = Event.objects.filter(institution_id=institution_id, object_id=breaker_id, type=notice)
    if mine.filter(created_at__gte=since).exists():
        return 0
    breaker = Breaker.objects.get(pk=breaker_id)
    breaker.institution_id = institution_id  # type: ignore[assignment]
    # Never before the change itself, whatever the teller's clock says: it would be told again.
    at = max(now, since)
    data = {"name": breaker.name}
    events.record(event_type=notice, row=breaker, actor=_TELLER, now=at, data=data)
    return 1

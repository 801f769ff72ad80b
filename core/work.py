"""Rows as the queue: due rows are claimed under an expiring lease, worked, then recorded.

A claim is one short transaction (``FOR UPDATE SKIP LOCKED``). The worker does its I/O outside any
transaction. A worker that dies loses nothing: its lease runs out and the row is due again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import models, transaction
from django.db.models import F, Q

CLAIM_MAX = 500


class WorkRow(models.Model):
    """A row that is itself pending work. ``next_attempt_at`` null means nothing to do."""

    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=WorkRow)


def due(rows: models.QuerySet[Row], *, now: datetime) -> models.QuerySet[Row]:
    """The rows whose time has come and that no live lease holds."""
    unleased = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
    return rows.filter(unleased, next_attempt_at__lte=now)


def claim_due(
    rows: models.QuerySet[Row],
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    read: Callable[[models.QuerySet[Row]], list[Row]] = list,
) -> list[Row]:
    """Lease up to ``limit`` due rows to the caller, oldest first, and return them.

    Rows another worker is claiming at this instant are skipped, not waited for. ``read`` may leave
    out columns that the caller does not ask for.
    """
    with transaction.atomic(durable=True):
        # no_key, here and everywhere: an insert elsewhere that refers to the row checks its key at
        # commit, while it holds its event stream; a lock of the key would deadlock with that.
        claimed = read(
            due(rows, now=now)
            .select_for_update(no_key=True, skip_locked=True, of=("self",))
            .order_by("next_attempt_at")[: min(limit, CLAIM_MAX)]
        )
        ids = [row.pk for row in claimed]
        rows.model._default_manager.filter(pk__in=ids).update(
            leased_until=now + lease, attempts=F("attempts") + 1
        )
    for row in claimed:
        row.attempts += 1
        row.leased_until = now + lease
    return claimed

"""What is kept for a published time and then dropped, a little at each beat."""

from datetime import datetime, timedelta

from core.models import IdempotencyKey

ANSWERS_KEPT = timedelta(days=90)
DROPPED_MAX = 1000


def drop_old_answers(*, now: datetime) -> int:
    """Delete stored answers older than 90 days, at most a thousand; returns how many."""
    old = IdempotencyKey.objects.filter(created_at__lt=now - ANSWERS_KEPT)
    some = list(old.order_by("created_at").values_list("pk", flat=True)[:DROPPED_MAX])
    if not some:
        return 0
    return IdempotencyKey.objects.filter(pk__in=some).delete()[0]

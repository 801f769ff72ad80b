"""What the clock does for core: a sign of life, and old stored answers dropped."""

from celery import shared_task
from django.utils import timezone

from core import heartbeats, housekeeping, services


@shared_task(name="core.beat")
def beat() -> None:
    """Show that beat, broker and worker are alive, tell of halts, and tidy a little."""
    now = timezone.now()
    heartbeats.beat(name="celery", now=now)
    services.announce_halts(now=now)
    housekeeping.drop_old_answers(now=now)

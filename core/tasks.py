"""What the clock does for core: a sign of life, and old stored answers dropped."""

from celery import shared_task
from django.utils import timezone

from core import heartbeats, housekeeping


@shared_task(name="core.beat")
def beat() -> None:
    """Show that beat, broker and worker are alive, and tidy a little."""
    now = timezone.now()
    heartbeats.beat(name="celery", now=now)
    housekeeping.drop_old_answers(now=now)

"""Which webhook endpoints hear of an event: one delivery row each, in the event's transaction."""

from datetime import datetime

from core.models import Event


def fan_out(*, event: Event, now: datetime) -> None:
    """Add a delivery row for every enabled endpoint that subscribed to the event's type."""

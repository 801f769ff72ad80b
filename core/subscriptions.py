"""Which webhook endpoints hear of an event: one delivery row each, in the event's transaction."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from core.bulk import insert_many
from core.models import Event, WebhookDelivery, WebhookEndpoint
from core.states import DeliveryState, EndpointStatus
from core.webhooks import topics

CHANNEL = "core_webhook_deliveries"


def fan_out(*, events: Sequence[Event], now: datetime) -> None:
    """Add a delivery row for every endpoint that subscribed to an event's type.

    A disabled endpoint gets a SKIPPED row, which is sent only on request.
    """
    tenants = {event.institution_id for event in events if event.institution_id is not None}
    if not tenants:
        return
    endpoints: dict[uuid.UUID, list[WebhookEndpoint]] = {}
    rows = WebhookEndpoint.objects.filter(institution_id__in=tenants)
    for endpoint in rows.exclude(status=EndpointStatus.DELETED).order_by("pk"):
        endpoints.setdefault(endpoint.institution_id, []).append(endpoint)
    deliveries = [
        _delivery(event, endpoint, now)
        for event in events
        if event.institution_id is not None
        for endpoint in endpoints.get(event.institution_id, ())
        if _hears(endpoint, event)
    ]
    if deliveries:
        insert_many(deliveries)
        with connection.cursor() as cursor:  # wakes the dispatcher when this commits
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def _hears(endpoint: WebhookEndpoint, event: Event) -> bool:
    if event.type == topics.PING:
        return event.object_id == endpoint.pk
    return topics.wants(endpoint.event_types, event.type)


def _delivery(event: Event, endpoint: WebhookEndpoint, now: datetime) -> WebhookDelivery:
    sent = endpoint.status == EndpointStatus.ENABLED
    return WebhookDelivery(
        event=event,
        endpoint=endpoint,
        state=DeliveryState.PENDING if sent else DeliveryState.SKIPPED,
        next_attempt_at=now if sent else None,
        created_at=now,
    )

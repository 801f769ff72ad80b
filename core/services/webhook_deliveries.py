"""Deliveries on request: a ping to try an endpoint, and a redelivery under the event's old id."""

import uuid
from datetime import datetime

from django.db import connection

from core import events, queries, subscriptions
from core.actors import Actor
from core.errors import StateConflict
from core.models import WebhookDelivery
from core.states import DeliveryState, EndpointStatus
from core.use_case import use_case
from core.webhooks import topics


@use_case
def send_test_ping(
    *, institution_id: uuid.UUID, endpoint_id: uuid.UUID, actor: Actor, now: datetime
) -> WebhookDelivery:
    """Queue a ``test.ping`` for this endpoint alone. Raises NotFound or StateConflict."""
    endpoint = queries.webhook_endpoint(institution_id=institution_id, endpoint_id=endpoint_id)
    _require_enabled(endpoint.status)
    event = events.record(event_type=topics.PING, row=endpoint, actor=actor, now=now)
    return WebhookDelivery.objects.select_related("event", "endpoint").get(
        event=event, endpoint=endpoint
    )


@use_case
def redeliver(
    *,
    delivery_id: uuid.UUID,
    institution_id: uuid.UUID | None = None,
    actor: Actor,
    now: datetime,
) -> WebhookDelivery:
    """Send again from the first rung of the ladder. Without ``institution_id`` for operators.

    Raises NotFound, or StateConflict while the endpoint is disabled.
    """
    delivery = queries.webhook_delivery_for_update(
        delivery_id=delivery_id, institution_id=institution_id
    )
    _require_enabled(delivery.endpoint.status)
    delivery.state = DeliveryState.PENDING
    delivery.rung = 0
    delivery.next_attempt_at = now
    delivery.finished_at = None
    delivery.version += 1
    delivery.save(update_fields=["state", "rung", "next_attempt_at", "finished_at", "version"])
    events.record(
        event_type="webhook_delivery.redelivered",
        row=delivery,
        actor=actor,
        now=now,
        data={"event_id": delivery.event.public_id, "endpoint_id": delivery.endpoint.public_id},
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [subscriptions.CHANNEL])
    return delivery


def _require_enabled(status: str) -> None:
    if status != EndpointStatus.ENABLED:
        raise StateConflict(f"The endpoint is {status.lower()}.", state=status.lower())

"""Reads of core's rows, scoped to the caller's institution; what is not there raises NotFound."""

import uuid
from datetime import datetime
from typing import TypeVar

from django.db.models import Model, Q, QuerySet, Subquery

from core.actors import ActorKind
from core.errors import NotFound
from core.ids import IdInvalid, decode_id
from core.models import (
    ApiKey,
    Event,
    EventStream,
    Institution,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookSecret,
)
from core.states import EndpointStatus

Row = TypeVar("Row", bound=Model)


def institution(*, institution_id: uuid.UUID) -> Institution:
    """One institution."""
    return _one(Institution.objects.filter(pk=institution_id))


def api_keys(*, institution_id: uuid.UUID) -> QuerySet[ApiKey]:
    """Every key the institution ever had."""
    return ApiKey.objects.filter(institution_id=institution_id)


def api_key_for_update(*, key_id: uuid.UUID, institution_id: uuid.UUID | None = None) -> ApiKey:
    """One key, locked. Without ``institution_id`` for the issuer's operators."""
    rows = ApiKey.objects.select_for_update(no_key=True).filter(pk=key_id)
    return _one(rows if institution_id is None else rows.filter(institution_id=institution_id))


def makers_behind(maker: str) -> frozenset[str]:
    """Everybody who may have made what ``maker`` (an actor as stored) made.

    Whoever issued an API key, or rotated it, has seen its text and can act with it.
    """
    found: set[str] = set()
    while maker not in found:
        found.add(maker)
        kind, _, name = maker.partition(":")
        if kind != ActorKind.API_KEY:
            break
        try:
            key_id = decode_id(ApiKey.PREFIX, name)
        except IdInvalid:
            break
        issued = ApiKey.objects.filter(pk=key_id).values_list("created_by", flat=True).first()
        maker = issued or maker
    return frozenset(found)


def events(*, institution_id: uuid.UUID) -> QuerySet[Event]:
    """The institution's events."""
    # By stream, so that the feed is one walk along the index of (stream, sequence).
    stream = EventStream.objects.filter(institution_id=institution_id).values("pk")[:1]
    return Event.objects.filter(stream_id=Subquery(stream))


def event(*, institution_id: uuid.UUID, event_id: uuid.UUID) -> Event:
    """One event of the institution."""
    return _one(events(institution_id=institution_id).filter(pk=event_id))


def webhook_endpoints(*, institution_id: uuid.UUID) -> QuerySet[WebhookEndpoint]:
    """The institution's endpoints without the deleted ones."""
    rows = WebhookEndpoint.objects.filter(institution_id=institution_id)
    return rows.exclude(status=EndpointStatus.DELETED)


def webhook_endpoint(*, institution_id: uuid.UUID, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    """One endpoint of the institution."""
    return _one(webhook_endpoints(institution_id=institution_id).filter(pk=endpoint_id))


def webhook_endpoint_for_update(
    *, endpoint_id: uuid.UUID, institution_id: uuid.UUID | None = None
) -> WebhookEndpoint:
    """One endpoint that is not deleted, locked."""
    rows = WebhookEndpoint.objects.select_for_update(no_key=True).exclude(
        status=EndpointStatus.DELETED
    )
    rows = rows.filter(pk=endpoint_id)
    return _one(rows if institution_id is None else rows.filter(institution_id=institution_id))


def live_secrets(*, endpoint: WebhookEndpoint, now: datetime) -> list[WebhookSecret]:
    """The secrets that sign at this instant, newest first."""
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return list(WebhookSecret.objects.filter(unexpired, endpoint=endpoint).order_by("-pk"))


def webhook_deliveries(
    *, institution_id: uuid.UUID, endpoint_id: uuid.UUID
) -> QuerySet[WebhookDelivery]:
    """The deliveries of one endpoint, with their events and attempts."""
    endpoint = webhook_endpoint(institution_id=institution_id, endpoint_id=endpoint_id)
    rows = WebhookDelivery.objects.filter(endpoint=endpoint)
    return rows.select_related("event", "endpoint").prefetch_related("attempt_rows")


def webhook_delivery_for_update(
    *, delivery_id: uuid.UUID, institution_id: uuid.UUID | None = None
) -> WebhookDelivery:
    """One delivery, locked, with its endpoint and event."""
    rows = WebhookDelivery.objects.select_for_update(no_key=True, of=("self",)).filter(
        pk=delivery_id
    )
    rows = rows.select_related("endpoint", "event")
    if institution_id is not None:
        rows = rows.filter(endpoint__institution_id=institution_id)
    return _one(rows)


def _one(rows: QuerySet[Row]) -> Row:
    found = rows.first()
    if found is None:
        raise NotFound
    return found

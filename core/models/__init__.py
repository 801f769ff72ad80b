"""All rows of core, by noun."""

from core.models.access import ApiKey, IdempotencyKey
from core.models.events import Event, EventStream
from core.models.institutions import Institution, InstitutionStatus, Member
from core.models.operations import Breaker, Heartbeat
from core.models.webhooks import DeliveryAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret

__all__ = [
    "ApiKey",
    "Breaker",
    "DeliveryAttempt",
    "Event",
    "EventStream",
    "Heartbeat",
    "IdempotencyKey",
    "Institution",
    "InstitutionStatus",
    "Member",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
]

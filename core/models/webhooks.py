"""Webhook endpoints, their secrets, and the deliveries that are themselves the send queue."""

import uuid

from django.db import models

from core.crypto import EncryptedTextField
from core.models.events import Event
from core.models.institutions import Institution
from core.rows import PublicRow
from core.work import WorkRow


class WebhookEndpoint(PublicRow):
    """An address an institution wants its events sent to."""

    PREFIX = "we"
    OBJECT = "webhook_endpoint"

    institution = models.ForeignKey(
        Institution, on_delete=models.PROTECT, related_name="webhook_endpoints"
    )
    url = models.CharField(max_length=500)
    event_types = models.JSONField(default=list)
    description = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=16, default="ENABLED")
    disabled_reason = models.CharField(max_length=80, blank=True)
    api_version = models.CharField(max_length=10)
    # The breaker: after a run of failures nothing but one probe is sent until this time.
    failures_in_a_row = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="webhook_endpoint_status_known",
                condition=models.Q(status__in=["ENABLED", "DISABLED", "DELETED"]),
            ),
        ]


class WebhookSecret(models.Model):
    """One signing secret (``whsec_...``). While two are live, every request carries both signatures."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="secrets")
    secret = EncryptedTextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"secret {self.pk} of {self.endpoint_id}"


class WebhookDelivery(PublicRow, WorkRow):
    """One event for one endpoint. Receivers deduplicate by the event's id, which never changes."""

    PREFIX = "whd"
    OBJECT = "webhook_delivery"

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries")
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries"
    )
    state = models.CharField(max_length=16, default="PENDING")
    # Attempts since creation or the last redelivery: the rung of the retry ladder.
    rung = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="webhook_delivery_once", fields=["endpoint", "event"]),
            models.CheckConstraint(
                name="webhook_delivery_state_known",
                condition=models.Q(state__in=["PENDING", "DELIVERED", "FAILED", "SKIPPED"]),
            ),
        ]
        indexes = [
            models.Index(
                name="webhook_delivery_due",
                fields=["endpoint", "next_attempt_at"],
                condition=models.Q(state="PENDING"),
            ),
        ]

    @property
    def institution_id(self) -> uuid.UUID:
        """The tenant of the endpoint."""
        return self.endpoint.institution_id


class DeliveryAttempt(models.Model):
    """What happened when a delivery was tried once."""

    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.PROTECT, related_name="attempt_rows"
    )
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.CharField(max_length=2048, blank=True)
    # dns, blocked_address, connect, tls, timeout, http_3xx, http_4xx, http_5xx, or empty.
    error_class = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"

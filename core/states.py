"""The statuses of core's own rows and the lawful moves between them."""

from collections.abc import Mapping

from django.db import models

Table = Mapping[str, frozenset[str]]


class ApiKeyStatus(models.TextChoices):
    """Whether a key may still authenticate (expiry is a time, not a status)."""

    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"


class EndpointStatus(models.TextChoices):
    """Whether an endpoint is sent events."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    DELETED = "DELETED"


class BreakerStatus(models.TextChoices):
    """OPEN halts new work; CLOSED lets it pass."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class DeliveryState(models.TextChoices):
    """Where one delivery stands. Its changes are not events: they would beget deliveries."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


API_KEY_TRANSITIONS: Table = {
    # A rotation keeps the key active and brings its expiry forward.
    ApiKeyStatus.ACTIVE: frozenset({ApiKeyStatus.ACTIVE, ApiKeyStatus.REVOKED}),
    ApiKeyStatus.REVOKED: frozenset(),
}
ENDPOINT_TRANSITIONS: Table = {
    # An edit of URL, types or secret keeps the status.
    EndpointStatus.ENABLED: frozenset(EndpointStatus),
    EndpointStatus.DISABLED: frozenset(EndpointStatus),
    EndpointStatus.DELETED: frozenset(),
}
BREAKER_TRANSITIONS: Table = {
    BreakerStatus.OPEN: frozenset({BreakerStatus.CLOSED}),
    BreakerStatus.CLOSED: frozenset({BreakerStatus.OPEN}),
}

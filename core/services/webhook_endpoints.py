"""Webhook endpoints: made with one secret shown once, edited, rotated, switched off, deleted."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import events, queries
from core.actors import Actor
from core.errors import DomainError, StateConflict, VersionMismatch
from core.models import Institution, WebhookEndpoint, WebhookSecret
from core.states import ENDPOINT_TRANSITIONS, EndpointStatus
from core.transitions import move
from core.use_case import use_case
from core.webhooks.addresses import check_url
from core.webhooks.signing import new_secret
from core.webhooks.topics import check_topics

ENDPOINTS_MAX = 16
SECRETS_MAX = 3
OVERLAP_DEFAULT = timedelta(hours=24)
OVERLAP_MAX = timedelta(days=7)


class TooManyEndpoints(DomainError):
    """The institution has as many endpoints as it may have."""

    code = "too_many_endpoints"
    title = f"An institution has at most {ENDPOINTS_MAX} webhook endpoints."


class OverlapInvalid(DomainError):
    """The old secret would live for a negative time or too long."""

    code = "overlap_invalid"
    title = "The overlap is 0 seconds to 7 days."


@dataclass(frozen=True, slots=True, repr=False)
class EndpointSecret:
    """An endpoint and its newest secret, which is shown once."""

    endpoint: WebhookEndpoint
    secret: str


@use_case
def create_webhook_endpoint(
    *,
    institution_id: uuid.UUID,
    url: str,
    event_types: Iterable[str],
    description: str = "",
    actor: Actor,
    now: datetime,
) -> EndpointSecret:
    """Subscribe an address. Raises WebhookUrlRefused, EventTypeInvalid or TooManyEndpoints."""
    # The tenant's row orders two creations, so that the limit holds.
    Institution.objects.select_for_update(no_key=True).get(pk=institution_id)
    if queries.webhook_endpoints(institution_id=institution_id).count() >= ENDPOINTS_MAX:
        raise TooManyEndpoints
    endpoint = WebhookEndpoint.objects.create(
        institution_id=institution_id,
        url=check_url(url),
        event_types=check_topics(event_types),
        description=description,
        api_version=events.API_VERSION,
        created_at=now,
    )
    secret = new_secret()
    WebhookSecret.objects.create(endpoint=endpoint, secret=secret, created_at=now)
    events.record(
        event_type="webhook_endpoint.created",
        row=endpoint,
        actor=actor,
        now=now,
        data={"event_types": endpoint.event_types},
    )
    return EndpointSecret(endpoint, secret)


@use_case
def update_webhook_endpoint(
    *,
    institution_id: uuid.UUID,
    endpoint_id: uuid.UUID,
    expected_version: int | None = None,
    enabled: bool | None = None,
    url: str | None = None,
    event_types: Iterable[str] | None = None,
    description: str | None = None,
    actor: Actor,
    now: datetime,
) -> WebhookEndpoint:
    """Change what is given; enabling also forgets past failures.

    Raises NotFound, VersionMismatch, WebhookUrlRefused or EventTypeInvalid.
    """
    endpoint = queries.webhook_endpoint_for_update(
        endpoint_id=endpoint_id, institution_id=institution_id
    )
    if expected_version is not None and endpoint.version != expected_version:
        raise VersionMismatch(version=endpoint.version)
    changes: dict[str, object] = {}
    if url is not None:
        changes["url"] = check_url(url)
    if event_types is not None:
        changes["event_types"] = check_topics(event_types)
    if description is not None:
        changes["description"] = description
    to = endpoint.status
    if enabled is not None:
        to = EndpointStatus.ENABLED if enabled else EndpointStatus.DISABLED
        changes["disabled_reason"] = "" if enabled else "by_request"
    if enabled:
        changes |= {"failures_in_a_row": 0, "failing_since": None, "paused_until": None}
    return move(
        endpoint,
        to=to,
        table=ENDPOINT_TRANSITIONS,
        actor=actor,
        now=now,
        event_type=_event_type(endpoint.status, to),
        data={"changed": sorted(changes)},
        **changes,
    )


@use_case
def disable_webhook_endpoint(
    *, endpoint_id: uuid.UUID, reason: str, actor: Actor, now: datetime
) -> WebhookEndpoint:
    """Stop sending: the receiver answered 410, failed for days, or an operator decided."""
    endpoint = queries.webhook_endpoint_for_update(endpoint_id=endpoint_id)
    return move(
        endpoint,
        to=EndpointStatus.DISABLED,
        table=ENDPOINT_TRANSITIONS,
        actor=actor,
        now=now,
        data={"reason": reason},
        disabled_reason=reason,
    )


@use_case
def delete_webhook_endpoint(
    *, institution_id: uuid.UUID, endpoint_id: uuid.UUID, actor: Actor, now: datetime
) -> WebhookEndpoint:
    """Forget the endpoint and its secrets; the record of what was sent stays."""
    endpoint = queries.webhook_endpoint_for_update(
        endpoint_id=endpoint_id, institution_id=institution_id
    )
    WebhookSecret.objects.filter(endpoint=endpoint).delete()
    return move(
        endpoint, to=EndpointStatus.DELETED, table=ENDPOINT_TRANSITIONS, actor=actor, now=now
    )


@use_case
def rotate_webhook_secret(
    *,
    institution_id: uuid.UUID,
    endpoint_id: uuid.UUID,
    overlap: timedelta = OVERLAP_DEFAULT,
    actor: Actor,
    now: datetime,
) -> EndpointSecret:
    """Add a secret; until the overlap ends every request carries both signatures.

    Raises NotFound, OverlapInvalid, or StateConflict when three secrets are live.
    """
    endpoint = queries.webhook_endpoint_for_update(
        endpoint_id=endpoint_id, institution_id=institution_id
    )
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise OverlapInvalid(field="/overlap_seconds")
    live = queries.live_secrets(endpoint=endpoint, now=now)
    if len(live) >= SECRETS_MAX:
        raise StateConflict(f"At most {SECRETS_MAX} secrets are live at a time.")
    for old in live:
        if old.expires_at is None or old.expires_at > now + overlap:
            old.expires_at = now + overlap
            old.save(update_fields=["expires_at"])
    secret = new_secret()
    WebhookSecret.objects.create(endpoint=endpoint, secret=secret, created_at=now)
    endpoint = move(
        endpoint,
        to=endpoint.status,
        table=ENDPOINT_TRANSITIONS,
        actor=actor,
        now=now,
        event_type="webhook_endpoint.secret_rotated",
        data={"old_secret_expires_at": events.format_time(now + overlap)},
    )
    return EndpointSecret(endpoint, secret)


def _event_type(before: str, after: str) -> str:
    return f"webhook_endpoint.{'updated' if before == after else after.lower()}"

"""When an endpoint is given up: it said 410, or nothing succeeded for five days."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from core.actors import system
from core.errors import DomainError
from core.models import WebhookEndpoint
from core.services import disable_webhook_endpoint
from core.states import EndpointStatus
from core.webhooks import schedule
from core.webhooks.queue import Outcome

_GONE = 410


def disable_given_up(*, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Disable each endpoint whose outcomes say so; an event tells the institution's others."""
    for endpoint_id, reason in _given_up(outcomes, now).items():
        try:
            disable_webhook_endpoint(
                endpoint_id=endpoint_id,
                reason=reason,
                actor=system("dispatch_webhooks"),
                now=now,
            )
        except DomainError:
            # Deleted or changed by its owner meanwhile: the owner's word stands.
            continue


def _given_up(outcomes: Sequence[Outcome], now: datetime) -> dict[uuid.UUID, str]:
    gone = {o.job.endpoint_id: "gone" for o in outcomes if o.response_status == _GONE}
    last_rung = len(schedule.LADDER_SECONDS) - 1
    ended = {o.job.endpoint_id for o in outcomes if o.error_class and o.job.rung >= last_rung}
    tired = WebhookEndpoint.objects.filter(
        pk__in=ended, failing_since__lte=now - schedule.GIVE_UP_AFTER
    ).values_list("pk", flat=True)
    given_up = dict.fromkeys(tired, "failing") | gone
    enabled = WebhookEndpoint.objects.filter(pk__in=given_up, status=EndpointStatus.ENABLED)
    return {pk: given_up[pk] for pk in enabled.values_list("pk", flat=True)}

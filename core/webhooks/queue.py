"""The delivery queue in PostgreSQL: claims with a cap per endpoint, results recorded in batches.

A hanging endpoint can hold no more than its own cap, so the others never wait for it.
"""

import json
import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from core.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint, WebhookSecret
from core.states import DeliveryState
from core.webhooks import schedule

LEASE = timedelta(seconds=60)
CAP_PER_ENDPOINT = 10
CLAIM_PER_ENDPOINT = 5
CLAIM_MAX = 100
# Under load "last success" need not be exact: one write a second is enough.
SUCCESS_STEP = timedelta(seconds=1)
_HEALTH = ["failures_in_a_row", "failing_since", "paused_until", "last_success_at"]

# Endpoints in random order: with a fixed one the first would be served and the last would wait.
_CLAIM = """
WITH endpoint AS (
    SELECT e.id, e.url,
           least(%(each)s, CASE WHEN e.failures_in_a_row >= %(breaker)s THEN 1 ELSE %(cap)s END
                           - COALESCE((%(busy)s::jsonb ->> e.id::text)::int, 0)) AS free
      FROM core_webhookendpoint e
     WHERE e.status = 'ENABLED' AND (e.paused_until IS NULL OR e.paused_until <= %(now)s)
     ORDER BY random()
), picked AS (
    SELECT d.id, endpoint.url
      FROM endpoint CROSS JOIN LATERAL (
        SELECT id FROM core_webhookdelivery
         WHERE endpoint_id = endpoint.id AND state = 'PENDING' AND next_attempt_at <= %(now)s
           AND (leased_until IS NULL OR leased_until <= %(now)s)
         ORDER BY next_attempt_at
         LIMIT greatest(endpoint.free, 0)
           FOR NO KEY UPDATE SKIP LOCKED
      ) d
     LIMIT %(limit)s
)
UPDATE core_webhookdelivery d
   SET leased_until = %(until)s, attempts = d.attempts + 1
  FROM picked, core_event v
 WHERE d.id = picked.id AND v.id = d.event_id
RETURNING d.id, d.endpoint_id, picked.url, d.event_id, v.body, d.attempts, d.rung
"""
_RECORD = """
UPDATE core_webhookdelivery d
   SET state = r.state, rung = r.rung, next_attempt_at = r.next_at, finished_at = r.finished_at,
       leased_until = NULL, version = d.version + 1
  FROM unnest(%(ids)s::uuid[], %(states)s::text[], %(rungs)s::int[],
              %(nexts)s::timestamptz[], %(finished)s::timestamptz[])
       AS r(id, state, rung, next_at, finished_at)
 WHERE d.id = r.id AND d.state = 'PENDING'
"""


@dataclass(frozen=True, slots=True, repr=False)
class Job:
    """One claimed delivery with all that sending it needs."""

    delivery_id: uuid.UUID
    endpoint_id: uuid.UUID
    url: str
    event_id: uuid.UUID
    body: bytes
    attempt: int
    rung: int
    whsecs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to. ``error_class`` is empty for an answer of 2xx."""

    job: Job
    started_at: datetime
    finished_at: datetime
    duration_ms: int
    response_status: int | None
    response_body: str
    error_class: str
    retry_after_seconds: int | None


def claim(*, now: datetime, busy: Mapping[uuid.UUID, int], limit: int) -> list[Job]:
    """Lease due deliveries: few per endpoint, none beyond its cap, one where it is failing.

    ``busy`` counts what this process already has in flight for an endpoint.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "now": now,
                "until": now + LEASE,
                "each": CLAIM_PER_ENDPOINT,
                "breaker": schedule.BREAKER_FAILURES,
                "cap": CAP_PER_ENDPOINT,
                "busy": json.dumps({str(endpoint): count for endpoint, count in busy.items()}),
                "limit": min(limit, CLAIM_MAX),
            },
        )
        rows = cursor.fetchall()
        secrets = _live_secrets({row[1] for row in rows}, now)
    return [
        Job(
            delivery_id=row[0],
            endpoint_id=row[1],
            url=row[2],
            event_id=row[3],
            body=bytes(row[4]),
            attempt=row[5],
            rung=row[6],
            whsecs=secrets.get(row[1], ()),
        )
        for row in rows
    ]


def record(outcomes: Sequence[Outcome]) -> None:
    """Write attempts, the deliveries' next steps and the endpoints' health in one transaction."""
    if not outcomes:
        return
    steps = [_next_step(outcome) for outcome in outcomes]
    with transaction.atomic(durable=True):
        DeliveryAttempt.objects.bulk_create([_attempt(outcome) for outcome in outcomes])
        with connection.cursor() as cursor:
            cursor.execute(
                _RECORD,
                {
                    "ids": [outcome.job.delivery_id for outcome in outcomes],
                    "states": [str(step.state) for step in steps],
                    "rungs": [step.rung for step in steps],
                    "nexts": [step.next_attempt_at for step in steps],
                    "finished": [step.finished_at for step in steps],
                },
            )
        _record_health(outcomes)


def release(delivery_ids: Iterable[uuid.UUID]) -> None:
    """Give back what a stopping dispatcher claimed and did not finish."""
    rows = WebhookDelivery.objects.filter(pk__in=list(delivery_ids), state=DeliveryState.PENDING)
    rows.update(leased_until=None)


def _live_secrets(endpoints: set[uuid.UUID], now: datetime) -> dict[uuid.UUID, tuple[str, ...]]:
    live = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    found: dict[uuid.UUID, tuple[str, ...]] = {}
    for row in WebhookSecret.objects.filter(live, endpoint_id__in=endpoints).order_by("-pk"):
        found[row.endpoint_id] = (*found.get(row.endpoint_id, ()), row.secret)
    return found


@dataclass(frozen=True, slots=True)
class _Step:
    state: DeliveryState
    rung: int
    next_attempt_at: datetime | None
    finished_at: datetime | None


def _next_step(outcome: Outcome) -> _Step:
    at, rung = outcome.finished_at, outcome.job.rung + 1
    if not outcome.error_class:
        return _Step(DeliveryState.DELIVERED, rung, None, at)
    delay = schedule.delay_before(
        rung=rung,
        retry_after_seconds=outcome.retry_after_seconds,
        chance=random.random(),  # noqa: S311  jitter, not a secret
    )
    if delay is None:
        return _Step(DeliveryState.FAILED, rung, None, at)
    return _Step(DeliveryState.PENDING, rung, at + delay, None)


def _attempt(outcome: Outcome) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery_id=outcome.job.delivery_id,
        number=outcome.job.attempt,
        started_at=outcome.started_at,
        duration_ms=outcome.duration_ms,
        response_status=outcome.response_status,
        response_body=outcome.response_body,
        error_class=outcome.error_class,
    )


def _record_health(outcomes: Sequence[Outcome]) -> None:
    """In endpoint order, so that two dispatchers never wait for each other in a circle."""
    by_endpoint: dict[uuid.UUID, list[Outcome]] = {}
    for outcome in outcomes:
        by_endpoint.setdefault(outcome.job.endpoint_id, []).append(outcome)
    rows = (
        WebhookEndpoint.objects.select_for_update(no_key=True)
        .filter(pk__in=by_endpoint)
        .order_by("pk")
    )
    for endpoint in rows:
        failing, success_at = endpoint.failures_in_a_row, endpoint.last_success_at
        for outcome in by_endpoint[endpoint.pk]:
            _note(endpoint, outcome)
        healthy = failing == 0 and endpoint.failures_in_a_row == 0
        latest = by_endpoint[endpoint.pk][-1].finished_at
        if healthy and success_at and latest - success_at < SUCCESS_STEP:
            continue
        endpoint.save(update_fields=_HEALTH)


def _note(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    if not outcome.error_class:
        endpoint.failures_in_a_row = 0
        endpoint.failing_since = endpoint.paused_until = None
        endpoint.last_success_at = outcome.finished_at
        return
    endpoint.failures_in_a_row += 1
    endpoint.failing_since = endpoint.failing_since or outcome.finished_at
    pause = schedule.pause_after(endpoint.failures_in_a_row)
    if pause is not None:
        endpoint.paused_until = outcome.finished_at + pause

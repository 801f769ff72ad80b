"""Webhooks with a history, heartbeats, a refused request, a break and an open breaker."""

from datetime import datetime, timedelta

from django.db import transaction

from core import actors, breakers, events
from core import services as core_services
from core.models import (
    DeliveryAttempt,
    Heartbeat,
    Institution,
    WebhookDelivery,
    WebhookEndpoint,
)
from custody.models import Break, CustodyAccount, Fund
from kyc.models import AccessEvent
from tests.browser.world.compliance import API


def webhooks(institution: Institution, now: datetime) -> tuple[WebhookEndpoint, WebhookDelivery]:
    endpoint = core_services.create_webhook_endpoint(
        institution_id=institution.pk,
        url="https://hooks.alpine-broker.example/sharemint",
        event_types=["*"],
        actor=API,
        now=now - timedelta(hours=6),
    ).endpoint
    with transaction.atomic(durable=True):
        for name in ("first", "second"):
            event = events.record(
                event_type="test.ping",
                row=endpoint,
                actor=API,
                now=now - timedelta(hours=5),
                data={"note": name},
            )
    delivery = WebhookDelivery.objects.get(event=event)
    for number, (answer, fault) in enumerate(
        [(None, "connect"), (502, "http_5xx"), (None, "timeout")], start=1
    ):
        DeliveryAttempt.objects.create(
            delivery=delivery,
            number=number,
            started_at=now - timedelta(hours=4 - number),
            duration_ms=117 * number,
            response_status=answer,
            response_body="Bad gateway" if answer else "",
            error_class=fault,
        )
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state="FAILED", attempts=3, next_attempt_at=None, finished_at=now - timedelta(hours=1)
    )
    done = WebhookDelivery.objects.exclude(pk=delivery.pk).first()
    assert done is not None
    DeliveryAttempt.objects.create(
        delivery=done,
        number=1,
        started_at=now - timedelta(hours=5),
        duration_ms=41,
        response_status=204,
    )
    WebhookDelivery.objects.filter(pk=done.pk).update(
        state="DELIVERED", attempts=1, next_attempt_at=None, finished_at=now
    )
    delivery.refresh_from_db()
    return endpoint, delivery


def operations(account: CustodyAccount, fund: Fund, now: datetime) -> None:
    for name, seconds in (("worker", 3), ("beat", 2), ("dispatcher", 1), ("pump", 900)):
        Heartbeat.objects.create(name=name, beat_at=now - timedelta(seconds=seconds))
    AccessEvent.objects.create(
        at=now - timedelta(minutes=12),
        network="203.0.113.0/24",
        country="CN",
        method="POST",
        path="/v1/orders",
        code="unavailable_for_legal_reasons",
    )
    Break.objects.create(
        kind="UNKNOWN_REFERENCE",
        severity="S2",
        fund=fund,
        custody_account=account,
        subject="SBX-9921",
        created_at=now - timedelta(hours=7),
    )
    with transaction.atomic(durable=True):
        breakers.open_breaker(
            name="attestations",
            reason="The custodian has not answered for an hour",
            actor=actors.system("issuance.invariants"),
            now=now - timedelta(minutes=30),
        )

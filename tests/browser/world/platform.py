"""Webhooks with a history, heartbeats, a refused request, a break and an open breaker."""

from datetime import datetime, timedelta

from django.db import transaction

from core import actors, breakers, events
from core import services as core_services
from core.actors import Actor
from core.models import (
    DeliveryAttempt,
    Heartbeat,
    Institution,
    WebhookDelivery,
    WebhookEndpoint,
)
from core.units import parse_quantity
from custody.models import Break, CustodyAccount, Delivery, Deposit, Fund
from kyc.models import AccessEvent, Investor, Override
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
        pings = [
            events.record(
                event_type="test.ping",
                row=endpoint,
                actor=API,
                now=now - timedelta(hours=5),
                data={"note": name},
            )
            for name in ("first", "second")
        ]
    delivery = WebhookDelivery.objects.get(event=pings[-1])
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


def send_most(endpoint: WebhookEndpoint, now: datetime) -> None:
    """Deliver all but the newest two of what still waits, as the dispatcher would have."""
    waiting = endpoint.deliveries.filter(state="PENDING").order_by("-created_at")
    for delivery in waiting[2:]:
        DeliveryAttempt.objects.create(
            delivery=delivery,
            number=1,
            started_at=delivery.created_at,
            duration_ms=38,
            response_status=204,
        )
    sent = waiting.filter(pk__in=[row.pk for row in waiting[2:]])
    sent.update(state="DELIVERED", attempts=1, next_attempt_at=None, finished_at=now)


def override(investor: Investor, maker: Actor, now: datetime) -> Override:
    """Leave from one rule that another person has yet to give."""
    return Override.objects.create(
        investor=investor,
        rule="N42-I2-SVC",
        kind="EXEMPTION",
        evidence={"approval": "document 12, authority, 2026-10-01"},
        reason="Case 2026-130",
        valid_from=now,
        valid_to=now + timedelta(days=90),
        proposed_by=str(maker),
        created_at=now,
    )


def movements(investor: Investor, fund: Fund, account: CustodyAccount, now: datetime) -> None:
    """A deposit and a delivery that have not ended."""
    shared = {
        "institution": investor.institution,
        "investor": investor,
        "fund": fund,
        "custody_account": account,
        "quantity": parse_quantity("25"),
        "requested_by": str(API),
        "created_at": now - timedelta(minutes=50),
    }
    Deposit.objects.create(**shared, reference="DEP-IBIT-2", status="MATCHED")
    Delivery.objects.create(
        **shared,
        destination_participant="0352",
        destination_account="ACC-778201",
        status="REQUESTED",
    )


def operations(account: CustodyAccount, fund: Fund, now: datetime) -> None:
    for name, seconds, detail in (
        ("celery", 3, {}),
        ("issuance.advance_transactions", 1, {}),
        ("issuance.follow_chains", 2, {"anvil": "head 822, finalized 820"}),
        ("dispatch_webhooks", 900, {"in_flight": 0}),
    ):
        beat_at = now - timedelta(seconds=seconds)
        Heartbeat.objects.create(name=name, beat_at=beat_at, detail=detail)
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

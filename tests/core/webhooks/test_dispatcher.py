"""The dispatcher against real receivers on loopback."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook

from core import services
from core.actors import system
from core.models import DeliveryAttempt, Heartbeat, WebhookDelivery, WebhookEndpoint
from core.webhooks import queue
from tests.core.conftest import make_institution
from tests.core.webhooks.receivers import (
    WAIT_SECONDS,
    Receiver,
    dispatch_until,
    endpoint_for,
    in_thread,
    record_events,
    serve,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.WEBHOOK_ALLOW_LOOPBACK = True


def _run(scenario):
    return asyncio.run(scenario())


def test_a_foreign_verifier_accepts_every_delivery_and_the_bytes_are_the_event():
    receiver = Receiver()

    async def scenario():
        runner = await serve(receiver)
        bank = await in_thread(make_institution)
        made = await in_thread(lambda: endpoint_for(bank, receiver))
        recorded = await in_thread(lambda: record_events(bank, 7))
        await dispatch_until(lambda: len(receiver.received) == 7)
        await runner.cleanup()
        return made, recorded

    made, recorded = _run(scenario)
    verifier = Webhook(made.secret)
    bodies = {event.public_id: bytes(event.body) for event in recorded}
    for headers, body in receiver.received:
        lower = {name.lower(): value for name, value in headers.items()}
        assert verifier.verify(body, lower)["id"] == lower["webhook-id"]
        assert bodies.pop(lower["webhook-id"]) == body
        assert abs(int(lower["webhook-timestamp"]) - time.time()) < 30
    assert bodies == {}
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"DELIVERED"}
    assert DeliveryAttempt.objects.filter(response_status=200, error_class="").count() == 7
    assert Heartbeat.objects.filter(name="dispatch_webhooks").exists()
    made.endpoint.refresh_from_db()
    assert made.endpoint.last_success_at is not None


def test_both_secrets_verify_while_a_rotation_overlaps():
    receiver = Receiver()

    async def scenario():
        runner = await serve(receiver)
        bank = await in_thread(make_institution)
        made = await in_thread(lambda: endpoint_for(bank, receiver))
        rotated = await in_thread(
            lambda: services.rotate_webhook_secret(
                institution_id=bank.pk,
                endpoint_id=made.endpoint.pk,
                actor=system("test"),
                now=timezone.now(),
            )
        )
        await in_thread(lambda: record_events(bank, 1))
        await dispatch_until(lambda: len(receiver.received) == 1)
        await runner.cleanup()
        return made.secret, rotated.secret

    old, new = _run(scenario)
    assert old != new
    headers, body = receiver.received[0]
    lower = {name.lower(): value for name, value in headers.items()}
    assert len(lower["webhook-signature"].split()) == 2
    for secret in (old, new):
        Webhook(secret).verify(body, lower)


def test_a_failure_is_retried_under_the_same_id_until_it_succeeds():
    receiver = Receiver(answer=lambda number: 500 if number == 1 else 204)

    async def scenario():
        runner = await serve(receiver)
        bank = await in_thread(make_institution)
        await in_thread(lambda: endpoint_for(bank, receiver))
        await in_thread(lambda: record_events(bank, 1))
        await dispatch_until(lambda: len(receiver.received) == 1)
        after_first = await in_thread(WebhookDelivery.objects.get)
        await in_thread(lambda: WebhookDelivery.objects.update(next_attempt_at=timezone.now()))
        await dispatch_until(lambda: len(receiver.received) == 2)
        await runner.cleanup()
        return after_first

    after_first = _run(scenario)
    assert (after_first.state, after_first.rung) == ("PENDING", 1)
    wait = after_first.next_attempt_at - timezone.now()
    assert wait < timedelta(seconds=7)
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    assert WebhookDelivery.objects.get().state == "DELIVERED"
    attempts = DeliveryAttempt.objects.order_by("number")
    assert [(row.number, row.error_class) for row in attempts] == [(1, "http_5xx"), (2, "")]


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_a_failure_and_never_followed(status):
    inner = Receiver()
    receiver = Receiver(answer=status)

    async def scenario():
        runners = [await serve(inner), await serve(receiver)]
        receiver.headers["Location"] = inner.url
        bank = await in_thread(make_institution)
        await in_thread(lambda: endpoint_for(bank, receiver))
        await in_thread(lambda: record_events(bank, 1))
        await dispatch_until(lambda: len(receiver.received) == 1)
        for runner in runners:
            await runner.cleanup()

    _run(scenario)
    assert inner.received == []
    assert DeliveryAttempt.objects.get().error_class == "http_3xx"


def test_410_disables_the_endpoint_and_later_events_are_skipped():
    receiver = Receiver(answer=410)

    async def scenario():
        runner = await serve(receiver)
        bank = await in_thread(make_institution)
        await in_thread(lambda: endpoint_for(bank, receiver))
        await in_thread(lambda: record_events(bank, 1))
        await dispatch_until(lambda: len(receiver.received) == 1)
        await in_thread(lambda: record_events(bank, 1))
        await runner.cleanup()

    _run(scenario)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.status, endpoint.disabled_reason) == ("DISABLED", "gone")
    assert sorted(WebhookDelivery.objects.values_list("state", flat=True)) == ["PENDING", "SKIPPED"]


def test_a_hanging_endpoint_does_not_slow_a_healthy_one():
    hanging, healthy = Receiver(delay=30), Receiver()

    async def scenario():
        runners = [await serve(hanging), await serve(healthy)]
        bank = await in_thread(make_institution)
        for receiver in (hanging, healthy):
            await in_thread(lambda to=receiver: endpoint_for(bank, to))
        await in_thread(lambda: record_events(bank, 60))
        began = time.monotonic()
        await dispatch_until(lambda: len(healthy.received) == 60)
        for runner in runners:
            await runner.cleanup()
        return max(healthy.arrived_at) - began

    seconds = _run(scenario)
    assert seconds < 5
    assert len(hanging.received) <= queue.CAP_PER_ENDPOINT
    unsent = WebhookDelivery.objects.exclude(state="DELIVERED")
    assert unsent.count() == 60
    # The stopping dispatcher gave its claims back, so another can go on at once.
    assert not unsent.filter(leased_until__gt=timezone.now()).exists()


def test_ten_failures_in_a_row_pause_the_endpoint_without_using_up_attempts():
    receiver = Receiver(answer=503)

    async def scenario():
        runner = await serve(receiver)
        bank = await in_thread(make_institution)
        await in_thread(lambda: endpoint_for(bank, receiver))
        await in_thread(lambda: record_events(bank, 30))
        await dispatch_until(lambda: len(receiver.received) >= 10)
        await runner.cleanup()

    _run(scenario)
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.failures_in_a_row >= 10
    assert endpoint.paused_until is not None
    assert endpoint.paused_until > timezone.now()
    assert len(receiver.received) <= 2 * queue.CAP_PER_ENDPOINT
    assert WebhookDelivery.objects.filter(attempts=0).count() == 30 - len(receiver.received)


def test_a_killed_dispatcher_loses_nothing_and_sends_the_same_ids(process_env):
    receiver = Receiver(delay=20)
    bank = make_institution()
    command = [sys.executable, "manage.py", "dispatch_webhooks"]

    async def scenario():
        runner = await serve(receiver)
        await in_thread(lambda: endpoint_for(bank, receiver))
        recorded = await in_thread(lambda: record_events(bank, 3))
        child = await asyncio.to_thread(
            lambda: subprocess.Popen(command, env=process_env | {"SHAREMINT_DEVELOPMENT": "1"})
        )
        deadline = time.monotonic() + WAIT_SECONDS
        while len(receiver.received) < 3 and time.monotonic() < deadline:  # noqa: ASYNC110 - another process sends
            await asyncio.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
        await asyncio.to_thread(child.wait)
        first = {headers["webhook-id"] for headers, _ in receiver.received}
        assert first == {event.public_id for event in recorded}
        states = await in_thread(
            lambda: set(WebhookDelivery.objects.values_list("state", flat=True))
        )
        assert states == {"PENDING"}
        receiver.delay = 0
        receiver.received.clear()
        # Its leases run out.
        await in_thread(lambda: WebhookDelivery.objects.update(leased_until=timezone.now()))
        await dispatch_until(lambda: len(receiver.received) == 3)
        await runner.cleanup()
        return first

    first = _run(scenario)
    assert {headers["webhook-id"] for headers, _ in receiver.received} == first
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"DELIVERED"}
    connection.close()


def test_sigterm_ends_the_process_cleanly(process_env):
    command = [sys.executable, "manage.py", "dispatch_webhooks"]
    with subprocess.Popen(command, env=process_env) as child:
        deadline = time.monotonic() + WAIT_SECONDS
        while not Heartbeat.objects.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert Heartbeat.objects.exists()
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0

"""The command line: institutions, keys, the pump, the doorbell."""

import io
import json
import time

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.utils import timezone

from core import doorbell, housekeeping, keys
from core.models import ApiKey, Heartbeat, IdempotencyKey


def _run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_an_institution_and_its_key_are_made_and_the_key_works(client):
    made = json.loads(_run("create_institution", "--name", "Bank", "--country", "CH", "--json"))
    issued = json.loads(
        _run("issue_api_key", "--institution", made["id"], "--scope", "events:read", "--json")
    )
    assert keys.parse(issued["key"])
    answer = client.get("/v1/events", headers={"Authorization": f"Bearer {issued['key']}"})
    assert answer.status_code == 200
    with pytest.raises(CommandError, match="institution_name_taken"):
        _run("create_institution", "--name", "Bank", "--country", "CH")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments",
    [
        ("--institution", "inst_nope"),
        ("--institution", "inst_00000000000000000000000000"),
    ],
)
def test_a_key_needs_an_institution(arguments):
    with pytest.raises(CommandError):
        _run("issue_api_key", *arguments)
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
def test_a_whole_log_is_verified(institution):  # noqa: ARG001 - asked for its effect
    assert "whole" in _run("verify_events")


@pytest.mark.django_db
def test_the_pump_runs_every_task_of_the_beat_table(monkeypatch):
    ran = []
    current_app.loader.import_default_modules()
    for entry in current_app.conf.beat_schedule.values():
        name = entry["task"]
        if name != "core.beat":
            monkeypatch.setitem(current_app.tasks, name, lambda name=name: ran.append(name))
    _run("pump", "--once")
    assert Heartbeat.objects.filter(name="celery").exists()
    assert len(ran) == len(current_app.conf.beat_schedule) - 1


def test_a_dead_broker_costs_a_moment_once_and_nothing_after(monkeypatch):
    # Nobody listens on port 1 of loopback.
    monkeypatch.setattr(current_app.conf, "broker_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    bell = doorbell._Doorbell()
    began = time.monotonic()
    bell.ring("core.beat")
    assert time.monotonic() - began < 2
    began = time.monotonic()
    for _ in range(100):
        bell.ring("core.beat")
    assert time.monotonic() - began < 0.05


@pytest.mark.django_db
def test_answers_older_than_ninety_days_are_dropped(institution):
    for number, age in enumerate((housekeeping.ANSWERS_KEPT * 2, housekeeping.ANSWERS_KEPT / 2)):
        IdempotencyKey.objects.create(
            institution=institution,
            key=str(number),
            fingerprint=b"f",
            request_id="r",
            status=201,
            content_type="application/json",
            body=b"{}",
            created_at=timezone.now() - age,
        )
    assert housekeeping.drop_old_answers(now=timezone.now()) == 1
    assert IdempotencyKey.objects.get().key == "1"

"""The event log and its feed: gapless, chained, append-only, the same bytes everywhere."""

import json
import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core import audit, events
from core.actors import system
from core.models import Event, EventStream
from core.use_case import use_case
from tests.core.conftest import make_client, make_institution


@use_case
def _record(*, row, count=1, data=None):
    for _ in range(count):
        events.record(
            event_type="thing.done", row=row, actor=system("test"), now=timezone.now(), data=data
        )


def test_the_feed_sends_the_recorded_bytes_in_order(api):
    _record(row=api.institution, count=5, data={"note": "Zürich"})
    response = api.get("/v1/events", {"limit": 100})
    rows = Event.objects.filter(institution=api.institution).order_by("sequence")
    assert b",".join(bytes(row.body) for row in rows) in response.content
    feed = response.json()
    assert [event["sequence"] for event in feed["data"]] == list(range(1, rows.count() + 1))
    assert (feed["has_more"], feed["next_after"]) == (False, rows.count())
    one = rows.latest("sequence")
    assert api.get(f"/v1/events/{one.public_id}").content == bytes(one.body)


def test_the_feed_goes_on_after_a_sequence(api):
    _record(row=api.institution, count=5)
    seen, after, more = [], 0, True
    while more:
        page = api.get("/v1/events", {"after": after, "limit": 2}).json()
        seen += [event["sequence"] for event in page["data"]]
        after, more = page["next_after"], page["has_more"]
    assert seen == list(range(1, len(seen) + 1))
    assert api.get("/v1/events", {"after": after}).json()["data"] == []


@pytest.mark.parametrize("query", [{"after": -1}, {"after": "x"}, {"limit": 0}, {"after": 2**63}])
def test_a_place_that_cannot_be_is_refused(api, query):
    assert api.get("/v1/events", query).status_code == 400


def test_an_event_names_its_request(api):
    response = api.post("/v1/webhook-endpoints", {"url": "https://hooks.example.com/in"})
    event = Event.objects.get(type="webhook_endpoint.created")
    assert json.loads(bytes(event.body))["request_id"] == response["X-Request-Id"]
    assert event.actor == f"api_key:{api.issued.row.public_id}"


@pytest.mark.parametrize("change", ["UPDATE core_event SET type = 'x'", "DELETE FROM core_event"])
def test_the_database_refuses_to_change_the_log(institution, change):
    _record(row=institution)
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(savepoint=True),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)


def test_a_whole_log_has_no_flaw_and_a_changed_one_is_found(institution):
    _record(row=institution, count=4)
    assert list(audit.flaws()) == []
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE core_event DISABLE TRIGGER core_event_append_only")
        cursor.execute(
            "UPDATE core_event SET body = body || ' '::bytea WHERE sequence = 3"
            " AND institution_id = %s",
            [institution.pk],
        )
        assert [(flaw.sequence, flaw.what) for flaw in audit.flaws()] == [(3, "changed")]
        cursor.execute("DELETE FROM core_event WHERE sequence = 2")
        assert (2, "missing") in [(flaw.sequence, flaw.what) for flaw in audit.flaws()]
        cursor.execute("ALTER TABLE core_event ENABLE TRIGGER core_event_append_only")


@pytest.mark.django_db(transaction=True)
def test_eight_writers_leave_no_gap_and_a_poller_misses_nothing():
    bank = make_institution()
    api = make_client(bank)
    start = Event.objects.count()
    stop = threading.Event()
    seen: list[int] = []

    def write():
        for _ in range(25):
            with transaction.atomic(durable=True):
                bank.refresh_from_db()
                events.record(
                    event_type="thing.done", row=bank, actor=system("test"), now=timezone.now()
                )
        connection.close()

    def poll():
        after = start
        while True:
            finished = stop.is_set()
            page = api.get("/v1/events", {"after": after, "limit": 100}).json()
            seen.extend(event["sequence"] for event in page["data"])
            after = page["next_after"]
            if finished and not page["data"]:
                break
        connection.close()

    poller = threading.Thread(target=poll)
    writers = [threading.Thread(target=write) for _ in range(8)]
    for thread in (poller, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    poller.join()
    assert seen == list(range(start + 1, start + 201))
    assert list(audit.flaws()) == []
    assert EventStream.objects.get(institution=bank).last_sequence == start + 200

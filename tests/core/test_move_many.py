"""move_many() and record_many(): one statement for many rows, and not one guarantee less."""

import json
import threading
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core import events
from core.actors import system
from core.errors import StateConflict
from core.models import Event, EventStream, Institution, WebhookDelivery, WebhookEndpoint
from core.transitions import Transition, move, move_many

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEST = system("test")
TABLE = {
    "ACTIVE": frozenset({"SUSPENDED", "CLOSED"}),
    "SUSPENDED": frozenset({"ACTIVE", "CLOSED"}),
    "CLOSED": frozenset(),
}


def _institutions(count):
    return [
        Institution.objects.create(name=f"Bank {number}", country="CH", created_at=NOW)
        for number in range(count)
    ]


def _endpoint(institution, **changes):
    fields = {
        "institution": institution,
        "url": "https://example.com/hook",
        "event_types": ["*"],
        "api_version": events.API_VERSION,
        "created_at": NOW,
    }
    return WebhookEndpoint.objects.create(**fields | changes)


def _close_all(rows, **changes):
    with transaction.atomic(durable=True):
        move_many(
            [Transition(row=row, to="CLOSED", data={"why": "x"}, changes=changes) for row in rows],
            table=TABLE,
            actor=TEST,
            now=NOW,
        )


def _shape(event):
    """An event's bytes and columns with the one thing that differs between two runs blanked."""
    public_id = event.public_id.encode()
    return (
        bytes(event.body).replace(public_id, b"evt"),
        event.institution_id,
        event.sequence,
        event.type,
        event.object_type,
        event.object_id,
        event.actor,
        event.request_id,
        event.created_at,
        [delivery.state for delivery in event.deliveries.order_by("endpoint_id")],
        [delivery.next_attempt_at for delivery in event.deliveries.order_by("endpoint_id")],
    )


def _require_chained(stream):
    before = b""
    recorded = list(Event.objects.filter(stream=stream).order_by("sequence"))
    for number, event in enumerate(recorded, start=1):
        assert event.sequence == number
        expected = events.chain_hash(before, actor=event.actor, body=bytes(event.body))
        assert bytes(event.hash) == expected
        before = expected
    assert (stream.last_sequence, bytes(stream.last_hash)) == (len(recorded), before)


@pytest.mark.django_db
def test_many_moves_leave_the_rows_and_the_bytes_that_as_many_single_moves_leave():
    rows = _institutions(3)
    _endpoint(rows[0])
    _endpoint(rows[0], status="DISABLED")
    _endpoint(rows[1], event_types=["order.completed"])
    _endpoint(rows[2], status="DELETED")
    left = []
    for form in ("single", "bulk"):
        sheet = transaction.savepoint()
        fresh = list(Institution.objects.order_by("pk"))
        if form == "single":
            for row in fresh:
                move(
                    row,
                    to="CLOSED",
                    table=TABLE,
                    actor=TEST,
                    now=NOW,
                    data={"why": "x"},
                    country="LI",
                )
        else:
            move_many(
                [
                    Transition(row=r, to="CLOSED", data={"why": "x"}, changes={"country": "LI"})
                    for r in fresh
                ],
                table=TABLE,
                actor=TEST,
                now=NOW,
            )
        shapes = [_shape(event) for event in Event.objects.order_by("institution_id")]
        left.append((list(Institution.objects.order_by("pk").values()), shapes))
        assert [(row.status, row.version, row.country) for row in fresh] == [
            ("CLOSED", 2, "LI")
        ] * 3
        transaction.savepoint_rollback(sheet)
    single, bulk = left
    assert bulk == single
    assert [len(shape[9]) for shape in single[1]] == [2, 0, 0]


@pytest.mark.django_db
def test_events_of_one_stream_keep_the_order_of_the_batch_and_one_unbroken_chain():
    (institution,) = _institutions(1)
    with transaction.atomic(durable=True):
        said = [
            events.Happening(event_type=f"thing.step_{n}", row=institution, data={"n": n})
            for n in range(50)
        ]
        events.record_many(said, actor=TEST, now=NOW)
        events.record(event_type="thing.last", row=institution, actor=TEST, now=NOW)
    stream = EventStream.objects.get(institution=institution)
    _require_chained(stream)
    bodies = [json.loads(bytes(event.body)) for event in Event.objects.order_by("sequence")]
    assert [body["type"] for body in bodies] == [f"thing.step_{n}" for n in range(50)] + [
        "thing.last"
    ]
    assert [body["sequence"] for body in bodies] == list(range(1, 52))


@pytest.mark.django_db
def test_a_batch_costs_as_many_statements_as_one_move():
    rows = _institutions(63)
    EventStream.objects.bulk_create([EventStream(institution=row) for row in rows])
    counts = []
    for batch in (rows[:3], rows[3:]):
        with CaptureQueriesContext(
            connection,
        ) as made:
            _close_all(batch)
        counts.append(len(made))
    assert counts[0] == counts[1]


@pytest.mark.django_db
@pytest.mark.parametrize("moved", ["by status", "by version"], ids=["status", "version"])
def test_one_row_that_another_process_moved_first_stops_the_whole_batch(moved):
    rows = _institutions(4)
    if moved == "by status":
        Institution.objects.filter(pk=rows[2].pk).update(status="SUSPENDED")
    else:
        Institution.objects.filter(pk=rows[2].pk).update(version=2)
    with pytest.raises(StateConflict, match=rows[2].public_id):
        _close_all(rows)
    assert not Institution.objects.filter(status="CLOSED").exists()
    assert Event.objects.count() == 0
    assert [row.status for row in rows] == ["ACTIVE"] * 4


@pytest.mark.django_db
def test_one_unlawful_move_stops_the_whole_batch_before_anything_is_written():
    rows = _institutions(3)
    _close_all([rows[1]])
    with pytest.raises(StateConflict, match=rows[1].public_id):
        _close_all(rows)
    assert Institution.objects.filter(status="ACTIVE").count() == 2
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_a_row_named_twice_is_a_programming_error():
    (row,) = _institutions(1)
    with pytest.raises(ValueError, match="once"):
        _close_all([row, row])


@pytest.mark.django_db
def test_rows_of_one_batch_may_go_different_ways():
    first, second = _institutions(2)
    with transaction.atomic(durable=True):
        move_many(
            [
                Transition(row=first, to="CLOSED", changes={"name": "gone"}),
                Transition(row=second, to="SUSPENDED", event_type="institution.paused"),
            ],
            table=TABLE,
            actor=TEST,
            now=NOW,
        )
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.name, second.status, second.name) == (
        "CLOSED",
        "gone",
        "SUSPENDED",
        "Bank 1",
    )
    assert set(Event.objects.values_list("type", flat=True)) == {
        "institution.closed",
        "institution.paused",
    }


@pytest.mark.django_db
def test_a_text_too_long_for_its_column_is_refused_and_not_cut():
    (row,) = _institutions(1)
    with pytest.raises(Exception, match="too long"):
        _close_all([row], name="x" * 500)


@pytest.mark.django_db(transaction=True)
def test_many_moves_without_a_transaction_are_a_programming_error():
    with pytest.raises(RuntimeError):
        move_many([], table=TABLE, actor=TEST, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_racing_batches_over_the_same_rows_in_any_order_neither_deadlock_nor_share_a_row():
    ids = [row.pk for row in _institutions(12)]
    start, outcomes = threading.Barrier(6), []

    def race(number):
        rows = {row.pk: row for row in Institution.objects.filter(pk__in=ids)}
        mine = [rows[pk] for pk in (ids if number % 2 else reversed(ids))]
        start.wait()
        try:
            _close_all(mine)
            outcomes.append("won")
        except StateConflict:
            outcomes.append("lost")
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 5 + ["won"]
    assert Event.objects.count() == len(ids)


@pytest.mark.django_db(transaction=True)
def test_racing_batches_over_shared_streams_keep_every_chain_whole():
    rows = _institutions(5)
    start, failures = threading.Barrier(6), []

    def race(number):
        start.wait()
        try:
            for turn in range(10):
                mine = rows if (number + turn) % 2 else rows[::-1]
                with transaction.atomic(durable=True):
                    said = [events.Happening(event_type="thing.done", row=row) for row in mine]
                    events.record_many(said, actor=TEST, now=NOW)
        except Exception as failure:
            failures.append(failure)
            raise
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Event.objects.count() == 6 * 10 * len(rows)
    for stream in EventStream.objects.all():
        _require_chained(stream)


@pytest.mark.django_db
def test_no_delivery_is_made_for_an_endpoint_of_another_institution():
    ours, other = _institutions(2)
    _endpoint(ours)
    _close_all([ours, other])
    assert [each.event.institution_id for each in WebhookDelivery.objects.all()] == [ours.pk]

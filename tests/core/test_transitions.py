"""move(): one winner, one event, and no way around the table."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from core.actors import system
from core.errors import StateConflict
from core.models import Event, Institution
from core.transitions import move

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TABLE = {
    "ACTIVE": frozenset({"SUSPENDED", "CLOSED"}),
    "SUSPENDED": frozenset({"ACTIVE", "CLOSED"}),
    "CLOSED": frozenset(),
}


def _institution():
    return Institution.objects.create(name="Alpine Bank", country="CH", created_at=NOW)


def _move(row, to):
    with transaction.atomic(durable=True):
        return move(row, to=to, table=TABLE, actor=system("test"), now=NOW)


@pytest.mark.django_db
def test_a_lawful_move_changes_the_status_and_records_one_event():
    row = _move(_institution(), "SUSPENDED")
    row.refresh_from_db()
    assert (row.status, row.version) == ("SUSPENDED", 2)
    event = Event.objects.get(object_id=row.pk)
    assert event.type == "institution.suspended"
    assert event.sequence == 1


@pytest.mark.django_db
def test_a_move_outside_the_table_changes_nothing():
    row = _move(_institution(), "CLOSED")
    with pytest.raises(StateConflict):
        _move(row, "ACTIVE")
    row.refresh_from_db()
    assert row.status == "CLOSED"
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_move_without_a_transaction_is_a_programming_error():
    with pytest.raises(RuntimeError):
        move(_institution(), to="CLOSED", table=TABLE, actor=system("test"), now=NOW)


@pytest.mark.django_db(transaction=True)
def test_of_eight_racing_moves_one_wins_and_one_event_stands():
    pk = _institution().pk
    start = threading.Barrier(8)
    outcomes = []

    def race():
        row = Institution.objects.get(pk=pk)
        start.wait()
        try:
            _move(row, "SUSPENDED")
            outcomes.append("won")
        except StateConflict:
            outcomes.append("lost")
        finally:
            connection.close()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost"] * 7 + ["won"]
    assert Event.objects.filter(object_id=pk).count() == 1

"""Breakers halt new work; one person or a process halts, two people let it pass again."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core import breakers, services
from core.actors import operator, system
from core.errors import HaltActive, SameActor, StateConflict
from core.models import Breaker, Event

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAME = "issuance.signing"
ANNA, BEN = operator(1), operator(2)


def _halt(actor=ANNA, reason="drill", now=NOW):
    return services.halt(name=NAME, reason=reason, actor=actor, now=now)


def _propose(actor=ANNA, now=NOW):
    return services.propose_reset(name=NAME, reason="done", actor=actor, now=now)


def _approve(actor=BEN, now=NOW):
    return services.approve_reset(name=NAME, actor=actor, now=now)


def _is_halted() -> bool:
    return Breaker.objects.get(name=NAME).status == "OPEN"


def _types() -> list[str]:
    return list(Event.objects.order_by("sequence").values_list("type", flat=True))


def _told(event_type: str) -> dict[str, str]:
    told: dict[str, str]
    told = json.loads(bytes(Event.objects.get(type=event_type).body))["data"]["object"]
    return told


def test_an_unknown_name_is_closed():
    breakers.require_closed(NAME, "other")


def test_an_open_breaker_refuses_and_is_recorded_once():
    _halt()
    _halt(BEN)
    with pytest.raises(HaltActive) as refusal:
        breakers.require_closed("other", NAME)
    assert (refusal.value.status, refusal.value.code) == (503, "halt_active")
    assert _types() == ["breaker.opened"]
    assert Breaker.objects.get().opened_by == str(ANNA)


def test_one_proposes_and_another_approves():
    _halt()
    _propose()
    assert _is_halted()
    _approve()
    breakers.require_closed(NAME)
    assert _types() == ["breaker.opened", "breaker.reset_proposed", "breaker.closed"]
    closed = _told("breaker.closed")
    assert (closed["proposed_by"], closed["approved_by"]) == (str(ANNA), str(BEN))
    assert closed["reason"] == "done"


@pytest.mark.parametrize("opener", [ANNA, system("follower")], ids=["a person", "a process"])
def test_nobody_is_both_of_the_two(opener):
    _halt(opener)
    _propose(ANNA)
    with pytest.raises(SameActor):
        _approve(ANNA)
    assert _is_halted()


def test_approving_what_nobody_proposed_is_refused():
    _halt()
    with pytest.raises(StateConflict):
        _approve()
    assert _is_halted()


def test_a_process_is_neither_of_the_two():
    _halt()
    with pytest.raises(StateConflict):
        _propose(system("follower"))
    _propose()
    with pytest.raises(StateConflict):
        _approve(system("follower"))
    assert _is_halted()


def test_a_proposal_is_worth_nothing_after_a_day():
    _halt()
    _propose()
    with pytest.raises(StateConflict):
        _approve(now=NOW + timedelta(hours=24))
    assert _is_halted()
    _propose(now=NOW + timedelta(hours=24))
    _approve(now=NOW + timedelta(hours=47))
    assert not _is_halted()


def test_a_live_proposal_is_not_written_over():
    _halt()
    _propose(ANNA)
    with pytest.raises(StateConflict):
        _propose(BEN)
    assert Breaker.objects.get().reset_proposed_by == str(ANNA)


def test_a_withdrawn_proposal_cannot_be_approved():
    _halt()
    _propose()
    services.withdraw_reset(name=NAME, reason="too early", actor=ANNA, now=NOW)
    with pytest.raises(StateConflict):
        _approve()
    with pytest.raises(StateConflict):
        services.withdraw_reset(name=NAME, reason="again", actor=ANNA, now=NOW)
    assert _types()[-1] == "breaker.reset_withdrawn"


def test_a_new_cause_voids_the_proposal_and_the_first_reason_stays():
    _halt()
    _propose()
    _halt(system("follower"), reason="supply above custody")
    with pytest.raises(StateConflict):
        _approve()
    assert Breaker.objects.get().reason == "drill"
    voided = _told("breaker.reset_voided")
    assert (voided["reason"], voided["proposed_by"]) == ("supply above custody", str(ANNA))


def test_opening_again_begins_without_the_old_proposal():
    _halt()
    _propose()
    _approve()
    _halt()
    with pytest.raises(StateConflict):
        _approve()
    assert _is_halted()


def test_both_steps_at_once_still_name_two_people():
    _halt()
    _propose(BEN)
    with pytest.raises(SameActor):
        services.reset(name=NAME, reason="ok", proposed_by=ANNA, approved_by=ANNA, now=NOW)
    services.reset(name=NAME, reason="ok", proposed_by=ANNA, approved_by=BEN, now=NOW)
    assert not _is_halted()
    row = Breaker.objects.get()
    assert (row.reset_proposed_by, row.reset_approved_by) == (str(ANNA), str(BEN))


@pytest.mark.parametrize(
    "columns",
    [
        {"reset_proposed_by": "operator:1", "reset_approved_by": "operator:1"},
        {"reset_proposed_by": "operator:1", "reset_approved_by": "system:sweep"},
        {"reset_proposed_by": "system:sweep", "reset_approved_by": "operator:1"},
        {"status": "CLOSED"},
        {"status": "CLOSED", "reset_proposed_by": "operator:1"},
    ],
    ids=["one person twice", "a process agrees", "a process asks", "nobody", "one person"],
)
def test_the_database_refuses_a_reset_without_two_people(columns):
    _halt()
    with pytest.raises(IntegrityError), transaction.atomic(savepoint=True):
        Breaker.objects.filter(name=NAME).update(**columns)


def _notices(institution) -> list[str]:
    rows = Event.objects.filter(institution=institution, type__startswith="halt.")
    return list(rows.order_by("sequence").values_list("type", flat=True))


def test_institutions_hear_once_that_work_is_halted_and_that_it_passes(institution):
    _halt(reason="supply 7 above custody at 0xabc")
    assert services.announce_halts(now=NOW) == 1
    assert services.announce_halts(now=NOW + timedelta(seconds=5)) == 0
    told = json.loads(bytes(Event.objects.get(type="halt.opened").body))
    assert told["institution_id"] == institution.public_id
    assert told["data"]["object"]["name"] == NAME
    assert told["data"]["object"]["status"] == "open"
    assert "supply" not in json.dumps(told)
    assert str(ANNA) not in json.dumps(told)
    _propose()
    _approve(now=NOW + timedelta(minutes=1))
    services.announce_halts(now=NOW + timedelta(minutes=2))
    services.announce_halts(now=NOW + timedelta(minutes=3))
    assert _notices(institution) == ["halt.opened", "halt.closed"]
    _halt(now=NOW + timedelta(minutes=4))
    services.announce_halts(now=NOW + timedelta(minutes=5))
    assert _notices(institution) == ["halt.opened", "halt.closed", "halt.opened"]


def test_a_teller_whose_clock_is_slow_tells_once_all_the_same(institution):
    _halt()
    services.announce_halts(now=NOW - timedelta(minutes=3))
    services.announce_halts(now=NOW - timedelta(minutes=2))
    assert _notices(institution) == ["halt.opened"]


def test_a_halt_that_was_over_before_anybody_heard_is_not_told(institution):
    _halt()
    _propose()
    _approve()
    assert services.announce_halts(now=NOW) == 0
    assert _notices(institution) == []


def test_old_halts_are_not_told_to_newcomers(institution):
    _halt()
    assert services.announce_halts(now=NOW + timedelta(hours=25)) == 0
    assert _notices(institution) == []


def test_looking_for_halts_reads_no_other_event():
    """Every few seconds, in a log that grows for ever."""
    with CaptureQueriesContext(connection) as asked:
        services.announce_halts(now=NOW)
    (look,) = [each["sql"] for each in asked.captured_queries if "core_event" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {look}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "event_of_breaker" in plan, plan

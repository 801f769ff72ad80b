"""insert_many() and IN over keys: the rows that Django's own forms write and find, no others."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.bulk import array_text, insert_many, update_many
from core.models import Event, EventStream, Institution
from kyc.models import Decision, PolicyVersion
from tests.kyc.rows import NOW, make_approved, make_institution

pytestmark = pytest.mark.django_db
AWKWARD = "a \"quoted\" \\back\\slash, {brace}, 'tick', NULL, %s, ünï\n\tend"


def _decision(investor, **changes):
    columns = {
        "institution_id": investor.institution_id,
        "investor": investor,
        "action": "mint",
        "trigger": "signing",
        "effect": "ALLOW",
        "as_of": NOW,
        "created_at": NOW,
        "policies": ["a" * 64, AWKWARD[:64]],
        "fired": [{"id": "x", "quote": AWKWARD, "at": None}],
        "unknown": [],
        "snapshot": b'\x00\\"{},NULL\xff',
        "snapshot_sha256": "0" * 64,
        "body": AWKWARD.encode(),
        "sha256": "1" * 64,
    }
    return Decision(**columns | changes)


def _columns(row):
    return {each.name: getattr(row, each.attname) for each in type(row)._meta.concrete_fields}


def test_awkward_text_bytes_json_and_arrays_come_back_as_they_went():
    investor = make_approved(make_institution())
    rows = [_decision(investor), _decision(investor, policies=[], unknown=[AWKWARD, "", "NULL"])]
    with transaction.atomic():
        insert_many(rows)
    for row in rows:
        assert _columns(Decision.objects.get(pk=row.pk)) == _columns(row)


def test_json_that_rows_hold_in_common_is_that_of_each_and_of_no_other():
    investor = make_approved(make_institution())
    common = [{"id": "common", "quote": AWKWARD}]
    rows = [
        _decision(investor, fired=common),
        _decision(investor),
        _decision(investor, fired=common),
    ]
    with transaction.atomic():
        insert_many(rows)
    for row in rows:
        assert Decision.objects.get(pk=row.pk).fired == row.fired


def test_keys_that_the_database_draws_are_set_in_the_order_of_the_rows():
    owners = [make_institution() for _ in range(5)]
    EventStream.objects.all().delete()
    rows = [EventStream(institution=each) for each in owners]
    with transaction.atomic():
        insert_many(rows)
    stored = dict(EventStream.objects.values_list("pk", "institution_id"))
    assert stored == {row.pk: row.institution_id for row in rows}
    assert [row.pk for row in rows] == sorted(row.pk for row in rows)
    assert not any(row._state.adding for row in rows)


def test_rows_of_which_only_some_have_a_key_are_refused():
    rows = [EventStream(pk=900_001), EventStream(institution=make_institution())]
    with transaction.atomic(), pytest.raises(TypeError, match="drawn by the database"):
        insert_many(rows)


def test_a_text_that_is_too_long_is_refused_and_not_cut():
    row = Institution(name="x" * 1_000, country="CH", created_at=NOW)
    with pytest.raises(DataError), transaction.atomic():
        insert_many([row])
    assert not Institution.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("model", "column", "number"),
    [
        pytest.param(PolicyVersion, "number", 2**32 + 5, id="four bytes, beyond them"),
        pytest.param(PolicyVersion, "number", 2**31, id="four bytes, one too many"),
        pytest.param(PolicyVersion, "number", -(2**32) + 5, id="four bytes, below them"),
        pytest.param(EventStream, "last_sequence", 2**64 + 5, id="eight bytes, beyond them"),
        pytest.param(EventStream, "last_sequence", -(2**63) - 1, id="eight bytes, below them"),
        pytest.param(Event, "stream_id", 2**63, id="a reference"),
    ],
)
def test_an_integer_that_its_column_does_not_hold_is_refused_and_not_cut(model, column, number):
    with transaction.atomic(), pytest.raises(DataError, match=f"{column}: integer out of range"):
        insert_many([model(**{column: each}) for each in (1, number)])


def test_the_widest_integers_of_a_column_come_back_as_they_went():
    rows = [
        PolicyVersion(sha256=f"{each:064}", name="x", number=each, body=b"", registered_at=NOW)
        for each in (0, 2**31 - 1)
    ]
    with transaction.atomic():
        insert_many(rows)
    stored = PolicyVersion.objects.filter(pk__in=[each.pk for each in rows])
    assert set(stored.values_list("number", flat=True)) == {0, 2**31 - 1}


def test_a_row_that_a_constraint_forbids_takes_the_whole_batch_with_it():
    investor = make_approved(make_institution())
    rows = [_decision(investor), _decision(investor, effect="PERHAPS")]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_many(rows)
    assert not Decision.objects.filter(pk__in=[row.pk for row in rows]).exists()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param("text", ["", AWKWARD, None, "NULL", "null"], id="text"),
        pytest.param("bytea", [b"", b"\\x00", b'"\x00', None], id="bytes"),
        pytest.param("numeric", [Decimal(10**37), Decimal(-1), None], id="numeric"),
        pytest.param("bigint", [2**62, -1, None], id="integer"),
        pytest.param("boolean", [True, False, None], id="boolean"),
        pytest.param("uuid", [uuid.UUID(int=5), None], id="uuid"),
        pytest.param(
            "timestamptz", [datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), None], id="time"
        ),
        pytest.param("date", [NOW.date(), None], id="date"),
    ],
)
def test_an_array_as_text_is_the_array(kind, values):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT each FROM unnest(%s::{kind}[]) AS given (each)", [array_text(values)]
        )
        assert [row[0] for row in cursor.fetchall()] == values


def test_in_finds_by_keys_and_by_references_what_it_names_and_nothing_else():
    rows = [make_institution() for _ in range(3)]
    named: list[Any] = [rows[0].pk, rows[2].pk, None, rows[0].pk]
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = set(Institution.objects.filter(pk__in=named))
    assert found == {rows[0], rows[2]}
    assert "ANY" in asked.captured_queries[0]["sql"]
    events = Event.objects.filter(institution__in=[rows[1]])
    assert set(Event.objects.filter(stream__institution__in=rows)) >= set(events)
    left = Institution.objects.exclude(pk__in=[rows[0].pk]).filter(pk__in=[row.pk for row in rows])
    assert set(left) == {rows[1], rows[2]}


def test_in_of_nothing_finds_nothing_and_of_a_query_stays_a_query():
    row = make_institution()
    assert not Institution.objects.filter(pk__in=[]).exists()
    inner = Institution.objects.filter(pk=row.pk).values("pk")
    assert Institution.objects.get(pk__in=inner) == row


def test_an_update_writes_the_named_columns_of_each_row_and_no_others():
    rows = [make_institution() for _ in range(3)]
    untouched = make_institution()
    for number, row in enumerate(rows):
        row.name = f"{AWKWARD} {number}"
        row.country = "ZZ"
    update_many(rows, names=["name"])
    for row in rows:
        kept = Institution.objects.get(pk=row.pk)
        assert kept.name == row.name
        assert kept.country != "ZZ"
    assert Institution.objects.get(pk=untouched.pk).name == untouched.name


def test_an_update_of_nothing_asks_nothing():
    with CaptureQueriesContext(connection) as asked:
        update_many([], names=["name"])
    assert not asked.captured_queries


def test_an_update_of_a_column_of_arrays_is_refused():
    with pytest.raises(TypeError, match="policies"):
        update_many([Decision()], names=["policies"])

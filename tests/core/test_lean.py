"""unsaved() and read_many(): the rows that Django's own forms make and read, no others."""

from decimal import Decimal

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.bulk import insert_many
from core.lean import read_many, unsaved
from core.models import EventStream, Institution
from issuance.models import TokenLog
from kyc.models import Wallet
from tests.kyc.rows import make_institution

pytestmark = pytest.mark.django_db


def _columns(row):
    return {each.attname: getattr(row, each.attname) for each in type(row)._meta.concrete_fields}


def test_a_row_made_of_its_columns_is_the_one_that_the_model_would_have_made():
    institution = make_institution()
    columns = {"institution_id": institution.pk, "last_sequence": 7, "last_hash": b"\x01"}
    made = unsaved(EventStream, {"id": None, **columns})
    assert _columns(made) == _columns(EventStream(**columns))
    assert made._state.adding
    assert made.institution == institution
    made.save()
    assert _columns(EventStream.objects.get(pk=made.pk)) == _columns(made)


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"id": None, "institution_id": None, "last_sequence": 0}, id="one missing"),
        pytest.param(
            {"id": None, "institution": None, "last_sequence": 0, "last_hash": b""},
            id="a relation by its name",
        ),
        pytest.param(
            {"id": None, "institution_id": 1, "last_sequence": 0, "last_hash": b"", "x": 1},
            id="one too many",
        ),
    ],
)
def test_a_row_is_not_made_of_other_columns_than_its_own(columns):
    with pytest.raises(TypeError):
        unsaved(EventStream, columns)


def test_rows_read_in_part_know_their_columns_and_ask_for_any_other_once():
    institution = make_institution()
    with CaptureQueriesContext(connection) as asked:
        (row,) = read_many(Institution.objects.filter(pk=institution.pk), ("id", "name"))
        assert (row, row.name) == (institution, institution.name)
    assert len(asked) == 1
    with CaptureQueriesContext(connection) as asked:
        assert [row.country, row.country] == [institution.country] * 2
    assert len(asked) == 1
    assert not row._state.adding
    row.name = "Another"
    row.save()
    institution.refresh_from_db()
    assert institution.name == "Another"


def test_rows_are_not_read_without_their_key():
    with pytest.raises(TypeError):
        read_many(Wallet.objects.all(), ("address",))


def test_what_is_no_number_enters_no_column_of_numbers():
    row = TokenLog(block=1, log_index=1, kind="X", onchain_id=Decimal("NaN"))
    with pytest.raises(DataError, match="no number"), transaction.atomic():
        insert_many([row])

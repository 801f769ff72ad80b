"""What was recorded cannot be emptied away: every such table refuses TRUNCATE too."""

import pytest
from django.db import DatabaseError, connection, transaction

TABLES = ("core_event", "kyc_fact", "kyc_decision", "custody_ledgertransfer", "custody_message")


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
def test_a_table_of_records_refuses_to_be_emptied(table):
    with connection.cursor() as cursor:
        # The test run switches these triggers off so that committing tests can tidy up.
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass"
            " AND tgtype & 32 <> 0 AND NOT tgisinternal",
            [table],
        )
        (name,) = (row[0] for row in cursor.fetchall())
        cursor.execute(f'ALTER TABLE {table} ENABLE TRIGGER "{name}"')
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(savepoint=True),
        ):
            cursor.execute(f"TRUNCATE {table} CASCADE")

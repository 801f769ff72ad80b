"""Postings by the statement instead of by the row; the SQL stands in custody/sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("custody", "0005_post_many")]
    operations = [
        migrations.RunSQL(
            (SQL / "ledger_sets.sql").read_text(), (SQL / "ledger_sets_undo.sql").read_text()
        ),
    ]

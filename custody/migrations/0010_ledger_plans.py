"""A batch of postings plans its own statements anew, and no longer every check below them."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("custody", "0009_reversed_once")]
    operations = [
        migrations.RunSQL(
            (SQL / "ledger_plans.sql").read_text(), (SQL / "ledger_plans_undo.sql").read_text()
        )
    ]

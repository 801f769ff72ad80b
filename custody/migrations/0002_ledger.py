"""The ledger's function and triggers, and the guards on evidence; the SQL stands in custody/sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("custody", "0001_initial")]
    operations = [
        migrations.RunSQL(
            (SQL / "ledger.sql").read_text(), (SQL / "ledger_undo.sql").read_text()
        ),
        migrations.RunSQL(
            (SQL / "evidence.sql").read_text(), (SQL / "evidence_undo.sql").read_text()
        ),
    ]

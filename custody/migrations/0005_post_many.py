"""Many postings in one statement; the SQL stands in custody/sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("custody", "0004_moves")]
    operations = [
        migrations.RunSQL(
            (SQL / "ledger_batch.sql").read_text(), (SQL / "ledger_batch_undo.sql").read_text()
        ),
    ]

"""A transfer is reversed once: its index went with the plain one on the same column, and is back."""

from django.db import migrations

# The model has named it all along: removing the plain index of a column takes a partial unique one with it.
FORWARD = """
CREATE UNIQUE INDEX IF NOT EXISTS ledger_reversed_once
    ON custody_ledgertransfer (reverses_id) WHERE reverses_id IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("custody", "0008_lean_transfers")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]

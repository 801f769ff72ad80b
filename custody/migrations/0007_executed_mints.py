"""The route of a mint that the chain has carried out already, see custody/sql/executed_mints.sql."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("custody", "0006_ledger_sets")]
    operations = [
        migrations.AlterField(
            model_name="ledgertransfer",
            name="kind",
            field=models.CharField(
                choices=[
                    ("SETTLE", "Settle"),
                    ("RESERVE", "Reserve"),
                    ("UNRESERVE", "Unreserve"),
                    ("BACK", "Back"),
                    ("BACK_EXECUTED", "Back Executed"),
                    ("FAIL_MINT", "Fail Mint"),
                    ("RELEASE_BURN", "Release Burn"),
                    ("MOVE", "Move"),
                    ("START_DELIVERY", "Start Delivery"),
                    ("CANCEL_DELIVERY", "Cancel Delivery"),
                    ("DELIVER", "Deliver"),
                    ("RESTRICT", "Restrict"),
                    ("UNRESTRICT", "Unrestrict"),
                    ("ADJUST", "Adjust"),
                    ("REVERSE", "Reverse"),
                ],
                max_length=16,
            ),
        ),
        migrations.RunSQL(
            (SQL / "executed_mints.sql").read_text(), (SQL / "executed_mints_undo.sql").read_text()
        ),
    ]

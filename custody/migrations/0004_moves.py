"""The route of a move between chains, see custody/sql/moves.sql."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("custody", "0003_chain_cap")]
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
        migrations.RunSQL((SQL / "moves.sql").read_text(), (SQL / "moves_undo.sql").read_text()),
    ]

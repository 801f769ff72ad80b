"""One index by effect instead of two, and ciphertext, which no compression shortens, is stored as it is."""

from django.db import migrations, models

FORWARD = """
ALTER TABLE kyc_decision
    ALTER COLUMN snapshot SET STORAGE EXTERNAL, ALTER COLUMN body SET STORAGE EXTERNAL;
"""
BACKWARD = """
ALTER TABLE kyc_decision
    ALTER COLUMN snapshot SET STORAGE EXTENDED, ALTER COLUMN body SET STORAGE EXTENDED;
"""


class Migration(migrations.Migration):
    dependencies = [("kyc", "0002_append_only")]
    operations = [
        migrations.AlterField(
            model_name="decision", name="effect", field=models.CharField(max_length=10)
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["effect"], name="decision_by_effect"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

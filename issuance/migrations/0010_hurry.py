"""A person may want a dearer form of a stuck call before its time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issuance", "0009_nodes")]
    operations = [
        migrations.AddField(
            model_name="chaintransaction",
            name="hurry_asked_at",
            field=models.DateTimeField(null=True),
        ),
    ]

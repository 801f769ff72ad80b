"""Only the legs of moves stand in the index that keeps them unique: other orders never conflict there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issuance", "0015_looks_at_few")]
    operations = [
        migrations.RemoveConstraint(model_name="order", name="order_leg_once"),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(
                name="order_leg_once",
                fields=["move", "type", "custody_account"],
                condition=models.Q(move__isnull=False),
            ),
        ),
    ]

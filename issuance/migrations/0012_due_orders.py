"""Due orders are claimed by status, type and token: the index leads with them."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("issuance", "0011_troubles")]
    operations = [
        migrations.RemoveIndex(model_name="order", name="order_due"),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                name="order_due",
                fields=["status", "type", "token", "next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
            ),
        ),
    ]

"""Looks that are taken all the time read the few orders they ask for, not all that wait."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("issuance", "0014_audits_may_fail")]
    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                name="order_unsigned",
                fields=["token", "onchain_id"],
                condition=Q(status__in=["QUEUED", "AWAITING_APPROVAL"]),
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                name="order_again",
                fields=["token", "type"],
                include=["quantity"],
                condition=Q(status__in=["QUEUED", "AWAITING_APPROVAL"], requeues__gt=0),
            ),
        ),
    ]

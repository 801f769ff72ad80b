"""An event refers to a row that its writer holds locked: no check of that at commit, and no index of it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0004_lean_events")]
    operations = [
        migrations.AlterField(
            model_name="event",
            name="stream",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="core.eventstream",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="institution",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="core.institution",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                name="event_of_breaker",
                fields=["created_at"],
                condition=models.Q(type__in=["breaker.opened", "breaker.closed"]),
            ),
        ),
    ]

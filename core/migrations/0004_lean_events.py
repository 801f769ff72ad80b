"""An event's stream is looked up by the constraint that leads with it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0003_two_person_reset")]
    operations = [
        migrations.AlterField(
            model_name="event",
            name="stream",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="core.eventstream",
            ),
        ),
    ]

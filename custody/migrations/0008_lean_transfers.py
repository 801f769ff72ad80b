"""A transfer is found by the unique constraints that lead with its accounts and its original."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("custody", "0007_executed_mints")]
    operations = [
        migrations.AlterField(
            model_name="ledgertransfer",
            name="source",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="outgoing",
                to="custody.ledgeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="ledgertransfer",
            name="destination",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="incoming",
                to="custody.ledgeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="ledgertransfer",
            name="reverses",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="custody.ledgertransfer",
            ),
        ),
    ]

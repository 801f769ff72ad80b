"""What moves often is cheap to move: no index that nobody asks, and room for the next version of a row."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

# A change of no indexed column, such as a claim or a hash, then stays on its page and writes no index.
FORWARD = """
ALTER TABLE issuance_order SET (fillfactor = 50);
ALTER TABLE issuance_chaintransactionorder SET (fillfactor = 50);
"""
BACKWARD = """
ALTER TABLE issuance_order RESET (fillfactor);
ALTER TABLE issuance_chaintransactionorder RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("issuance", "0012_due_orders")]
    operations = [
        migrations.AlterField(
            model_name="order",
            name="institution",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="core.institution",
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="token",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="issuance.token",
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="custody_account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="custody.custodyaccount",
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="decision",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="kyc.decision",
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="move",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="legs",
                to="issuance.move",
            ),
        ),
        migrations.AlterField(
            model_name="chaintransactionorder",
            name="chain_transaction",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="order_bindings",
                to="issuance.chaintransaction",
            ),
        ),
        migrations.AlterField(
            model_name="tokenlog",
            name="token",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="logs",
                to="issuance.token",
            ),
        ),
        migrations.AlterField(
            model_name="holding",
            name="token",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holdings",
                to="issuance.token",
            ),
        ),
        migrations.AlterField(
            model_name="holding",
            name="log",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="issuance.tokenlog",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                name="order_completed",
                fields=["token", "type"],
                include=["quantity"],
                condition=Q(status="COMPLETED"),
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

"""What the watch saw last: nodes, networks and gas accounts; and what a final transaction paid."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issuance", "0008_read_logs_by_transaction")]
    operations = [
        migrations.AddField(
            model_name="chaintransaction",
            name="gas_price_wei",
            field=models.BigIntegerField(null=True),
        ),
        migrations.CreateModel(
            name="NodeScore",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("network", models.CharField(max_length=40)),
                ("label", models.CharField(max_length=60, unique=True)),
                ("state", models.CharField(max_length=16)),
                ("head", models.BigIntegerField()),
                ("lag_blocks", models.BigIntegerField()),
                ("error_rate", models.FloatField()),
                ("latency_ms", models.PositiveIntegerField()),
                ("last_error", models.CharField(blank=True, max_length=40)),
                ("seen_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="NetworkLook",
            fields=[
                ("network", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("finalized", models.BigIntegerField(null=True)),
                ("finalized_at", models.DateTimeField(null=True)),
                ("clock_skew_seconds", models.IntegerField(null=True)),
                ("gas_spent_wei", models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ("alarm", models.CharField(blank=True, max_length=40)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("waits", models.BooleanField(default=False)),
                ("seen_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="GasAccount",
            fields=[
                ("signer", models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name="gas_account", serialize=False, to="issuance.signer")),
                ("balance_wei", models.DecimalField(decimal_places=0, max_digits=38)),
                ("is_empty", models.BooleanField(default=False)),
                ("seen_at", models.DateTimeField()),
            ],
        ),
    ]

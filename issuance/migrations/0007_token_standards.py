"""Tokens of another standard than our own, and two meanings of one log."""

import core.units
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("issuance", "0006_holds"),
    ]

    operations = [
        migrations.AddField(
            model_name="token",
            name="standard",
            field=models.CharField(
                choices=[("SHAREMINT", "Sharemint"), ("ERC3643", "Erc3643")],
                default="SHAREMINT",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="token",
            name="redemption_wallet",
            field=models.CharField(blank=True, default="", max_length=42),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="token",
            name="opening_units",
            field=core.units.UnitsField(default=0),
        ),
        migrations.AddField(
            model_name="token",
            name="opening_block",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="token",
            name="watched",
            field=models.JSONField(default=dict),
        ),
        migrations.AddConstraint(
            model_name="token",
            constraint=models.CheckConstraint(
                name="token_standard_known",
                condition=Q(standard__in=["SHAREMINT", "ERC3643"]),
            ),
        ),
        migrations.AddConstraint(
            model_name="token",
            constraint=models.CheckConstraint(
                name="token_redemption_wallet_fits",
                condition=Q(standard="SHAREMINT", redemption_wallet="", opening_units=0)
                | (Q(standard="ERC3643") & ~Q(redemption_wallet="")),
            ),
        ),
        migrations.AddConstraint(
            model_name="token",
            constraint=models.CheckConstraint(
                name="token_opening_units_valid", condition=Q(opening_units__gte=0)
            ),
        ),
        migrations.RemoveConstraint(model_name="tokenlog", name="token_log_once"),
        migrations.AddConstraint(
            model_name="tokenlog",
            constraint=models.UniqueConstraint(
                name="token_log_once", fields=["token", "block_hash", "log_index", "kind"]
            ),
        ),
    ]

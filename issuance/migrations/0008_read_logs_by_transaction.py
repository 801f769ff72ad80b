"""Events are asked for by transaction, when a receipt must agree, and by block, when read again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issuance", "0007_token_standards")]
    operations = [
        migrations.AddIndex(
            model_name="tokenlog",
            index=models.Index(fields=["tx_hash", "token"], name="token_log_by_transaction"),
        ),
        migrations.AddIndex(
            model_name="tokenlog",
            index=models.Index(fields=["token", "block"], name="token_log_by_block"),
        ),
    ]

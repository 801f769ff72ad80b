"""A check of the books that fails is work that fails, and kept where people see it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issuance", "0013_lean_orders")]
    operations = [
        migrations.AlterField(
            model_name="trouble",
            name="work",
            field=models.CharField(
                choices=[
                    ("recover", "Recover"),
                    ("register", "Register"),
                    ("hold", "Hold"),
                    ("attest", "Attest"),
                    ("assign", "Assign"),
                    ("advance", "Advance"),
                    ("check", "Check"),
                    ("conclude", "Conclude"),
                    ("watch", "Watch"),
                    ("look", "Look"),
                    ("follow", "Follow"),
                    ("audit", "Audit"),
                ],
                max_length=20,
            ),
        ),
    ]

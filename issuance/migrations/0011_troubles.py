"""Work of the pipeline that fails is kept where people see it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issuance", "0010_hurry")]
    operations = [
        migrations.CreateModel(
            name="Trouble",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "work",
                    models.CharField(
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
                        ],
                        max_length=20,
                    ),
                ),
                ("network", models.CharField(max_length=40)),
                ("subject", models.CharField(blank=True, max_length=20)),
                ("code", models.CharField(max_length=60)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("ours", models.BooleanField(default=False)),
                ("times", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        name="trouble_once", fields=("work", "network", "subject")
                    )
                ],
            },
        ),
    ]

import core.crypto
import core.ids
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0002_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True)),
                ("network", models.CharField(max_length=43)),
                ("country", models.CharField(blank=True, max_length=2)),
                ("database_built_at", models.DateTimeField(null=True)),
                ("method", models.CharField(max_length=8)),
                ("path", models.CharField(max_length=200)),
                ("code", models.CharField(max_length=40)),
                ("request_id", models.CharField(blank=True, max_length=128)),
            ],
        ),
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60)),
                ("number", models.PositiveIntegerField()),
                ("body", models.BinaryField()),
                ("registered_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("onboard", "Onboard"),
                            ("register_wallet", "Register Wallet"),
                            ("mint", "Mint"),
                            ("deposit", "Deposit"),
                            ("redeem", "Redeem"),
                            ("deliver", "Deliver"),
                            ("session", "Session"),
                        ],
                        max_length=20,
                    ),
                ),
                ("trigger", models.CharField(max_length=40)),
                ("effect", models.CharField(db_index=True, max_length=10)),
                ("as_of", models.DateTimeField()),
                (
                    "policies",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), size=None
                    ),
                ),
                ("fired", models.JSONField()),
                (
                    "unknown",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), size=None
                    ),
                ),
                ("snapshot", core.crypto.EncryptedBinary()),
                ("snapshot_sha256", models.CharField(max_length=64)),
                ("body", core.crypto.EncryptedBinary()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="core.institution"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "effect__in",
                                ["ALLOW", "CONDITIONS", "REVIEW", "EXIT_ONLY", "DENY", "FREEZE"],
                            )
                        ),
                        name="decision_effect_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Investor",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("external_id", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[("NATURAL", "Natural"), ("ENTITY", "Entity")], max_length=8
                    ),
                ),
                ("legal_name", core.crypto.EncryptedTextField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("DRAFT", "Draft"),
                            ("SUBMITTED", "Submitted"),
                            ("IN_REVIEW", "In Review"),
                            ("APPROVED", "Approved"),
                            ("REJECTED", "Rejected"),
                            ("EXIT_ONLY", "Exit Only"),
                            ("SUSPENDED", "Suspended"),
                            ("FROZEN", "Frozen"),
                            ("CLOSED", "Closed"),
                        ],
                        db_index=True,
                        default="DRAFT",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("submitted_at", models.DateTimeField(null=True)),
                ("proposed_by", models.CharField(blank=True, max_length=80)),
                ("proposed_at", models.DateTimeField(null=True)),
                ("approved_by", models.CharField(blank=True, max_length=80)),
                ("approved_at", models.DateTimeField(null=True)),
                ("kyc_expires_at", models.DateTimeField(null=True)),
                (
                    "decision",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="kyc.decision",
                    ),
                ),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="investors",
                        to="core.institution",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("institution", "external_id"), name="investor_external_id_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "DRAFT",
                                    "SUBMITTED",
                                    "IN_REVIEW",
                                    "APPROVED",
                                    "REJECTED",
                                    "EXIT_ONLY",
                                    "SUSPENDED",
                                    "FROZEN",
                                    "CLOSED",
                                ],
                            )
                        ),
                        name="investor_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["NATURAL", "ENTITY"])),
                        name="investor_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by", ""),
                            models.Q(("approved_by", models.F("proposed_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="investor_maker_is_not_checker",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "APPROVED"), _negated=True),
                            models.Q(
                                models.Q(("proposed_by", ""), _negated=True),
                                models.Q(("approved_by", ""), _negated=True),
                                ("approved_at__isnull", False),
                                ("kyc_expires_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="investor_approved_by_two",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Fact",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("value", core.crypto.EncryptedTextField()),
                ("source", models.CharField(max_length=40)),
                ("recorded_by", models.CharField(max_length=80)),
                ("recorded_at", models.DateTimeField()),
                ("valid_from", models.DateTimeField()),
                ("valid_to", models.DateTimeField(null=True)),
                (
                    "supersedes",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="kyc.fact",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="facts",
                        to="kyc.investor",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["investor", "name"], name="fact_by_investor")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_to__isnull", True),
                            ("valid_to__gt", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="fact_valid_forwards",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("kind", models.CharField(max_length=40)),
                ("issuing_country", models.CharField(max_length=6)),
                ("expires_on", models.DateField(null=True)),
                ("sha256", models.CharField(max_length=64)),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="kyc.investor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("investor", "sha256"), name="document_once")
                ],
            },
        ),
        migrations.AddField(
            model_name="decision",
            name="investor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="kyc.investor",
            ),
        ),
        migrations.CreateModel(
            name="Check",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("provider", models.CharField(max_length=40)),
                ("external_id", models.CharField(max_length=100)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("PENDING", "Pending"),
                            ("PASSED", "Passed"),
                            ("REVIEW", "Review"),
                            ("FAILED", "Failed"),
                        ],
                        default="PENDING",
                        max_length=8,
                    ),
                ),
                ("reason_code", models.CharField(blank=True, max_length=60)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checks",
                        to="kyc.investor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "external_id"), name="check_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["PENDING", "PASSED", "REVIEW", "FAILED"])
                        ),
                        name="check_status_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Override",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("rule", models.CharField(max_length=60)),
                (
                    "kind",
                    models.CharField(
                        choices=[("REVIEWED", "Reviewed"), ("EXEMPTION", "Exemption")], max_length=9
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("PROPOSED", "Proposed"),
                            ("ACTIVE", "Active"),
                            ("REVOKED", "Revoked"),
                        ],
                        default="PROPOSED",
                        max_length=8,
                    ),
                ),
                ("evidence", models.JSONField(default=dict)),
                ("facts_sha256", models.CharField(blank=True, max_length=64)),
                ("reason", models.CharField(max_length=300)),
                ("valid_from", models.DateTimeField()),
                ("valid_to", models.DateTimeField()),
                ("proposed_by", models.CharField(max_length=80)),
                ("approved_by", models.CharField(blank=True, max_length=80)),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overrides",
                        to="kyc.investor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by", ""),
                            models.Q(("approved_by", models.F("proposed_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="override_maker_is_not_checker",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "ACTIVE"), _negated=True),
                            models.Q(
                                models.Q(("approved_by", ""), _negated=True),
                                models.Q(("proposed_by", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="override_active_by_two",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("valid_to__gt", models.F("valid_from"))),
                        name="override_valid_forwards",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Owner",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("name", core.crypto.EncryptedTextField()),
                ("kind", models.CharField(max_length=8)),
                ("country", models.CharField(max_length=6)),
                ("nationality", models.CharField(blank=True, max_length=2)),
                ("share_bps", models.PositiveIntegerField()),
                ("controls", models.BooleanField(default=False)),
                ("source", models.CharField(max_length=40)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="owners",
                        to="kyc.investor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("share_bps__lte", 10000)),
                        name="owner_share_at_most_whole",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Wallet",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("network", models.CharField(max_length=40)),
                ("address", models.CharField(max_length=42)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("CLAIMED", "Claimed"),
                            ("CHALLENGED", "Challenged"),
                            ("PROVED", "Proved"),
                            ("REVOKED", "Revoked"),
                        ],
                        default="CLAIMED",
                        max_length=10,
                    ),
                ),
                ("proved_at", models.DateTimeField(null=True)),
                ("usable_at", models.DateTimeField(null=True)),
                (
                    "decision",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="kyc.decision",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="wallets",
                        to="kyc.investor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["CLAIMED", "CHALLENGED", "PROVED", "REVOKED"])
                        ),
                        name="wallet_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "PROVED"), _negated=True),
                            models.Q(("proved_at__isnull", False), ("usable_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="wallet_proved_has_times",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "REVOKED"), _negated=True),
                        fields=("investor", "network", "address"),
                        name="wallet_once_per_investor",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "PROVED")),
                        fields=("network", "address"),
                        name="wallet_proved_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WalletChallenge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("nonce", models.CharField(max_length=32, unique=True)),
                ("message", models.TextField()),
                ("issued_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="challenges",
                        to="kyc.wallet",
                    ),
                ),
            ],
        ),
    ]

"""Recovery after lost commits, blocks and reorganisations, holdings after each event."""

import core.ids
import core.units
import django.db.models.deletion
from django.db import migrations, models


MARK = """(SELECT system_identifier::text FROM pg_control_system())
    || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"""
FORWARD = f"""
CREATE TRIGGER issuance_reorg_stays BEFORE UPDATE OR DELETE ON issuance_reorg
    FOR EACH ROW EXECUTE FUNCTION issuance_refuse_change();
CREATE TRIGGER issuance_holding_stays BEFORE UPDATE OR DELETE ON issuance_holding
    FOR EACH ROW EXECUTE FUNCTION issuance_refuse_change();
CREATE TRIGGER issuance_fence_stays BEFORE UPDATE OR DELETE ON issuance_fence
    FOR EACH ROW EXECUTE FUNCTION issuance_refuse_change();
CREATE TRIGGER issuance_vanishedlog_stays BEFORE DELETE ON issuance_vanishedlog
    FOR EACH ROW EXECUTE FUNCTION issuance_refuse_change();
INSERT INTO issuance_networkgate (id, version, created_at, network, status, mark)
    SELECT gen_random_uuid(), 1, now(), network, 'OPERATING', {MARK}
    FROM (SELECT network FROM issuance_signer UNION SELECT network FROM issuance_token) AS known;
"""
BACKWARD = """
DROP TRIGGER issuance_reorg_stays ON issuance_reorg;
DROP TRIGGER issuance_holding_stays ON issuance_holding;
DROP TRIGGER issuance_fence_stays ON issuance_fence;
DROP TRIGGER issuance_vanishedlog_stays ON issuance_vanishedlog;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("issuance", "0003_lanes_and_cancels"),
    ]

    operations = [
        migrations.CreateModel(
            name="NetworkGate",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("network", models.CharField(max_length=40, unique=True)),
                (
                    "status",
                    models.CharField(
                        choices=[("OPERATING", "Operating"), ("RECOVERING", "Recovering")],
                        default="OPERATING",
                        max_length=16,
                    ),
                ),
                ("mark", models.CharField(max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name="Recovery",
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
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("FAILOVER", "Failover"),
                            ("NONCE", "Nonce"),
                            ("ORDER_ID", "Order Id"),
                            ("OPERATOR", "Operator"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(max_length=400)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("BEGUN", "Begun"),
                            ("FENCED", "Fenced"),
                            ("ASKING", "Asking"),
                            ("DONE", "Done"),
                        ],
                        default="BEGUN",
                        max_length=16,
                    ),
                ),
                ("round", models.PositiveIntegerField(default=1)),
                ("horizon_block", models.BigIntegerField(null=True)),
                ("asked_through", models.UUIDField(null=True)),
                ("orders_found", models.PositiveIntegerField(default=0)),
                ("last_note", models.CharField(blank=True, max_length=200)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Reorg",
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
                ("depth", models.PositiveIntegerField()),
                ("first_block", models.BigIntegerField()),
                ("old_hash", models.CharField(max_length=66)),
                ("new_hash", models.CharField(max_length=66)),
                ("below_finality", models.BooleanField(default=False)),
                ("transactions", models.JSONField(default=list)),
            ],
        ),
        migrations.CreateModel(
            name="Rewind",
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
                ("block", models.BigIntegerField()),
                ("reason", models.CharField(max_length=400)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("PROPOSED", "Proposed"),
                            ("APPLIED", "Applied"),
                            ("WITHDRAWN", "Withdrawn"),
                        ],
                        default="PROPOSED",
                        max_length=16,
                    ),
                ),
                ("proposed_by", models.CharField(max_length=80)),
                ("decided_by", models.CharField(blank=True, max_length=80)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="VanishedLog",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seen_at", models.DateTimeField()),
                ("back_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="chaincursor",
            name="block_time",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="chaintransaction",
            name="disagreed_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="holder",
            name="lost_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="tokenlog",
            name="details",
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name="tokenlog",
            name="kind",
            field=models.CharField(max_length=40),
        ),
        migrations.CreateModel(
            name="Announcement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("kinds", models.JSONField()),
                ("reason", models.CharField(max_length=400)),
                ("announced_by", models.CharField(max_length=80)),
                ("until", models.DateTimeField()),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="announcements",
                        to="issuance.token",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BlockHead",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("network", models.CharField(max_length=40)),
                ("number", models.BigIntegerField()),
                ("hash", models.CharField(max_length=66)),
                ("parent_hash", models.CharField(max_length=66)),
                ("block_time", models.DateTimeField()),
                ("final", models.BooleanField(default=False)),
                ("seen_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("network", "number"), name="block_head_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Fence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("round", models.PositiveIntegerField()),
                ("first_nonce", models.BigIntegerField()),
                ("last_nonce", models.BigIntegerField()),
                ("raised_at", models.DateTimeField()),
                (
                    "signer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fences",
                        to="issuance.signer",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Holding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.CharField(max_length=42)),
                ("block", models.BigIntegerField()),
                ("block_time", models.DateTimeField()),
                ("log_index", models.PositiveIntegerField()),
                ("balance", core.units.UnitsField()),
                ("frozen_amount", core.units.UnitsField(default=0)),
                ("frozen", models.BooleanField(default=False)),
                ("escrowed", core.units.UnitsField(default=0)),
                (
                    "log",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="issuance.tokenlog",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holdings",
                        to="issuance.token",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="networkgate",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["OPERATING", "RECOVERING"])),
                name="network_gate_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "DONE"), _negated=True),
                fields=("network",),
                name="recovery_open_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["BEGUN", "FENCED", "ASKING", "DONE"])),
                name="recovery_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.CheckConstraint(
                condition=models.Q(("cause__in", ["FAILOVER", "NONCE", "ORDER_ID", "OPERATOR"])),
                name="recovery_cause_known",
            ),
        ),
        migrations.AddField(
            model_name="fence",
            name="recovery",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="issuance.recovery",
            ),
        ),
        migrations.AddIndex(
            model_name="reorg",
            index=models.Index(fields=["network", "-id"], name="reorg_by_network"),
        ),
        migrations.AddConstraint(
            model_name="rewind",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "PROPOSED")),
                fields=("network",),
                name="rewind_open_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="rewind",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["PROPOSED", "APPLIED", "WITHDRAWN"])),
                name="rewind_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="rewind",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "APPLIED"), _negated=True),
                    models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="rewind_applied_by_another",
            ),
        ),
        migrations.AddField(
            model_name="vanishedlog",
            name="log",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="vanished",
                to="issuance.tokenlog",
            ),
        ),
        migrations.AddIndex(
            model_name="announcement",
            index=models.Index(fields=["token", "-until"], name="announcement_by_token"),
        ),
        migrations.AddIndex(
            model_name="holding",
            index=models.Index(
                fields=["token", "account", "-block", "-log_index"], name="holding_by_account"
            ),
        ),
        migrations.AddConstraint(
            model_name="holding",
            constraint=models.UniqueConstraint(fields=("log", "account"), name="holding_once"),
        ),
        migrations.AddConstraint(
            model_name="fence",
            constraint=models.UniqueConstraint(
                fields=("recovery", "round", "signer"), name="fence_once"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]

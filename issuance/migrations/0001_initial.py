import core.ids
import core.units
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0002_append_only"),
        ("custody", "0002_ledger"),
        ("kyc", "0002_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="Signer",
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
                ("chain_id", models.BigIntegerField()),
                ("address", models.CharField(max_length=42)),
                (
                    "role",
                    models.CharField(
                        choices=[("ISSUER", "Issuer"), ("COMPLIANCE", "Compliance")], max_length=16
                    ),
                ),
                ("next_nonce", models.BigIntegerField(default=0)),
                ("halted", models.BooleanField(default=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chain_id", "address"), name="signer_address_once"
                    ),
                    models.UniqueConstraint(fields=("chain_id", "role"), name="signer_role_once"),
                    models.CheckConstraint(
                        condition=models.Q(("next_nonce__gte", 0)), name="signer_nonce_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["ISSUER", "COMPLIANCE"])),
                        name="signer_role_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Token",
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
                ("chain_id", models.BigIntegerField()),
                ("address", models.CharField(max_length=42)),
                ("symbol", models.CharField(max_length=20)),
                ("name", models.CharField(max_length=80)),
                (
                    "status",
                    models.CharField(
                        choices=[("ACTIVE", "Active"), ("CLOSED", "Closed")],
                        default="ACTIVE",
                        max_length=16,
                    ),
                ),
                ("deployed_block", models.BigIntegerField()),
                ("attestor_address", models.CharField(max_length=42)),
                ("attested_units", core.units.UnitsField(default=0)),
                ("attested_as_of", models.DateTimeField(null=True)),
                ("attestation_age_seconds_max", models.PositiveIntegerField(default=93600)),
                (
                    "custody_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="custody.custodyaccount",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tokens",
                        to="custody.fund",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chain_id", "address"), name="token_address_once"
                    ),
                    models.UniqueConstraint(
                        fields=("fund", "network"), name="token_fund_network_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["ACTIVE", "CLOSED"])),
                        name="token_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("attested_units__gte", 0)),
                        name="token_attested_units_valid",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SupplySnapshot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block", models.BigIntegerField()),
                ("block_hash", models.CharField(max_length=66)),
                ("supply", core.units.UnitsField()),
                ("cap", core.units.UnitsField()),
                ("settled", core.units.UnitsField()),
                ("taken_at", models.DateTimeField()),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="supply_snapshots",
                        to="issuance.token",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["token", "-taken_at"], name="supply_snapshot_by_time")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("token", "block"), name="supply_snapshot_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                (
                    "type",
                    models.CharField(
                        choices=[("MINT", "Mint"), ("REDEEM", "Redeem")], max_length=8
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("AWAITING_APPROVAL", "Awaiting Approval"),
                            ("AWAITING_TOKENS", "Awaiting Tokens"),
                            ("IN_ESCROW", "In Escrow"),
                            ("QUEUED", "Queued"),
                            ("SUBMITTED", "Submitted"),
                            ("INCLUDED", "Included"),
                            ("CHECKING", "Checking"),
                            ("RETURNING", "Returning"),
                            ("COMPLETED", "Completed"),
                            ("REJECTED", "Rejected"),
                            ("CANCELLED", "Cancelled"),
                            ("FAILED", "Failed"),
                        ],
                        max_length=20,
                    ),
                ),
                ("quantity", core.units.UnitsField()),
                ("client_order_id", models.CharField(max_length=64)),
                ("onchain_id", models.BigIntegerField()),
                ("reason_code", models.CharField(blank=True, max_length=64)),
                ("note", models.CharField(blank=True, max_length=400)),
                ("created_by", models.CharField(max_length=80)),
                ("approved_by", models.CharField(blank=True, max_length=80)),
                ("approved_at", models.DateTimeField(null=True)),
                ("requeues", models.PositiveSmallIntegerField(default=0)),
                ("tx_hash", models.CharField(blank=True, max_length=66)),
                ("escrow_tx_hash", models.CharField(blank=True, max_length=66)),
                ("completed_at", models.DateTimeField(null=True)),
                (
                    "custody_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="custody.custodyaccount",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="kyc.decision",
                    ),
                ),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.institution",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="kyc.investor",
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="kyc.wallet",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="issuance.token",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_attempt_at__isnull", False)),
                        fields=["next_attempt_at"],
                        name="order_due",
                    ),
                    models.Index(fields=["institution", "-id"], name="order_by_institution"),
                    models.Index(fields=["status", "id"], name="order_by_status"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("institution", "client_order_id"), name="order_client_id_once"
                    ),
                    models.UniqueConstraint(
                        fields=("token", "onchain_id"), name="order_onchain_id_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="order_quantity_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("onchain_id__gt", 0)), name="order_onchain_id_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "AWAITING_APPROVAL",
                                    "AWAITING_TOKENS",
                                    "IN_ESCROW",
                                    "QUEUED",
                                    "SUBMITTED",
                                    "INCLUDED",
                                    "CHECKING",
                                    "RETURNING",
                                    "COMPLETED",
                                    "REJECTED",
                                    "CANCELLED",
                                    "FAILED",
                                ],
                            )
                        ),
                        name="order_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("type__in", ["MINT", "REDEEM"])),
                        name="order_type_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("approved_by", models.F("created_by")), _negated=True),
                        name="order_approved_by_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "COMPLETED"), _negated=True),
                            models.Q(
                                ("completed_at__isnull", False),
                                models.Q(("tx_hash", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="order_completed_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Holder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("PENDING", "Pending"),
                            ("SUBMITTED", "Submitted"),
                            ("REGISTERED", "Registered"),
                            ("FAILED", "Failed"),
                        ],
                        default="PENDING",
                        max_length=16,
                    ),
                ),
                ("wanted_country", models.PositiveSmallIntegerField()),
                ("wanted_kyc_expires_at", models.DateTimeField()),
                ("wanted_permitted", models.BooleanField(default=True)),
                ("country", models.PositiveSmallIntegerField(null=True)),
                ("kyc_expires_at", models.DateTimeField(null=True)),
                ("permitted", models.BooleanField(null=True)),
                ("registered_at", models.DateTimeField(null=True)),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.institution",
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holders",
                        to="kyc.wallet",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holders",
                        to="issuance.token",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_attempt_at__isnull", False)),
                        fields=["next_attempt_at"],
                        name="holder_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("token", "wallet"), name="holder_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["PENDING", "SUBMITTED", "REGISTERED", "FAILED"])
                        ),
                        name="holder_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "REGISTERED"), _negated=True),
                            ("registered_at__isnull", False),
                            _connector="OR",
                        ),
                        name="holder_registered_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChainTransaction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("MINT", "Mint"),
                            ("BURN", "Burn"),
                            ("CANCEL_REDEEM", "Cancel Redeem"),
                            ("REGISTER", "Register"),
                            ("ATTEST", "Attest"),
                            ("FILL", "Fill"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("ASSIGNED", "Assigned"),
                            ("SENT", "Sent"),
                            ("INCLUDED", "Included"),
                            ("FINAL_OK", "Final Ok"),
                            ("FINAL_REVERTED", "Final Reverted"),
                            ("DEAD", "Dead"),
                        ],
                        default="ASSIGNED",
                        max_length=16,
                    ),
                ),
                ("nonce", models.BigIntegerField()),
                ("to_address", models.CharField(max_length=42)),
                ("calldata", models.BinaryField()),
                ("gas_limit", models.BigIntegerField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("included_at", models.DateTimeField(null=True)),
                ("final_at", models.DateTimeField(null=True)),
                ("include_hash", models.CharField(blank=True, max_length=66)),
                ("include_block", models.BigIntegerField(null=True)),
                ("include_block_hash", models.CharField(blank=True, max_length=66)),
                ("gone_since", models.DateTimeField(null=True)),
                ("gas_used", models.BigIntegerField(null=True)),
                ("last_note", models.CharField(blank=True, max_length=200)),
                (
                    "attestation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="custody.attestation",
                    ),
                ),
                (
                    "signer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transactions",
                        to="issuance.signer",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transactions",
                        to="issuance.token",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_attempt_at__isnull", False)),
                        fields=["next_attempt_at"],
                        name="chain_transaction_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("signer", "nonce"), name="chain_transaction_nonce_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("nonce__gte", 0)), name="chain_transaction_nonce_valid"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "ASSIGNED",
                                    "SENT",
                                    "INCLUDED",
                                    "FINAL_OK",
                                    "FINAL_REVERTED",
                                    "DEAD",
                                ],
                            )
                        ),
                        name="chain_transaction_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                ["MINT", "BURN", "CANCEL_REDEEM", "REGISTER", "ATTEST", "FILL"],
                            )
                        ),
                        name="chain_transaction_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status__in", ["INCLUDED", "FINAL_OK", "FINAL_REVERTED"]),
                                _negated=True,
                            ),
                            models.Q(
                                ("include_block__isnull", False),
                                models.Q(("include_hash", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="chain_transaction_included_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "ATTEST"), _negated=True),
                            ("attestation__isnull", False),
                            _connector="OR",
                        ),
                        name="chain_transaction_attests",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChainCursor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block", models.BigIntegerField()),
                ("block_hash", models.CharField(blank=True, max_length=66)),
                ("moved_at", models.DateTimeField()),
                (
                    "token",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cursor",
                        to="issuance.token",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TokenLog",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("block", models.BigIntegerField()),
                ("block_hash", models.CharField(max_length=66)),
                ("tx_hash", models.CharField(max_length=66)),
                ("log_index", models.PositiveIntegerField()),
                ("kind", models.CharField(max_length=24)),
                ("onchain_id", models.DecimalField(decimal_places=0, max_digits=20, null=True)),
                ("account", models.CharField(blank=True, max_length=42)),
                ("quantity", core.units.UnitsField(default=0)),
                (
                    "order",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="logs",
                        to="issuance.order",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="logs",
                        to="issuance.token",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["token", "onchain_id", "kind"], name="token_log_by_order")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("token", "block_hash", "log_index"), name="token_log_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence", models.PositiveSmallIntegerField()),
                ("tx_hash", models.CharField(max_length=66, unique=True)),
                ("raw", models.BinaryField()),
                ("max_fee_wei", models.BigIntegerField()),
                ("tip_wei", models.BigIntegerField()),
                ("created_at", models.DateTimeField()),
                ("sent_count", models.PositiveIntegerField(default=0)),
                ("last_sent_at", models.DateTimeField(null=True)),
                ("last_answer", models.CharField(blank=True, max_length=200)),
                (
                    "chain_transaction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts_signed",
                        to="issuance.chaintransaction",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chain_transaction", "sequence"), name="attempt_sequence_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("max_fee_wei__gte", models.F("tip_wei")), ("tip_wei__gte", 0)
                        ),
                        name="attempt_fees_valid",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChainTransactionHolder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("index", models.PositiveSmallIntegerField()),
                ("live", models.BooleanField(default=True)),
                ("country", models.PositiveSmallIntegerField()),
                ("kyc_expires_at", models.DateTimeField()),
                ("permitted", models.BooleanField()),
                (
                    "chain_transaction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holder_bindings",
                        to="issuance.chaintransaction",
                    ),
                ),
                (
                    "holder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bindings",
                        to="issuance.holder",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("live", True)),
                        fields=("holder",),
                        name="holder_bound_once",
                    ),
                    models.UniqueConstraint(
                        fields=("chain_transaction", "index"), name="holder_binding_index_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChainTransactionOrder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("index", models.PositiveSmallIntegerField()),
                ("live", models.BooleanField(default=True)),
                ("outcome", models.CharField(blank=True, max_length=16)),
                (
                    "chain_transaction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="order_bindings",
                        to="issuance.chaintransaction",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bindings",
                        to="issuance.order",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("live", True)),
                        fields=("order",),
                        name="order_bound_once",
                    ),
                    models.UniqueConstraint(
                        fields=("chain_transaction", "index"), name="order_binding_index_once"
                    ),
                ],
            },
        ),
    ]

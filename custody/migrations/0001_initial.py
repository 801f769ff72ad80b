import core.crypto
import core.ids
import core.units
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("core", "0001_initial"),
        ("kyc", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Custodian",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("code", models.CharField(max_length=16, unique=True)),
                ("name", models.CharField(max_length=120)),
                (
                    "kind",
                    models.CharField(
                        choices=[("BROKER", "Broker"), ("BANK", "Bank"), ("CSD", "Csd")],
                        max_length=8,
                    ),
                ),
                ("lei", models.CharField(blank=True, max_length=20)),
                ("attestor_address", models.CharField(blank=True, max_length=42)),
                ("files_cursor", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["BROKER", "BANK", "CSD"])),
                        name="custodian_kind_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CustodyAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("label", models.CharField(max_length=60)),
                ("number", core.crypto.EncryptedTextField()),
                ("salt", models.BinaryField(max_length=32)),
                ("commitment", models.BinaryField(max_length=32, unique=True)),
                (
                    "segregation",
                    models.CharField(
                        choices=[("FUND", "Fund"), ("ISSUER", "Issuer"), ("OMNIBUS", "Omnibus")],
                        max_length=8,
                    ),
                ),
                ("nominee", models.CharField(blank=True, max_length=120)),
                ("control_agreement", models.BooleanField(default=False)),
                ("foreign_lien", models.BooleanField(default=False)),
                ("lending_allowed", models.BooleanField(default=False)),
                ("margin_allowed", models.BooleanField(default=False)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "custodian",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="custody.custodian",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("custodian", "label"), name="custody_account_label"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Fund",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("symbol", models.CharField(max_length=16, unique=True)),
                ("name", models.CharField(max_length=120)),
                ("sponsor", models.CharField(max_length=80)),
                ("domicile", models.CharField(default="US", max_length=2)),
                ("currency", models.CharField(default="USD", max_length=3)),
                ("fee_bps", models.PositiveSmallIntegerField()),
                ("quantity_step", core.units.UnitsField(default=1000000000)),
                (
                    "status",
                    models.CharField(
                        choices=[("ACTIVE", "Active"), ("FROZEN", "Frozen"), ("CLOSED", "Closed")],
                        default="ACTIVE",
                        max_length=8,
                    ),
                ),
                ("freeze_reason", models.CharField(blank=True, max_length=200)),
                ("thaw_proposed_by", models.CharField(blank=True, max_length=80)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["ACTIVE", "FROZEN", "CLOSED"])),
                        name="fund_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("quantity_step__gt", 0)), name="fund_step_positive"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Deposit",
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
                ("quantity", core.units.UnitsField()),
                ("settled_quantity", core.units.UnitsField(default=0)),
                ("custodian_reference", models.CharField(blank=True, max_length=64)),
                ("reason_code", models.CharField(blank=True, max_length=40)),
                ("requested_by", models.CharField(max_length=80)),
                ("sent_at", models.DateTimeField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("reference", models.CharField(max_length=64)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("ADVISED", "Advised"),
                            ("MATCHED", "Matched"),
                            ("UNMATCHED", "Unmatched"),
                            ("FAILING", "Failing"),
                            ("PARTIALLY_SETTLED", "Partially Settled"),
                            ("SETTLED", "Settled"),
                            ("REJECTED", "Rejected"),
                            ("CANCELLED", "Cancelled"),
                            ("REVERSED", "Reversed"),
                        ],
                        default="ADVISED",
                        max_length=20,
                    ),
                ),
                (
                    "custody_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="custody.custodyaccount"
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="kyc.decision"
                    ),
                ),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="core.institution"
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="kyc.investor"
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="custody.fund"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_attempt_at__isnull", False)),
                        fields=["next_attempt_at"],
                        name="deposit_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "ADVISED",
                                    "MATCHED",
                                    "UNMATCHED",
                                    "FAILING",
                                    "PARTIALLY_SETTLED",
                                    "SETTLED",
                                    "REJECTED",
                                    "CANCELLED",
                                    "REVERSED",
                                ],
                            )
                        ),
                        name="deposit_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("quantity__gt", 0),
                            ("settled_quantity__gte", 0),
                            ("settled_quantity__lte", models.F("quantity")),
                        ),
                        name="deposit_quantities",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "SETTLED"), _negated=True),
                            models.Q(
                                ("settled_at__isnull", False),
                                ("settled_quantity", models.F("quantity")),
                            ),
                            _connector="OR",
                        ),
                        name="deposit_settled_in_full",
                    ),
                    models.UniqueConstraint(
                        fields=("institution", "reference"), name="deposit_reference_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
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
                ("quantity", core.units.UnitsField()),
                ("settled_quantity", core.units.UnitsField(default=0)),
                ("custodian_reference", models.CharField(blank=True, max_length=64)),
                ("reason_code", models.CharField(blank=True, max_length=40)),
                ("requested_by", models.CharField(max_length=80)),
                ("sent_at", models.DateTimeField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("destination_participant", models.CharField(max_length=16)),
                ("destination_account", core.crypto.EncryptedTextField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("REQUESTED", "Requested"),
                            ("INSTRUCTED", "Instructed"),
                            ("FAILING", "Failing"),
                            ("PARTIALLY_DELIVERED", "Partially Delivered"),
                            ("DELIVERED", "Delivered"),
                            ("REJECTED", "Rejected"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        default="REQUESTED",
                        max_length=20,
                    ),
                ),
                (
                    "custody_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="custody.custodyaccount"
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="kyc.decision"
                    ),
                ),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="core.institution"
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="kyc.investor"
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="custody.fund"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_attempt_at__isnull", False)),
                        fields=["next_attempt_at"],
                        name="delivery_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "REQUESTED",
                                    "INSTRUCTED",
                                    "FAILING",
                                    "PARTIALLY_DELIVERED",
                                    "DELIVERED",
                                    "REJECTED",
                                    "CANCELLED",
                                ],
                            )
                        ),
                        name="delivery_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("quantity__gt", 0),
                            ("settled_quantity__gte", 0),
                            ("settled_quantity__lte", models.F("quantity")),
                        ),
                        name="delivery_quantities",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "DELIVERED"), _negated=True),
                            models.Q(
                                ("settled_at__isnull", False),
                                ("settled_quantity", models.F("quantity")),
                            ),
                            _connector="OR",
                        ),
                        name="delivery_delivered_in_full",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attestation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("token_id", models.UUIDField()),
                ("shares", core.units.UnitsField()),
                ("as_of", models.DateTimeField()),
                ("report", models.TextField()),
                ("report_hash", models.CharField(max_length=66)),
                ("signature", models.CharField(max_length=132)),
                ("signer_address", models.CharField(max_length=42)),
                (
                    "custodian",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="custody.custodian"
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attestations",
                        to="custody.fund",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("token_id", "as_of"), name="attestation_once"),
                    models.CheckConstraint(
                        condition=models.Q(("shares__gte", 0)), name="attestation_shares_positive"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FundIdentifier",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scheme",
                    models.CharField(choices=[("ISIN", "Isin"), ("CUSIP", "Cusip")], max_length=5),
                ),
                ("value", models.CharField(max_length=12)),
                ("valid_from", models.DateField()),
                ("valid_until", models.DateField(null=True)),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identifiers",
                        to="custody.fund",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["scheme", "value"], name="fund_identifier_value")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until", None),
                            ("valid_until__gt", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="fund_identifier_range",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerAccount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "bucket",
                    models.CharField(
                        choices=[
                            ("EXTERNAL", "External"),
                            ("FREE", "Free"),
                            ("RESERVED", "Reserved"),
                            ("BACKING", "Backing"),
                            ("RELEASING", "Releasing"),
                            ("RESTRICTED", "Restricted"),
                            ("SUSPENSE", "Suspense"),
                        ],
                        max_length=10,
                    ),
                ),
                ("owner", models.UUIDField(db_index=True, null=True)),
                ("balance", core.units.UnitsField(default=0)),
                ("seq", models.BigIntegerField(default=0)),
                ("halted", models.BooleanField(default=False)),
                (
                    "custody_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger_accounts",
                        to="custody.custodyaccount",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger_accounts",
                        to="custody.fund",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("fund", "custody_account", "bucket", "owner"),
                        name="ledger_account_once",
                        nulls_distinct=False,
                    ),
                    models.UniqueConstraint(
                        fields=("id", "fund", "custody_account"), name="ledger_account_home"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("balance__gte", 0),
                            ("bucket__in", ["EXTERNAL", "SUSPENSE"]),
                            _connector="OR",
                        ),
                        name="ledger_account_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerTransfer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("idempotency_key", models.CharField(max_length=200)),
                ("group_id", models.UUIDField(null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("SETTLE", "Settle"),
                            ("RESERVE", "Reserve"),
                            ("UNRESERVE", "Unreserve"),
                            ("BACK", "Back"),
                            ("FAIL_MINT", "Fail Mint"),
                            ("RELEASE_BURN", "Release Burn"),
                            ("START_DELIVERY", "Start Delivery"),
                            ("CANCEL_DELIVERY", "Cancel Delivery"),
                            ("DELIVER", "Deliver"),
                            ("RESTRICT", "Restrict"),
                            ("UNRESTRICT", "Unrestrict"),
                            ("ADJUST", "Adjust"),
                            ("REVERSE", "Reverse"),
                        ],
                        max_length=16,
                    ),
                ),
                ("quantity", core.units.UnitsField()),
                ("value_date", models.DateField()),
                ("source_seq", models.BigIntegerField()),
                ("source_after", core.units.UnitsField()),
                ("destination_seq", models.BigIntegerField()),
                ("destination_after", core.units.UnitsField()),
                ("cause", models.CharField(max_length=120)),
                ("made_by", models.CharField(max_length=80)),
                ("approved_by", models.CharField(blank=True, max_length=80)),
                (
                    "custody_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers",
                        to="custody.custodyaccount",
                    ),
                ),
                (
                    "destination",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="incoming",
                        to="custody.ledgeraccount",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers",
                        to="custody.fund",
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="custody.ledgertransfer",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outgoing",
                        to="custody.ledgeraccount",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["cause"], name="ledger_cause")],
                "constraints": [
                    models.UniqueConstraint(fields=("idempotency_key",), name="ledger_key_once"),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="ledger_quantity_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source", models.F("destination")), _negated=True),
                        name="ledger_two_accounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "ADJUST"), _negated=True),
                            models.Q(
                                models.Q(("approved_by", ""), _negated=True),
                                models.Q(("approved_by", models.F("made_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="ledger_four_eyes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "REVERSE"), ("reverses__isnull", False)),
                            models.Q(
                                models.Q(("kind", "REVERSE"), _negated=True), ("reverses", None)
                            ),
                            _connector="OR",
                        ),
                        name="ledger_reversal_names_its_original",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("reverses__isnull", False)),
                        fields=("reverses",),
                        name="ledger_reversed_once",
                    ),
                    models.UniqueConstraint(
                        fields=("source", "source_seq"), name="ledger_source_seq"
                    ),
                    models.UniqueConstraint(
                        fields=("destination", "destination_seq"), name="ledger_destination_seq"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
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
                    "channel",
                    models.CharField(
                        choices=[
                            ("PORTAL", "Portal"),
                            ("COMMAND", "Command"),
                            ("CUSTODIAN", "Custodian"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("STATEMENT", "Statement"),
                            ("CONFIRMATION", "Confirmation"),
                            ("UNREADABLE", "Unreadable"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("IMPORTED", "Imported"), ("REFUSED", "Refused")], max_length=8
                    ),
                ),
                ("reference", models.CharField(blank=True, max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("size_bytes", models.PositiveIntegerField()),
                ("raw", core.crypto.EncryptedBinary()),
                ("error_code", models.CharField(blank=True, max_length=60)),
                ("error_line", models.PositiveIntegerField(null=True)),
                ("received_by", models.CharField(max_length=80)),
                (
                    "custodian",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="custody.custodian",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "IMPORTED")),
                        fields=("custodian", "sha256"),
                        name="custody_message_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "IMPORTED")),
                        fields=("custodian", "reference"),
                        name="custody_message_reference_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Confirmation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("line_number", models.PositiveIntegerField()),
                ("custodian_reference", models.CharField(max_length=64)),
                ("our_reference", models.CharField(max_length=64)),
                ("outcome", models.CharField(max_length=12)),
                ("quantity", core.units.UnitsField()),
                ("isin", models.CharField(max_length=12)),
                ("value_date", models.DateField()),
                ("reason_code", models.CharField(blank=True, max_length=40)),
                (
                    "custodian",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="custody.custodian"
                    ),
                ),
                (
                    "delivery",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="confirmations",
                        to="custody.delivery",
                    ),
                ),
                (
                    "deposit",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="confirmations",
                        to="custody.deposit",
                    ),
                ),
                (
                    "transfer",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="custody.ledgertransfer",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="confirmations",
                        to="custody.message",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("custodian", "custodian_reference", "outcome"),
                        name="confirmation_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Break",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("POSITION_DIFFERS", "Position Differs"),
                            ("UNKNOWN_INSTRUMENT", "Unknown Instrument"),
                            ("UNKNOWN_ACCOUNT", "Unknown Account"),
                            ("UNKNOWN_REFERENCE", "Unknown Reference"),
                            ("REFERENCE_REUSED", "Reference Reused"),
                            ("CONFIRMATION_DIFFERS", "Confirmation Differs"),
                            ("UNEXPECTED_MOVE", "Unexpected Move"),
                            ("FILE_REFUSED", "File Refused"),
                        ],
                        max_length=24,
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[("S0", "S0"), ("S1", "S1"), ("S2", "S2"), ("S3", "S3")],
                        max_length=2,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("OPEN", "Open"),
                            ("PROPOSED", "Proposed"),
                            ("ADJUSTED", "Adjusted"),
                            ("EXPLAINED", "Explained"),
                        ],
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                ("line_number", models.PositiveIntegerField(null=True)),
                ("delta", core.units.UnitsField(default=0)),
                ("subject", models.CharField(blank=True, max_length=200)),
                ("adjust_investor_id", models.UUIDField(null=True)),
                ("proposed_by", models.CharField(blank=True, max_length=80)),
                ("resolution", models.CharField(blank=True, max_length=200)),
                ("resolved_at", models.DateTimeField(null=True)),
                (
                    "custody_account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="custody.custodyaccount",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="custody.fund"
                    ),
                ),
                (
                    "transfer",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="custody.ledgertransfer",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="breaks",
                        to="custody.message",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["OPEN", "PROPOSED", "ADJUSTED", "EXPLAINED"])
                        ),
                        name="break_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "ADJUSTED"), _negated=True),
                            ("transfer__isnull", False),
                            _connector="OR",
                        ),
                        name="break_adjusted_by_transfer",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField()),
                ("reference", models.CharField(max_length=64)),
                ("basis", models.CharField(max_length=4)),
                ("as_of", models.DateTimeField()),
                (
                    "custody_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statements",
                        to="custody.custodyaccount",
                    ),
                ),
                (
                    "message",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statement",
                        to="custody.message",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("basis", "SETT")), name="statement_settled_basis"
                    ),
                    models.UniqueConstraint(
                        fields=("custody_account", "reference"), name="statement_reference_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StatementLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("line_number", models.PositiveIntegerField()),
                ("isin", models.CharField(max_length=12)),
                ("settled", core.units.UnitsField()),
                ("blocked", core.units.UnitsField(default=0)),
                ("ledger_settled", core.units.UnitsField()),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="custody.fund"
                    ),
                ),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="custody.statement",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("statement", "fund"), name="statement_line_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("blocked__gte", 0), ("settled__gte", 0)),
                        name="statement_line_quantities",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("bucket__in", ("EXTERNAL", "RESTRICTED", "SUSPENSE")), ("owner", None)
                    ),
                    models.Q(
                        ("bucket__in", ["FREE", "RESERVED", "RELEASING", "BACKING"]),
                        ("owner__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="ledger_account_owner",
            ),
        ),
    ]

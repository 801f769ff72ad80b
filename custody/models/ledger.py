"""The share ledger: accounts with a balance and the append-only transfers between them.

Rows are written by the SQL functions of custody/sql alone; triggers refuse the rest.
"""

import uuid

from django.db import models
from django.db.models import F, Q

from core.rows import PublicRow
from core.units import UnitsField
from custody.models.accounts import CustodyAccount
from custody.models.funds import Fund
from custody.states import INVESTOR_BUCKETS, OWNERLESS_BUCKETS, Bucket, TransferKind


class LedgerAccount(models.Model):
    """One bucket of one fund at one custody account; ``balance`` in units.

    ``owner`` is an investor for FREE, RESERVED and RELEASING, a token for BACKING, and null for
    the rest. ``seq`` counts the account's transfers without a gap. ``halted`` refuses minting.
    """

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="ledger_accounts")
    custody_account = models.ForeignKey(
        CustodyAccount, on_delete=models.PROTECT, related_name="ledger_accounts"
    )
    bucket = models.CharField(max_length=10, choices=Bucket)
    owner = models.UUIDField(null=True, db_index=True)
    balance = UnitsField(default=0)
    seq = models.BigIntegerField(default=0)
    halted = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="ledger_account_once",
                fields=["fund", "custody_account", "bucket", "owner"],
                nulls_distinct=False,
            ),
            # The target of the transfers' composite foreign keys.
            models.UniqueConstraint(
                name="ledger_account_home", fields=["id", "fund", "custody_account"]
            ),
            models.CheckConstraint(
                name="ledger_account_not_negative",
                condition=Q(balance__gte=0) | Q(bucket__in=[Bucket.EXTERNAL, Bucket.SUSPENSE]),
            ),
            models.CheckConstraint(
                name="ledger_account_owner",
                condition=Q(bucket__in=OWNERLESS_BUCKETS, owner=None)
                | Q(bucket__in=[*INVESTOR_BUCKETS, Bucket.BACKING], owner__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bucket} #{self.pk}"


class LedgerTransfer(PublicRow):
    """One posting: ``quantity`` units from ``source`` to ``destination``, never changed again.

    ``source_seq`` and ``source_after`` are the source's count and balance after the posting,
    likewise for the destination. ``cause`` names what led to it, such as ``order:<uuid>``.
    """

    PREFIX = "trf"
    OBJECT = "ledger_transfer"

    idempotency_key = models.CharField(max_length=200)
    group_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=16, choices=TransferKind)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="transfers")
    custody_account = models.ForeignKey(
        CustodyAccount, on_delete=models.PROTECT, related_name="transfers"
    )
    # Source, destination and original lead a unique constraint each.
    source = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="outgoing", db_index=False
    )
    destination = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="incoming", db_index=False
    )
    quantity = UnitsField()
    value_date = models.DateField()
    source_seq = models.BigIntegerField()
    source_after = UnitsField()
    destination_seq = models.BigIntegerField()
    destination_after = UnitsField()
    reverses = models.ForeignKey("self", null=True, on_delete=models.PROTECT, db_index=False)
    cause = models.CharField(max_length=120)
    made_by = models.CharField(max_length=80)
    approved_by = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="ledger_key_once", fields=["idempotency_key"]),
            models.CheckConstraint(name="ledger_quantity_positive", condition=Q(quantity__gt=0)),
            models.CheckConstraint(
                name="ledger_two_accounts", condition=~Q(source=F("destination"))
            ),
            models.CheckConstraint(
                name="ledger_four_eyes",
                condition=~Q(kind=TransferKind.ADJUST)
                | (~Q(approved_by="") & ~Q(approved_by=F("made_by"))),
            ),
            models.CheckConstraint(
                name="ledger_reversal_names_its_original",
                condition=Q(kind=TransferKind.REVERSE, reverses__isnull=False)
                | (~Q(kind=TransferKind.REVERSE) & Q(reverses=None)),
            ),
            models.UniqueConstraint(
                name="ledger_reversed_once",
                fields=["reverses"],
                condition=Q(reverses__isnull=False),
            ),
            models.UniqueConstraint(name="ledger_source_seq", fields=["source", "source_seq"]),
            models.UniqueConstraint(
                name="ledger_destination_seq", fields=["destination", "destination_seq"]
            ),
        ]
        indexes = [models.Index(fields=["cause"], name="ledger_cause")]

    @property
    def institution_id(self) -> uuid.UUID | None:
        """The ledger is the issuer's."""
        return None

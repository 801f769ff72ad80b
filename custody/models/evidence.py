"""What the custodian vouches for (attestations) and where the books disagree (breaks)."""

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from core.units import UnitsField
from custody.models.accounts import Custodian, CustodyAccount
from custody.models.funds import Fund
from custody.models.ledger import LedgerTransfer
from custody.models.messages import Message
from custody.states import BreakKind, BreakStatus, Severity


class Attestation(PublicRow):
    """A custodian's signed word that ``shares`` units of the fund back one token; append-only.

    ``token_id`` belongs to issuance, which lies above this app, so it is a plain uuid.
    ``signature`` and ``report_hash`` are 0x-hex; ``report`` is the text that was hashed.
    """

    PREFIX = "att"
    OBJECT = "attestation"

    token_id = models.UUIDField()
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="attestations")
    custodian = models.ForeignKey(Custodian, on_delete=models.PROTECT)
    shares = UnitsField()
    as_of = models.DateTimeField()
    report = models.TextField()
    report_hash = models.CharField(max_length=66)
    signature = models.CharField(max_length=132)
    signer_address = models.CharField(max_length=42)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="attestation_once", fields=["token_id", "as_of"]),
            models.CheckConstraint(name="attestation_shares_positive", condition=Q(shares__gte=0)),
        ]

    @property
    def institution_id(self) -> None:
        """Reserves are the issuer's."""
        return None


class ChainCap(models.Model):
    """The attested cap a token's contract holds at finality, in units, as issuance last saw it.

    It is kept here because shares may leave only after the cap has fallen.
    """

    token_id = models.UUIDField(primary_key=True)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="chain_caps")
    units = UnitsField()
    as_of = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="chain_cap_not_negative", condition=Q(units__gte=0)),
        ]

    def __str__(self) -> str:
        return str(self.token_id)


class ChainSupply(models.Model):
    """A token's supply at finality, in units, as issuance last saw it.

    It is kept here because no share may leave that a token stands for, whatever the books say.
    """

    token_id = models.UUIDField(primary_key=True)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="chain_supplies")
    units = UnitsField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="chain_supply_not_negative", condition=Q(units__gte=0)),
        ]

    def __str__(self) -> str:
        return str(self.token_id)


class Break(PublicRow):
    """One difference between two books, open until a person explains or adjusts it.

    ``delta`` is the custodian's units minus ours. ``subject`` holds references and codes only.
    """

    PREFIX = "brk"
    OBJECT = "break"

    kind = models.CharField(max_length=24, choices=BreakKind)
    severity = models.CharField(max_length=2, choices=Severity)
    status = models.CharField(max_length=10, choices=BreakStatus, default=BreakStatus.OPEN)
    fund = models.ForeignKey(Fund, null=True, on_delete=models.PROTECT)
    custody_account = models.ForeignKey(CustodyAccount, null=True, on_delete=models.PROTECT)
    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="breaks")
    line_number = models.PositiveIntegerField(null=True)
    delta = UnitsField(default=0)
    subject = models.CharField(max_length=200, blank=True)
    adjust_investor_id = models.UUIDField(null=True)
    proposed_by = models.CharField(max_length=80, blank=True)
    resolution = models.CharField(max_length=200, blank=True)
    resolved_at = models.DateTimeField(null=True)
    transfer = models.OneToOneField(LedgerTransfer, null=True, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="break_status_known", condition=Q(status__in=BreakStatus.values)
            ),
            models.CheckConstraint(
                name="break_adjusted_by_transfer",
                condition=~Q(status=BreakStatus.ADJUSTED) | Q(transfer__isnull=False),
            ),
        ]

    @property
    def institution_id(self) -> None:
        """Breaks are the issuer's to solve."""
        return None

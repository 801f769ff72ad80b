"""What custodians sent: the raw files, the statements in them and each confirmation applied."""

from django.db import models
from django.db.models import Q

from core.crypto import EncryptedBinary
from core.rows import PublicRow
from core.units import UnitsField
from custody.models.accounts import Custodian, CustodyAccount
from custody.models.funds import Fund
from custody.models.ledger import LedgerTransfer
from custody.models.movements import Delivery, Deposit
from custody.states import MessageChannel, MessageKind, MessageStatus


class Message(PublicRow):
    """One file as it came in, imported whole or refused whole; append-only.

    ``raw`` is ciphertext at rest (it names account numbers), ``sha256`` their hash in hex.
    """

    PREFIX = "msg"
    OBJECT = "custody_message"

    custodian = models.ForeignKey(Custodian, on_delete=models.PROTECT, related_name="messages")
    channel = models.CharField(max_length=9, choices=MessageChannel)
    kind = models.CharField(max_length=12, choices=MessageKind)
    status = models.CharField(max_length=8, choices=MessageStatus)
    reference = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveIntegerField()
    raw = EncryptedBinary()
    error_code = models.CharField(max_length=60, blank=True)
    error_line = models.PositiveIntegerField(null=True)
    received_by = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="custody_message_once",
                fields=["custodian", "sha256"],
                condition=Q(status=MessageStatus.IMPORTED),
            ),
            models.UniqueConstraint(
                name="custody_message_reference_once",
                fields=["custodian", "reference"],
                condition=Q(status=MessageStatus.IMPORTED),
            ),
        ]

    @property
    def institution_id(self) -> None:
        """Custodians write to the issuer."""
        return None


class Statement(PublicRow):
    """A custodian's statement of holdings of one account, on settled basis."""

    PREFIX = "stm"
    OBJECT = "statement"

    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="statement")
    custody_account = models.ForeignKey(
        CustodyAccount, on_delete=models.PROTECT, related_name="statements"
    )
    reference = models.CharField(max_length=64)
    basis = models.CharField(max_length=4)
    as_of = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="statement_settled_basis", condition=Q(basis="SETT")),
            models.UniqueConstraint(
                name="statement_reference_once", fields=["custody_account", "reference"]
            ),
        ]

    @property
    def institution_id(self) -> None:
        """Statements are about the issuer's accounts."""
        return None


class StatementLine(models.Model):
    """One holding on a statement: settled units, and how many of them are blocked."""

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    line_number = models.PositiveIntegerField()
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT)
    isin = models.CharField(max_length=12)
    settled = UnitsField()
    blocked = UnitsField(default=0)
    ledger_settled = UnitsField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="statement_line_once", fields=["statement", "fund"]),
            models.CheckConstraint(
                name="statement_line_quantities", condition=Q(settled__gte=0, blocked__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.isin} line {self.line_number}"


class Confirmation(models.Model):
    """One confirmation line, taken once. ``transfer`` is what it posted, if it moved shares."""

    custodian = models.ForeignKey(Custodian, on_delete=models.PROTECT)
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="confirmations")
    line_number = models.PositiveIntegerField()
    custodian_reference = models.CharField(max_length=64)
    our_reference = models.CharField(max_length=64)
    outcome = models.CharField(max_length=12)
    quantity = UnitsField()
    isin = models.CharField(max_length=12)
    value_date = models.DateField()
    reason_code = models.CharField(max_length=40, blank=True)
    deposit = models.ForeignKey(
        Deposit, null=True, on_delete=models.PROTECT, related_name="confirmations"
    )
    delivery = models.ForeignKey(
        Delivery, null=True, on_delete=models.PROTECT, related_name="confirmations"
    )
    transfer = models.OneToOneField(LedgerTransfer, null=True, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="confirmation_once",
                fields=["custodian", "custodian_reference", "outcome"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.custodian_reference} {self.outcome}"

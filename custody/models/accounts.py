"""Custodians and the accounts they keep for the issuer."""

from django.db import models
from django.db.models import Q

from core.crypto import EncryptedTextField
from core.rows import PublicRow


class Custodian(PublicRow):
    """A bank or broker that holds shares and confirms every movement.

    ``attestor_address`` is the key it signs reserve attestations with. ``files_cursor`` is the
    sequence of the last file taken from it.
    """

    PREFIX = "cust"
    OBJECT = "custodian"

    class Kind(models.TextChoices):
        """What kind of institution it is."""

        BROKER = "BROKER"
        BANK = "BANK"
        CSD = "CSD"

    code = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=Kind)
    lei = models.CharField(max_length=20, blank=True)
    attestor_address = models.CharField(max_length=42, blank=True)
    files_cursor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="custodian_kind_known", condition=Q(kind__in=["BROKER", "BANK", "CSD"])
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def institution_id(self) -> None:
        """Custodians serve the issuer, not an institution."""
        return None


class CustodyAccount(PublicRow):
    """One account at a custodian. Its flags decide whether its shares may back tokens.

    The number is ciphertext at rest; ``commitment`` (SHA-256 of salt and number) can be published and
    opened later.
    """

    PREFIX = "acct"
    OBJECT = "custody_account"

    class Segregation(models.TextChoices):
        """Whose shares may lie in the account."""

        FUND = "FUND"
        ISSUER = "ISSUER"
        OMNIBUS = "OMNIBUS"

    custodian = models.ForeignKey(Custodian, on_delete=models.PROTECT, related_name="accounts")
    label = models.CharField(max_length=60)
    number = EncryptedTextField()
    salt = models.BinaryField(max_length=32)
    commitment = models.BinaryField(max_length=32, unique=True)
    segregation = models.CharField(max_length=8, choices=Segregation)
    nominee = models.CharField(max_length=120, blank=True)
    control_agreement = models.BooleanField(default=False)
    foreign_lien = models.BooleanField(default=False)
    lending_allowed = models.BooleanField(default=False)
    margin_allowed = models.BooleanField(default=False)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="custody_account_label", fields=["custodian", "label"]),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def institution_id(self) -> None:
        """Custody accounts are the issuer's."""
        return None

    @property
    def is_countable(self) -> bool:
        """Whether its shares may back tokens: ours alone, unpledged, not lent out."""
        return (
            self.segregation in {self.Segregation.FUND, self.Segregation.ISSUER}
            and not self.foreign_lien
            and not self.lending_allowed
            and not self.margin_allowed
            and self.closed_at is None
        )

"""Wallets and the challenges by which their owner proves control."""

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from kyc.models.decisions import Decision
from kyc.models.investors import Investor
from kyc.states import WalletStatus


class Wallet(PublicRow):
    """One address on one network, claimed for one investor; ``address`` is EIP-55 checksummed."""

    PREFIX = "wal"
    OBJECT = "wallet"

    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="wallets")
    network = models.CharField(max_length=40)
    address = models.CharField(max_length=42)
    status = models.CharField(max_length=10, choices=WalletStatus, default=WalletStatus.CLAIMED)
    decision = models.ForeignKey(Decision, null=True, on_delete=models.PROTECT, related_name="+")
    proved_at = models.DateTimeField(null=True)
    # Proved plus the cooling-off period: a stolen session cannot redirect value at once.
    usable_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="wallet_status_known", condition=Q(status__in=WalletStatus.values)
            ),
            models.CheckConstraint(
                name="wallet_proved_has_times",
                condition=~Q(status=WalletStatus.PROVED)
                | Q(proved_at__isnull=False, usable_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="wallet_once_per_investor",
                fields=["investor", "network", "address"],
                condition=~Q(status=WalletStatus.REVOKED),
            ),
            # Only a proof takes an address for good: a mere claim must not lock out its owner.
            models.UniqueConstraint(
                name="wallet_proved_once",
                fields=["network", "address"],
                condition=Q(status=WalletStatus.PROVED),
            ),
        ]

    @property
    def institution_id(self) -> object:
        """The tenant this row belongs to."""
        return self.investor.institution_id


class WalletChallenge(models.Model):
    """One ERC-4361 message to sign; valid once and until ``expires_at``."""

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="challenges")
    nonce = models.CharField(max_length=32, unique=True)
    message = models.TextField()
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"challenge for {self.wallet_id}"

"""One fund on one chain: the contract the issuer runs."""

import uuid

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from core.units import UnitsField
from issuance.states import TokenStatus


class Token(PublicRow):
    """A deployed token contract and what the issuer knows of it at finality."""

    PREFIX = "tok"
    OBJECT = "token"

    fund = models.ForeignKey("custody.Fund", on_delete=models.PROTECT, related_name="tokens")
    custody_account = models.ForeignKey(
        "custody.CustodyAccount", on_delete=models.PROTECT, related_name="+"
    )
    network = models.CharField(max_length=40)
    chain_id = models.BigIntegerField()
    address = models.CharField(max_length=42)
    symbol = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    status = models.CharField(max_length=16, choices=TokenStatus, default=TokenStatus.ACTIVE)
    deployed_block = models.BigIntegerField()
    attestor_address = models.CharField(max_length=42)
    # What the contract held at the last finalized look; the contract itself enforces the cap.
    attested_units = UnitsField(default=0)
    attested_as_of = models.DateTimeField(null=True)
    attestation_age_seconds_max = models.PositiveIntegerField(default=93_600)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="token_address_once", fields=["chain_id", "address"]),
            models.UniqueConstraint(name="token_fund_network_once", fields=["fund", "network"]),
            models.CheckConstraint(
                name="token_status_known", condition=Q(status__in=TokenStatus.values)
            ),
            models.CheckConstraint(
                name="token_attested_units_valid", condition=Q(attested_units__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} on {self.network}"

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A token is the issuer's own."""
        return None

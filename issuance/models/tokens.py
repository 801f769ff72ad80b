"""One fund on one chain: the contract the issuer runs."""

import uuid

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from core.units import UnitsField
from issuance.states import TokenStandard, TokenStatus


class Token(PublicRow):
    """A deployed token contract and what the issuer knows of it at finality.

    ``standard`` ERC3643 is an existing token of the issuer's: the contract consumes no order ids and
    holds no attested cap, so exactly-once rests on our own record alone. Such a token came with
    ``opening_units`` in existence at ``opening_block``, whose events up to there are history.
    """

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
    standard = models.CharField(
        max_length=16, choices=TokenStandard, default=TokenStandard.SHAREMINT
    )
    # Where holders of an ERC3643 token send what they redeem; empty for our own.
    redemption_wallet = models.CharField(max_length=42, blank=True)
    opening_units = UnitsField(default=0)
    opening_block = models.BigIntegerField(default=0)
    # What must not change behind our back: owner, registry, compliance, hashes of code.
    watched = models.JSONField(default=dict)
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
                name="token_standard_known", condition=Q(standard__in=TokenStandard.values)
            ),
            models.CheckConstraint(
                name="token_redemption_wallet_fits",
                condition=Q(standard=TokenStandard.SHAREMINT, redemption_wallet="", opening_units=0)
                | (Q(standard=TokenStandard.ERC3643) & ~Q(redemption_wallet="")),
            ),
            models.CheckConstraint(
                name="token_opening_units_valid", condition=Q(opening_units__gte=0)
            ),
            models.CheckConstraint(
                name="token_attested_units_valid", condition=Q(attested_units__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbol} on {self.network}"

    @property
    def exactly_once_on_chain(self) -> bool:
        """Whether the contract itself consumes order ids and refuses a second time."""
        return self.standard == TokenStandard.SHAREMINT

    @property
    def has_attested_cap(self) -> bool:
        """Whether the contract itself bounds its supply by a custodian's signed figure."""
        return self.standard == TokenStandard.SHAREMINT

    def is_lowered_by(self, units: int) -> bool:
        """Whether an attestation of ``units`` only lowers the cap: then no halt stops it."""
        return self.has_attested_cap and units < self.attested_units

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A token is the issuer's own."""
        return None

"""Hot keys by address, each with the only counter of its nonces."""

import uuid

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from issuance.states import SignerRole


class Signer(PublicRow):
    """One key on one chain. Its row lock is the nonce lock; the key itself lives elsewhere."""

    PREFIX = "sgn"
    OBJECT = "signer"

    network = models.CharField(max_length=40)
    chain_id = models.BigIntegerField()
    address = models.CharField(max_length=42)
    role = models.CharField(max_length=16, choices=SignerRole)
    next_nonce = models.BigIntegerField(default=0)
    halted = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="signer_address_once", fields=["chain_id", "address"]),
            models.UniqueConstraint(name="signer_role_once", fields=["chain_id", "role"]),
            models.CheckConstraint(name="signer_nonce_valid", condition=Q(next_nonce__gte=0)),
            models.CheckConstraint(
                name="signer_role_known", condition=Q(role__in=SignerRole.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.address} on {self.network}"

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A signer is the issuer's own."""
        return None

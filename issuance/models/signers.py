"""Hot keys by address, each with the only counter of its nonces."""

import uuid

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from issuance.states import SignerRole


class Signer(PublicRow):
    """One key on one chain. Its row lock is the nonce lock; the key itself lives elsewhere.

    Several keys may share a role: each has a lane of its own, and none waits for another.
    """

    PREFIX = "sgn"
    OBJECT = "signer"

    network = models.CharField(max_length=40)
    chain_id = models.BigIntegerField()
    address = models.CharField(max_length=42)
    role = models.CharField(max_length=16, choices=SignerRole)
    next_nonce = models.BigIntegerField(default=0)
    # A halted lane numbers nothing new; what it has numbered is signed, sent and followed.
    halted = models.BooleanField(default=False)
    halted_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="signer_address_once", fields=["chain_id", "address"]),
            models.CheckConstraint(name="signer_nonce_valid", condition=Q(next_nonce__gte=0)),
            models.CheckConstraint(
                name="signer_role_known", condition=Q(role__in=SignerRole.values)
            ),
            models.CheckConstraint(
                name="signer_halt_explained",
                condition=Q(halted=False) | ~Q(halted_reason=""),
            ),
        ]
        indexes = [models.Index(name="signer_by_role", fields=["chain_id", "role"])]

    def __str__(self) -> str:
        return f"{self.role} {self.address} on {self.network}"

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A signer is the issuer's own."""
        return None

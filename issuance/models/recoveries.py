"""How it was established again that the database knows all that was signed."""

import uuid

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from issuance.states import RecoveryCause, RecoveryStatus


class Recovery(PublicRow):
    """One time that the chain may have known more than the database.

    ``round`` counts how often it began anew because of a further failover. ``horizon_block`` is a
    finalized block at which every fence was final, ``asked_through`` the last order asked about.
    """

    PREFIX = "rec"
    OBJECT = "recovery"

    network = models.CharField(max_length=40)
    cause = models.CharField(max_length=16, choices=RecoveryCause)
    reason = models.CharField(max_length=400)
    status = models.CharField(max_length=16, choices=RecoveryStatus, default=RecoveryStatus.BEGUN)
    round = models.PositiveIntegerField(default=1)
    horizon_block = models.BigIntegerField(null=True)
    asked_through = models.UUIDField(null=True)
    orders_found = models.PositiveIntegerField(default=0)
    last_note = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="recovery_open_once",
                fields=["network"],
                condition=~Q(status=RecoveryStatus.DONE),
            ),
            models.CheckConstraint(
                name="recovery_status_known", condition=Q(status__in=RecoveryStatus.values)
            ),
            models.CheckConstraint(
                name="recovery_cause_known", condition=Q(cause__in=RecoveryCause.values)
            ),
        ]

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A recovery is the issuer's own."""
        return None


class Fence(models.Model):
    """The nonces of one signer that a lost transaction could still use, each filled by a row.

    Those below ``first_nonce`` that no row of ours has were used up at finality when it was raised.
    Empty when ``last_nonce`` is below ``first_nonce``.
    """

    recovery = models.ForeignKey("issuance.Recovery", on_delete=models.PROTECT, related_name="+")
    round = models.PositiveIntegerField()
    signer = models.ForeignKey("issuance.Signer", on_delete=models.PROTECT, related_name="fences")
    first_nonce = models.BigIntegerField()
    last_nonce = models.BigIntegerField()
    raised_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="fence_once", fields=["recovery", "round", "signer"]),
        ]

    def __str__(self) -> str:
        return f"{self.signer_id}: {self.first_nonce} to {self.last_nonce}"

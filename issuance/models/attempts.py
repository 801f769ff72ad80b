"""Attempts: the signed bytes, saved before they were ever sent, and never changed."""

from django.db import models
from django.db.models import Q


class Attempt(models.Model):
    """One signed form of a chain transaction. A trigger forbids changing what was signed.

    One that ``cancels`` is an empty transfer of the key to itself at the same nonce: when it is
    mined, the call it stands against never happens.
    """

    chain_transaction = models.ForeignKey(
        "issuance.ChainTransaction", on_delete=models.PROTECT, related_name="attempts_signed"
    )
    sequence = models.PositiveSmallIntegerField()
    cancels = models.BooleanField(default=False)
    tx_hash = models.CharField(max_length=66, unique=True)
    raw = models.BinaryField()
    max_fee_wei = models.BigIntegerField()
    tip_wei = models.BigIntegerField()
    created_at = models.DateTimeField()
    sent_count = models.PositiveIntegerField(default=0)
    last_sent_at = models.DateTimeField(null=True)
    last_answer = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="attempt_sequence_once", fields=["chain_transaction", "sequence"]
            ),
            models.CheckConstraint(
                name="attempt_fees_valid",
                condition=Q(max_fee_wei__gte=models.F("tip_wei")) & Q(tip_wei__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return self.tx_hash

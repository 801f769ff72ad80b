"""Chain transactions: one nonce of one signer, from assignment to finality."""

import uuid

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from core.work import WorkRow
from issuance.states import ChainTransactionKind, ChainTransactionStatus

_IN_BLOCK = [
    ChainTransactionStatus.INCLUDED,
    ChainTransactionStatus.FINAL_OK,
    ChainTransactionStatus.FINAL_REVERTED,
]


class ChainTransaction(PublicRow, WorkRow):
    """What one nonce is for. Its signed forms are the attempts; any of them may be mined."""

    PREFIX = "ctx"
    OBJECT = "chain_transaction"

    signer = models.ForeignKey(
        "issuance.Signer", on_delete=models.PROTECT, related_name="transactions"
    )
    token = models.ForeignKey(
        "issuance.Token", on_delete=models.PROTECT, related_name="transactions"
    )
    attestation = models.ForeignKey(
        "custody.Attestation", null=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=16, choices=ChainTransactionKind)
    status = models.CharField(
        max_length=16, choices=ChainTransactionStatus, default=ChainTransactionStatus.ASSIGNED
    )
    nonce = models.BigIntegerField()
    to_address = models.CharField(max_length=42)
    calldata = models.BinaryField()
    gas_limit = models.BigIntegerField()
    sent_at = models.DateTimeField(null=True)
    included_at = models.DateTimeField(null=True)
    final_at = models.DateTimeField(null=True)
    include_hash = models.CharField(max_length=66, blank=True)
    include_block = models.BigIntegerField(null=True)
    include_block_hash = models.CharField(max_length=66, blank=True)
    # Proof of death takes two looks; this is when the first one was.
    gone_since = models.DateTimeField(null=True)
    # Since when its receipt and the follower's record contradict each other.
    disagreed_since = models.DateTimeField(null=True)
    gas_used = models.BigIntegerField(null=True)
    gas_price_wei = models.BigIntegerField(null=True)
    last_note = models.CharField(max_length=200, blank=True)
    # Asked for once, by whom and why; from then on only forms that cancel are signed.
    cancel_asked_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=200, blank=True)
    cancelled_by = models.CharField(max_length=80, blank=True)

    # A person wants a dearer form now, although the time for one has not come.
    hurry_asked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="chain_transaction_nonce_once", fields=["signer", "nonce"]
            ),
            models.CheckConstraint(name="chain_transaction_nonce_valid", condition=Q(nonce__gte=0)),
            models.CheckConstraint(
                name="chain_transaction_status_known",
                condition=Q(status__in=ChainTransactionStatus.values),
            ),
            models.CheckConstraint(
                name="chain_transaction_kind_known",
                condition=Q(kind__in=ChainTransactionKind.values),
            ),
            models.CheckConstraint(
                name="chain_transaction_included_known",
                condition=~Q(status__in=_IN_BLOCK)
                | (Q(include_block__isnull=False) & ~Q(include_hash="")),
            ),
            models.CheckConstraint(
                name="chain_transaction_attests",
                condition=~Q(kind=ChainTransactionKind.ATTEST) | Q(attestation__isnull=False),
            ),
            models.CheckConstraint(
                name="chain_transaction_cancel_explained",
                condition=Q(cancel_asked_at__isnull=True)
                | (~Q(cancel_reason="") & ~Q(cancelled_by="")),
            ),
        ]
        indexes = [
            models.Index(
                name="chain_transaction_due",
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
            ),
        ]

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A chain transaction may carry orders of many institutions: it is the issuer's own."""
        return None

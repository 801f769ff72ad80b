"""Investors: the persons and entities an institution onboards."""

from django.db import models
from django.db.models import F, Q

from core.crypto import EncryptedTextField
from core.models import Institution
from core.rows import PublicRow
from kyc.states import InvestorKind, InvestorStatus

ACTOR_LENGTH_MAX = 80
REASON_LENGTH_MAX = 300


class Investor(PublicRow):
    """One person or entity. Country facts about it stand in ``Fact``; its name is ciphertext."""

    PREFIX = "inv"
    OBJECT = "investor"

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="investors")
    external_id = models.CharField(max_length=100)
    kind = models.CharField(max_length=8, choices=InvestorKind)
    legal_name = EncryptedTextField()
    status = models.CharField(
        max_length=10, choices=InvestorStatus, default=InvestorStatus.DRAFT, db_index=True
    )
    # The decision behind the present status.
    decision = models.ForeignKey(
        "kyc.Decision", null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=REASON_LENGTH_MAX, blank=True)
    submitted_at = models.DateTimeField(null=True)
    proposed_by = models.CharField(max_length=ACTOR_LENGTH_MAX, blank=True)
    proposed_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=ACTOR_LENGTH_MAX, blank=True)
    approved_at = models.DateTimeField(null=True)
    kyc_expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="investor_external_id_once", fields=["institution", "external_id"]
            ),
            models.CheckConstraint(
                name="investor_status_known", condition=Q(status__in=InvestorStatus.values)
            ),
            models.CheckConstraint(
                name="investor_kind_known", condition=Q(kind__in=InvestorKind.values)
            ),
            models.CheckConstraint(
                name="investor_maker_is_not_checker",
                condition=Q(approved_by="") | ~Q(approved_by=F("proposed_by")),
            ),
            models.CheckConstraint(
                name="investor_approved_by_two",
                condition=~Q(status=InvestorStatus.APPROVED)
                | (
                    ~Q(proposed_by="")
                    & ~Q(approved_by="")
                    & Q(approved_at__isnull=False, kyc_expires_at__isnull=False)
                ),
            ),
        ]

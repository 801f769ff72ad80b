"""Breakers: an open row halts new signing until a person resets it with a reason."""

import uuid

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from issuance.states import BreakerKind, BreakerStatus


class Breaker(PublicRow):
    """One halt. Without a token it stops every token of the network; tracking goes on."""

    PREFIX = "brkr"
    OBJECT = "breaker"

    network = models.CharField(max_length=40)
    token = models.ForeignKey(
        "issuance.Token", null=True, on_delete=models.PROTECT, related_name="breakers"
    )
    kind = models.CharField(max_length=24, choices=BreakerKind)
    status = models.CharField(max_length=8, choices=BreakerStatus, default=BreakerStatus.OPEN)
    detail = models.CharField(max_length=400)
    reset_by = models.CharField(max_length=80, blank=True)
    reset_at = models.DateTimeField(null=True)
    reset_reason = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="breaker_open_once",
                fields=["network", "token", "kind"],
                condition=Q(status=BreakerStatus.OPEN),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="breaker_status_known", condition=Q(status__in=BreakerStatus.values)
            ),
            models.CheckConstraint(
                name="breaker_kind_known", condition=Q(kind__in=BreakerKind.values)
            ),
            models.CheckConstraint(
                name="breaker_reset_explained",
                condition=~Q(status=BreakerStatus.RESET) | (~Q(reset_by="") & ~Q(reset_reason="")),
            ),
        ]

    @property
    def institution_id(self) -> uuid.UUID | None:
        """A breaker is the issuer's own."""
        return None

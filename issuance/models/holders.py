"""A wallet's entry in a token's holder register, as wanted and as finalized."""

import uuid

from django.db import models
from django.db.models import Q

from core.rows import PublicRow
from core.work import WorkRow
from issuance.states import HolderStatus


class Holder(PublicRow, WorkRow):
    """One wallet that may hold one token. The ``wanted_*`` columns are what will be written next.

    ``country`` is ISO 3166-1 numeric, ``kyc_expires_at`` the end of the investor's approval and
    ``permitted`` whether the wallet may hold at all: what the contract said at finality.
    """

    PREFIX = "hld"
    OBJECT = "holder"

    token = models.ForeignKey("issuance.Token", on_delete=models.PROTECT, related_name="holders")
    wallet = models.ForeignKey("kyc.Wallet", on_delete=models.PROTECT, related_name="holders")
    institution = models.ForeignKey("core.Institution", on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=HolderStatus, default=HolderStatus.PENDING)
    wanted_country = models.PositiveSmallIntegerField()
    wanted_kyc_expires_at = models.DateTimeField()
    wanted_permitted = models.BooleanField(default=True)
    country = models.PositiveSmallIntegerField(null=True)
    kyc_expires_at = models.DateTimeField(null=True)
    permitted = models.BooleanField(null=True)
    registered_at = models.DateTimeField(null=True)
    # The chain recovered its tokens to another wallet: it is never registered again.
    lost_at = models.DateTimeField(null=True)

    institution_id: uuid.UUID

    class Meta:
        constraints = [
            models.UniqueConstraint(name="holder_once", fields=["token", "wallet"]),
            models.CheckConstraint(
                name="holder_status_known", condition=Q(status__in=HolderStatus.values)
            ),
            models.CheckConstraint(
                name="holder_registered_known",
                condition=~Q(status=HolderStatus.REGISTERED) | Q(registered_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="holder_due",
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
            ),
        ]

"""Shares on their way in (deposits) and out (deliveries) of custody."""

import uuid

from django.db import models
from django.db.models import F, Q

from core.crypto import EncryptedTextField
from core.models import Institution
from core.rows import PublicRow
from core.units import UnitsField
from core.work import WorkRow
from custody.models.accounts import CustodyAccount
from custody.models.funds import Fund
from custody.states import DeliveryStatus, DepositStatus


class Movement(PublicRow, WorkRow):
    """What deposits and deliveries share.

    ``quantity`` and ``settled_quantity`` are units. ``sent_at`` is set before the custodian is
    told, so nothing that may have reached it is ever cancelled on our side alone.
    """

    institution_id: uuid.UUID
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT)
    investor = models.ForeignKey("kyc.Investor", on_delete=models.PROTECT)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT)
    custody_account = models.ForeignKey(CustodyAccount, on_delete=models.PROTECT)
    quantity = UnitsField()
    settled_quantity = UnitsField(default=0)
    custodian_reference = models.CharField(max_length=64, blank=True)
    reason_code = models.CharField(max_length=40, blank=True)
    decision = models.ForeignKey("kyc.Decision", null=True, on_delete=models.PROTECT)
    requested_by = models.CharField(max_length=80)
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Deposit(Movement):
    """Shares an institution announced. They count once the custodian reports them settled."""

    PREFIX = "dep"
    OBJECT = "deposit"

    reference = models.CharField(max_length=64)
    status = models.CharField(max_length=20, choices=DepositStatus, default=DepositStatus.ADVISED)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="deposit_status_known", condition=Q(status__in=DepositStatus.values)
            ),
            models.CheckConstraint(
                name="deposit_quantities",
                condition=Q(
                    quantity__gt=0, settled_quantity__gte=0, settled_quantity__lte=F("quantity")
                ),
            ),
            models.CheckConstraint(
                name="deposit_settled_in_full",
                condition=~Q(status=DepositStatus.SETTLED)
                | Q(settled_quantity=F("quantity"), settled_at__isnull=False),
            ),
            models.UniqueConstraint(
                name="deposit_reference_once", fields=["institution", "reference"]
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="deposit_due",
                condition=Q(next_attempt_at__isnull=False),
            )
        ]


class Delivery(Movement):
    """Shares an institution asked to have delivered to an account outside custody.

    The destination account is ciphertext at rest: it is an investor's.
    """

    PREFIX = "dlv"
    OBJECT = "delivery"

    destination_participant = models.CharField(max_length=16)
    destination_account = EncryptedTextField()
    status = models.CharField(
        max_length=20, choices=DeliveryStatus, default=DeliveryStatus.REQUESTED
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="delivery_status_known", condition=Q(status__in=DeliveryStatus.values)
            ),
            models.CheckConstraint(
                name="delivery_quantities",
                condition=Q(
                    quantity__gt=0, settled_quantity__gte=0, settled_quantity__lte=F("quantity")
                ),
            ),
            models.CheckConstraint(
                name="delivery_delivered_in_full",
                condition=~Q(status=DeliveryStatus.DELIVERED)
                | Q(settled_quantity=F("quantity"), settled_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="delivery_due",
                condition=Q(next_attempt_at__isnull=False),
            )
        ]

"""Orders: shares into tokens and tokens back into shares."""

import uuid

from django.db import models
from django.db.models import F, Q

from core.rows import PublicRow
from core.units import UnitsField
from core.work import WorkRow
from issuance.states import OrderStatus, OrderType

REASON_LENGTH_MAX = 64
NOTE_LENGTH_MAX = 400


class Order(PublicRow, WorkRow):
    """One instruction of an institution for one investor.

    ``onchain_id`` comes from the token's own sequence and is consumed once by the contract.
    ``next_attempt_at`` is set while the order itself waits for a worker (QUEUED, RETURNING and
    unbound, CHECKING); once bound to a chain transaction that row carries the work.
    """

    PREFIX = "ord"
    OBJECT = "order"

    # No index of its own where another leads with the column or nobody asks by it: an order moves
    # five times, and each move writes every index anew.
    institution = models.ForeignKey(
        "core.Institution", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    investor = models.ForeignKey("kyc.Investor", on_delete=models.PROTECT, related_name="orders")
    token = models.ForeignKey(
        "issuance.Token", on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    wallet = models.ForeignKey("kyc.Wallet", on_delete=models.PROTECT, related_name="orders")
    custody_account = models.ForeignKey(
        "custody.CustodyAccount", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    decision = models.ForeignKey(
        "kyc.Decision", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # The move this order is a leg of, if it is.
    move = models.ForeignKey(
        "issuance.Move", null=True, on_delete=models.PROTECT, related_name="legs", db_index=False
    )
    type = models.CharField(max_length=8, choices=OrderType)
    status = models.CharField(max_length=20, choices=OrderStatus)
    quantity = UnitsField()
    client_order_id = models.CharField(max_length=64)
    onchain_id = models.BigIntegerField()
    reason_code = models.CharField(max_length=REASON_LENGTH_MAX, blank=True)
    # An operator's words; they stay in the portal and never enter an event.
    note = models.CharField(max_length=NOTE_LENGTH_MAX, blank=True)
    created_by = models.CharField(max_length=80)
    approved_by = models.CharField(max_length=80, blank=True)
    approved_at = models.DateTimeField(null=True)
    requeues = models.PositiveSmallIntegerField(default=0)
    # The transaction an API client should look for; proof is the attempt that was included.
    tx_hash = models.CharField(max_length=66, blank=True)
    escrow_tx_hash = models.CharField(max_length=66, blank=True)
    completed_at = models.DateTimeField(null=True)

    institution_id: uuid.UUID

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="order_client_id_once", fields=["institution", "client_order_id"]
            ),
            models.UniqueConstraint(name="order_onchain_id_once", fields=["token", "onchain_id"]),
            # A burn may release shares of several custody accounts: one mint for each.
            # Of legs alone: an order of no move would stand in the index too, anew at each of its moves.
            models.UniqueConstraint(
                name="order_leg_once",
                fields=["move", "type", "custody_account"],
                condition=Q(move__isnull=False),
            ),
            models.CheckConstraint(name="order_quantity_valid", condition=Q(quantity__gt=0)),
            models.CheckConstraint(name="order_onchain_id_valid", condition=Q(onchain_id__gt=0)),
            models.CheckConstraint(
                name="order_status_known", condition=Q(status__in=OrderStatus.values)
            ),
            models.CheckConstraint(name="order_type_known", condition=Q(type__in=OrderType.values)),
            models.CheckConstraint(
                name="order_approved_by_another", condition=~Q(approved_by=F("created_by"))
            ),
            models.CheckConstraint(
                name="order_completed_known",
                condition=~Q(status=OrderStatus.COMPLETED)
                | (Q(completed_at__isnull=False) & ~Q(tx_hash="")),
            ),
        ]
        indexes = [
            # By what is claimed together: a due redemption is not looked for behind every due mint.
            models.Index(
                name="order_due",
                fields=["status", "type", "token", "next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
            ),
            # Whatever waits is many rows. Two looks that are taken all the time find the few they ask
            # for: those no newer than what the chain executed, and those that were signed for before.
            models.Index(
                name="order_unsigned",
                fields=["token", "onchain_id"],
                condition=Q(status__in=[OrderStatus.QUEUED, OrderStatus.AWAITING_APPROVAL]),
            ),
            models.Index(
                name="order_again",
                fields=["token", "type"],
                include=["quantity"],
                condition=Q(
                    status__in=[OrderStatus.QUEUED, OrderStatus.AWAITING_APPROVAL], requeues__gt=0
                ),
            ),
            models.Index(name="order_by_institution", fields=["institution", "-id"]),
            models.Index(name="order_by_status", fields=["status", "id"]),
            # What was minted and redeemed is summed at every look at the books.
            models.Index(
                name="order_completed",
                fields=["token", "type"],
                include=["quantity"],
                condition=Q(status=OrderStatus.COMPLETED),
            ),
        ]

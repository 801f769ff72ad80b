"""Moves: supply that leaves one chain and appears on another, as two legs of one instruction."""

import uuid

from django.db import models
from django.db.models import F, Q

from core.rows import PublicRow
from core.units import UnitsField
from issuance.models.orders import REASON_LENGTH_MAX
from issuance.states import MOVE_FINAL, MoveStatus


class Move(PublicRow):
    """One instruction of an institution to move an investor's tokens between chains of one fund.

    Its legs are orders: a redemption on ``from_token``, and once that burn is final a mint on
    ``to_token`` for the very same shares. ``decision`` is the policy's word on the mint; the one on
    the burn stands in its order.
    """

    PREFIX = "mov"
    OBJECT = "move"

    institution = models.ForeignKey("core.Institution", on_delete=models.PROTECT, related_name="+")
    investor = models.ForeignKey("kyc.Investor", on_delete=models.PROTECT, related_name="moves")
    from_token = models.ForeignKey("issuance.Token", on_delete=models.PROTECT, related_name="+")
    to_token = models.ForeignKey("issuance.Token", on_delete=models.PROTECT, related_name="+")
    from_wallet = models.ForeignKey("kyc.Wallet", on_delete=models.PROTECT, related_name="+")
    to_wallet = models.ForeignKey("kyc.Wallet", on_delete=models.PROTECT, related_name="+")
    decision = models.ForeignKey("kyc.Decision", on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=MoveStatus, default=MoveStatus.BURNING)
    quantity = UnitsField()
    client_move_id = models.CharField(max_length=64)
    reason_code = models.CharField(max_length=REASON_LENGTH_MAX, blank=True)
    created_by = models.CharField(max_length=80)
    ended_at = models.DateTimeField(null=True)

    institution_id: uuid.UUID

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="move_client_id_once", fields=["institution", "client_move_id"]
            ),
            models.CheckConstraint(name="move_quantity_valid", condition=Q(quantity__gt=0)),
            models.CheckConstraint(name="move_two_tokens", condition=~Q(from_token=F("to_token"))),
            models.CheckConstraint(
                name="move_status_known", condition=Q(status__in=MoveStatus.values)
            ),
            models.CheckConstraint(
                name="move_end_known",
                condition=Q(status__in=sorted(MOVE_FINAL), ended_at__isnull=False)
                | (~Q(status__in=sorted(MOVE_FINAL)) & Q(ended_at=None)),
            ),
        ]
        indexes = [
            models.Index(name="move_by_institution", fields=["institution", "-id"]),
            models.Index(
                name="move_open", fields=["id"], condition=~Q(status__in=sorted(MOVE_FINAL))
            ),
        ]

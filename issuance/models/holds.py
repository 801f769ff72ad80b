"""Holds: what may not be minted, redeemed or moved for now, who said so, and until when."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q

from core.errors import NotFound
from core.rows import PublicRow
from issuance.states import Direction, HoldOwner, HoldReason, HoldStatus

NOTE_LENGTH_MAX = 400


class HoldRows(models.QuerySet["Hold"]):
    """Holds by what they stop at a moment."""

    def concerning(self, institution_id: uuid.UUID) -> "HoldRows":
        """Those an institution may know of: its own, and those on tokens and funds."""
        return self.filter(Q(institution_id=institution_id) | Q(institution=None))

    def one(self, hold_id: uuid.UUID) -> "Hold":
        """The hold among these. Raises NotFound."""
        found = self.filter(pk=hold_id).first()
        if found is None:
            raise NotFound
        return found

    def in_force(self, *, now: datetime) -> "HoldRows":
        """Holds that nobody ended and whose time is not over."""
        unended = self.exclude(status__in=[HoldStatus.LIFTED, HoldStatus.EXPIRED])
        return unended.filter(Q(until=None) | Q(until__gt=now))

    def over(self, *, now: datetime) -> "HoldRows":
        """Holds whose time is over, and whose end nobody has written down yet."""
        return self.filter(status=HoldStatus.ACTIVE, until__lte=now)

    def stopping(self, direction: Direction, *, now: datetime) -> "HoldRows":
        """Those in force that stop one direction, the one that lasts longest first."""
        rows = self.in_force(now=now).filter(**{f"stops_{direction.lower()}": True})
        return rows.order_by(F("until").desc(nulls_first=True), "pk")


class Hold(PublicRow):
    """One stop on one thing: a token, a fund, an investor, or one wallet on one token.

    Several may stop the same thing; each ends by itself. ``reason_code`` is public, ``note`` stays
    in the portal. ``institution`` is whose investor or wallet it is, None for a token or a fund.
    It counts while ACTIVE and before ``until``, whether or not its end was recorded yet.
    """

    PREFIX = "hol"
    OBJECT = "hold"

    institution = models.ForeignKey(
        "core.Institution", null=True, on_delete=models.PROTECT, related_name="+"
    )
    token = models.ForeignKey(
        "issuance.Token", null=True, on_delete=models.PROTECT, related_name="holds"
    )
    fund = models.ForeignKey(
        "custody.Fund", null=True, on_delete=models.PROTECT, related_name="holds"
    )
    investor = models.ForeignKey(
        "kyc.Investor", null=True, on_delete=models.PROTECT, related_name="holds"
    )
    wallet = models.ForeignKey(
        "kyc.Wallet", null=True, on_delete=models.PROTECT, related_name="holds"
    )
    stops_mint = models.BooleanField()
    stops_redeem = models.BooleanField()
    stops_transfer = models.BooleanField()
    status = models.CharField(max_length=8, choices=HoldStatus, default=HoldStatus.ACTIVE)
    owner = models.CharField(max_length=12, choices=HoldOwner)
    reason_code = models.CharField(max_length=24, choices=HoldReason)
    note = models.CharField(max_length=NOTE_LENGTH_MAX)
    placed_by = models.CharField(max_length=80)
    until = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=80, blank=True)
    ended_at = models.DateTimeField(null=True)

    institution_id: uuid.UUID | None

    objects = HoldRows.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="hold_status_known", condition=Q(status__in=HoldStatus.values)
            ),
            models.CheckConstraint(
                name="hold_owner_known", condition=Q(owner__in=HoldOwner.values)
            ),
            models.CheckConstraint(
                name="hold_reason_known", condition=Q(reason_code__in=HoldReason.values)
            ),
            models.CheckConstraint(
                name="hold_names_one_thing",
                condition=Q(token__isnull=False, fund=None, investor=None)
                | Q(token=None, fund__isnull=False, investor=None, wallet=None)
                | Q(token=None, fund=None, investor__isnull=False, wallet=None),
            ),
            models.CheckConstraint(
                name="hold_stops_something",
                condition=Q(stops_mint=True) | Q(stops_redeem=True) | Q(stops_transfer=True),
            ),
            models.CheckConstraint(
                name="hold_until_later",
                condition=Q(until=None) | Q(until__gt=F("created_at")),
            ),
            models.CheckConstraint(
                name="hold_end_known",
                condition=Q(status=HoldStatus.ACTIVE, ended_by="", ended_at=None)
                | (~Q(status=HoldStatus.ACTIVE) & ~Q(ended_by="") & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="hold_of_compliance_lifted_by_another",
                condition=~Q(owner=HoldOwner.COMPLIANCE, status=HoldStatus.LIFTED)
                | ~Q(ended_by=F("placed_by")),
            ),
        ]
        indexes = [
            models.Index(
                name="hold_active",
                fields=["status", "until"],
                condition=Q(status=HoldStatus.ACTIVE),
            ),
        ]

    @property
    def directions(self) -> list[str]:
        """What it stops, as the API names it."""
        return [each.lower() for each in Direction if getattr(self, f"stops_{each.lower()}")]

    def covers(self, *, token: models.Model, investor_id: uuid.UUID, wallet_id: uuid.UUID) -> bool:
        """Whether it is on this token, its fund, this investor or this wallet on this token."""
        if self.investor_id is not None:
            return bool(self.investor_id == investor_id)
        if self.fund_id is not None:
            return bool(self.fund_id == getattr(token, "fund_id", None))
        return self.token_id == token.pk and self.wallet_id in {None, wallet_id}


class StopRows(models.QuerySet["TransferStop"]):
    """Places on chain where holds on transfers want something."""

    def behind(self, hold: Hold) -> "StopRows":
        """The places this hold is about, whatever other holds want there."""
        if hold.investor_id is not None:
            return self.filter(wallet__investor_id=hold.investor_id)
        if hold.fund_id is not None:
            return self.filter(token__fund_id=hold.fund_id, wallet=None)
        return self.filter(Q(token_id=hold.token_id), Q(wallet_id=hold.wallet_id))


class TransferStop(models.Model):
    """What holds want of one wallet on one token, or of the whole token when ``wallet`` is null.

    ``wanted`` is what the active holds ask for, ``standing`` what the chain showed at finality the
    last time it was as wanted, and ``ours`` whether a transaction of ours made it so: only then is
    it undone when the last hold ends.
    """

    token = models.ForeignKey(
        "issuance.Token", on_delete=models.PROTECT, related_name="transfer_stops"
    )
    wallet = models.ForeignKey(
        "kyc.Wallet", null=True, on_delete=models.PROTECT, related_name="transfer_stops"
    )
    wanted = models.BooleanField()
    standing = models.BooleanField(default=False)
    ours = models.BooleanField(default=False)
    chain_transaction = models.ForeignKey(
        "issuance.ChainTransaction", null=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField()

    objects = StopRows.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="transfer_stop_once", fields=["token", "wallet"], nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.token_id} {self.wallet_id or 'all'}"

"""What was read from the chain at finality: how far, which events, and how much there was."""

from django.db import models
from django.db.models import Q

from core.units import UnitsField


class ChainCursor(models.Model):
    """The last finalized block whose events of one token are recorded."""

    token = models.OneToOneField("issuance.Token", on_delete=models.PROTECT, related_name="cursor")
    block = models.BigIntegerField()
    block_hash = models.CharField(max_length=66, blank=True)
    block_time = models.DateTimeField(null=True)
    moved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.token_id} at {self.block}"


class TokenLogQuerySet(models.QuerySet["TokenLog"]):
    """Recorded events."""

    def canonical(self) -> "TokenLogQuerySet":
        """Those that the chain still has, as far as it was read."""
        return self.filter(Q(vanished__isnull=True) | Q(vanished__back_at__isnull=False))


class TokenLog(models.Model):
    """One finalized event of a token contract; append-only.

    ``onchain_id`` is null, ``account`` empty and ``quantity`` nought when the event names none.
    ``details`` holds what else the event says; quantities in it are decimal strings of units. One
    that the chain has no more, read again after a reorganisation below finality, has a VanishedLog.
    """

    # Three indexes lead with the token.
    token = models.ForeignKey(
        "issuance.Token", on_delete=models.PROTECT, related_name="logs", db_index=False
    )
    block = models.BigIntegerField()
    block_hash = models.CharField(max_length=66)
    tx_hash = models.CharField(max_length=66)
    log_index = models.PositiveIntegerField()
    kind = models.CharField(max_length=40)
    onchain_id = models.DecimalField(max_digits=20, decimal_places=0, null=True)
    account = models.CharField(max_length=42, blank=True)
    quantity = UnitsField(default=0)
    details = models.JSONField(default=dict)
    order = models.ForeignKey(
        "issuance.Order", null=True, on_delete=models.PROTECT, related_name="logs"
    )

    objects = TokenLogQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="token_log_once", fields=["token", "block_hash", "log_index", "kind"]
            ),
        ]
        indexes = [
            models.Index(name="token_log_by_order", fields=["token", "onchain_id", "kind"]),
            models.Index(name="token_log_by_transaction", fields=["tx_hash", "token"]),
            models.Index(name="token_log_by_block", fields=["token", "block"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} in {self.tx_hash}"


class SupplySnapshot(models.Model):
    """Supply of a token at a finalized block, beside what custody held at that moment."""

    token = models.ForeignKey(
        "issuance.Token", on_delete=models.PROTECT, related_name="supply_snapshots"
    )
    block = models.BigIntegerField()
    block_hash = models.CharField(max_length=66)
    supply = UnitsField()
    cap = UnitsField()
    settled = UnitsField()
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="supply_snapshot_once", fields=["token", "block"]),
        ]
        indexes = [models.Index(name="supply_snapshot_by_time", fields=["token", "-taken_at"])]

    def __str__(self) -> str:
        return f"{self.token_id} at {self.block}"

"""What each account held of a token after each event that changed it; append-only."""

from django.db import models

from core.units import UnitsField


class Holding(models.Model):
    """One account after one finalized event, whole: the newest at or before a block is its state.

    ``balance`` is what the contract credits to the account, ``frozen_amount`` how much of it may
    not move (it may exceed the balance), ``frozen`` whether nothing may, and ``escrowed`` what
    lies in the contract for its redemptions, which is no part of the balance.
    """

    # Indexed below: each leads one there.
    token = models.ForeignKey(
        "issuance.Token", on_delete=models.PROTECT, related_name="holdings", db_index=False
    )
    log = models.ForeignKey(
        "issuance.TokenLog", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    account = models.CharField(max_length=42)
    block = models.BigIntegerField()
    block_time = models.DateTimeField()
    log_index = models.PositiveIntegerField()
    balance = UnitsField()
    frozen_amount = UnitsField(default=0)
    frozen = models.BooleanField(default=False)
    escrowed = UnitsField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="holding_once", fields=["log", "account"]),
        ]
        indexes = [
            models.Index(
                name="holding_by_account", fields=["token", "account", "-block", "-log_index"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} at {self.block}"

"""The ledger most Django projects would write first: lock two rows, save two rows, add a journal.

It lacks what ours has (idempotency, append-only rows, running balances, refusals by constraint),
so being faster than it is not for want of checking.
"""

import uuid
from datetime import datetime

from django.db import models, transaction

from core.units import UnitsField


class NaiveAccount(models.Model):
    """A balance."""

    balance = UnitsField()

    class Meta:
        app_label = "bench"

    def __str__(self) -> str:
        return str(self.balance)


class NaiveEntry(models.Model):
    """One leg of a journal."""

    journal = models.UUIDField()
    account = models.ForeignKey(NaiveAccount, on_delete=models.PROTECT)
    quantity = UnitsField()
    created_at = models.DateTimeField()

    class Meta:
        app_label = "bench"

    def __str__(self) -> str:
        return str(self.quantity)


def transfer(*, source_id: int, destination_id: int, quantity: int, now: datetime) -> None:
    """Move ``quantity`` units, refusing an overdraft."""
    with transaction.atomic(durable=True):
        rows = NaiveAccount._default_manager.select_for_update().filter(
            pk__in=[source_id, destination_id]
        )
        accounts = {account.pk: account for account in rows.order_by("pk")}
        source, destination = accounts[source_id], accounts[destination_id]
        if source.balance < quantity:
            raise ValueError("overdrawn")
        journal = uuid.uuid4()
        NaiveEntry._default_manager.bulk_create(
            [
                NaiveEntry(journal=journal, account=source, quantity=-quantity, created_at=now),
                NaiveEntry(journal=journal, account=destination, quantity=quantity, created_at=now),
            ]
        )
        source.balance -= quantity
        destination.balance += quantity
        source.save(update_fields=["balance"])
        destination.save(update_fields=["balance"])

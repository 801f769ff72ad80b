"""What a chain transaction carries: one live binding per order and per holder, ever."""

from django.db import models
from django.db.models import Q


class ChainTransactionOrder(models.Model):
    """One order inside one transaction. ``live`` ends when it is proven not to have happened."""

    chain_transaction = models.ForeignKey(
        "issuance.ChainTransaction",
        on_delete=models.PROTECT,
        related_name="order_bindings",
        db_index=False,  # order_binding_index_once leads with it
    )
    order = models.ForeignKey("issuance.Order", on_delete=models.PROTECT, related_name="bindings")
    index = models.PositiveSmallIntegerField()
    live = models.BooleanField(default=True)
    outcome = models.CharField(max_length=16, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="order_bound_once", fields=["order"], condition=Q(live=True)
            ),
            models.UniqueConstraint(
                name="order_binding_index_once", fields=["chain_transaction", "index"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} in {self.chain_transaction_id}"


class ChainTransactionHolder(models.Model):
    """One register entry inside one transaction, with the values that were signed."""

    chain_transaction = models.ForeignKey(
        "issuance.ChainTransaction", on_delete=models.PROTECT, related_name="holder_bindings"
    )
    holder = models.ForeignKey("issuance.Holder", on_delete=models.PROTECT, related_name="bindings")
    index = models.PositiveSmallIntegerField()
    live = models.BooleanField(default=True)
    country = models.PositiveSmallIntegerField()
    kyc_expires_at = models.DateTimeField()
    permitted = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="holder_bound_once", fields=["holder"], condition=Q(live=True)
            ),
            models.UniqueConstraint(
                name="holder_binding_index_once", fields=["chain_transaction", "index"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder_id} in {self.chain_transaction_id}"

"""What a final or failed transaction means for the register entries it carried."""

from collections.abc import Sequence
from datetime import datetime

from core.transitions import move
from issuance.chain import types as chain
from issuance.models import ChainTransaction, ChainTransactionHolder, Holder
from issuance.services.lanes import PIPELINE
from issuance.states import HOLDER_TRANSITIONS, HolderStatus


def settle_holders(
    row: ChainTransaction, *, seen: Sequence[chain.TokenEvent], now: datetime
) -> bool:
    """Mark the entries registered, inside the caller's transaction.

    False, with nothing changed, when an entry has no event that names what was signed for it.
    """
    written = {event.account.lower(): event for event in seen if isinstance(event, chain.HolderSet)}
    bindings = _bindings(row)
    if not all(_matches(binding, written) for binding in bindings):
        return False
    for binding in bindings:
        _register(binding, now=now)
    return True


def release_holders(row: ChainTransaction, *, now: datetime) -> None:
    """The transaction is proven not to have happened: its entries are queued again."""
    for binding in _bindings(row):
        move(
            binding.holder,
            to=HolderStatus.PENDING,
            table=HOLDER_TRANSITIONS,
            actor=PIPELINE,
            now=now,
            next_attempt_at=now,
        )
    ChainTransactionHolder.objects.filter(chain_transaction=row).update(live=False)


def _bindings(row: ChainTransaction) -> list[ChainTransactionHolder]:
    bindings = ChainTransactionHolder.objects.filter(chain_transaction=row, live=True)
    ids = list(bindings.values_list("holder_id", flat=True))
    if not ids:
        return []
    # All before the first event: whoever holds an event stream must not wait for an entry.
    holders = Holder.objects.filter(pk__in=ids).order_by("pk")
    list(holders.select_for_update(no_key=True).values_list("pk"))
    found = bindings.select_related("holder__wallet", "holder__token")
    # One order of locking event streams for everyone who needs several.
    return sorted(found, key=lambda each: (each.holder.institution_id.int, str(each.holder_id)))


def _matches(binding: ChainTransactionHolder, written: dict[str, chain.HolderSet]) -> bool:
    event = written.get(binding.holder.wallet.address.lower())
    return (
        event is not None
        and event.country == binding.country
        and event.kyc_expiry == int(binding.kyc_expires_at.timestamp())
        and event.permitted == binding.permitted
    )


def _register(binding: ChainTransactionHolder, *, now: datetime) -> None:
    holder: Holder = binding.holder
    move(
        holder,
        to=HolderStatus.REGISTERED,
        table=HOLDER_TRANSITIONS,
        actor=PIPELINE,
        now=now,
        country=binding.country,
        kyc_expires_at=binding.kyc_expires_at,
        permitted=binding.permitted,
        registered_at=now,
        next_attempt_at=None,
    )
    # Its place for the next writing is free again.
    ChainTransactionHolder.objects.filter(pk=binding.pk).update(live=False)
    wanted = (holder.wanted_country, holder.wanted_kyc_expires_at, holder.wanted_permitted)
    if wanted != (binding.country, binding.kyc_expires_at, binding.permitted):
        move(
            holder,
            to=HolderStatus.PENDING,
            table=HOLDER_TRANSITIONS,
            actor=PIPELINE,
            now=now,
            next_attempt_at=now,
        )

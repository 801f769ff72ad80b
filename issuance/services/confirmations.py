"""Register entries of a token whose register is kept elsewhere: confirmed as it says, never written."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from core.transitions import move
from core.use_case import use_case
from issuance.chain import types as chain
from issuance.models import Holder
from issuance.services.lanes import PIPELINE
from issuance.states import HOLDER_TRANSITIONS, HolderStatus


@use_case
def confirm_holders(
    *, token_id: uuid.UUID, seen: Mapping[uuid.UUID, chain.HolderState], now: datetime
) -> int:
    """Mark pending entries registered that already stand on chain as they are wanted.

    ``seen`` maps an entry to what the chain says of its wallet at finality. An entry that is wanted
    otherwise by now stays pending. Returns how many were confirmed.
    """
    rows = Holder.objects.select_for_update(no_key=True, of=("self",)).select_related("token")
    pending = rows.filter(token_id=token_id, pk__in=list(seen), status=HolderStatus.PENDING)
    # One order of locking event streams for everyone who needs several.
    holders = sorted(pending.order_by("pk"), key=lambda each: (each.institution_id.int, each.pk))
    confirmed = 0
    for holder in holders:
        if not stands_as_wanted(holder=holder, state=seen[holder.pk]):
            continue
        confirmed += 1
        move(
            holder,
            to=HolderStatus.REGISTERED,
            table=HOLDER_TRANSITIONS,
            actor=PIPELINE,
            now=now,
            country=seen[holder.pk].country,
            kyc_expires_at=holder.wanted_kyc_expires_at,
            permitted=holder.wanted_permitted,
            registered_at=now,
            next_attempt_at=None,
            leased_until=None,
        )
    return confirmed


def stands_as_wanted(*, holder: Holder, state: chain.HolderState) -> bool:
    """Whether the chain's own register and freeze say what we want of this entry."""
    if holder.wanted_permitted:
        return state.permitted and not state.frozen
    return state.frozen


def may_be_written(*, holder: Holder, state: chain.HolderState) -> bool:
    """Whether our key may change the wallet's freeze: to shut it, or to undo what we shut.

    A freeze that we did not ask for is somebody else's, and so is the registry.
    """
    if not holder.wanted_permitted:
        return not state.frozen
    return state.permitted and state.frozen and holder.permitted is False

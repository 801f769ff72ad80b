"""The holder register of each token: what it should say, and the transactions that write it."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core import events
from core.ids import new_uuid
from core.transitions import move
from core.use_case import use_case
from issuance import queries
from issuance.chain import types as chain
from issuance.chain.standards import standard_of
from issuance.models import ChainTransaction, ChainTransactionHolder, Holder, Token
from issuance.services import lanes
from issuance.services.lanes import PIPELINE, Call
from issuance.states import HOLDER_TRANSITIONS, ChainTransactionKind, HolderStatus, SignerRole
from kyc import policy as kyc_policy
from kyc.models import Wallet


@use_case
def want_holders(
    *,
    token_id: uuid.UUID,
    wallets: Sequence[Wallet],
    lapsed: Sequence[uuid.UUID],
    now: datetime,
) -> int:
    """Bring the wanted register entries of these wallets up to date; returns how many changed.

    A new wallet gets an entry; one whose facts differ from what was registered is written again.
    ``lapsed`` are entries whose wallets are no longer in good standing: they lose permission.
    """
    token = queries.token_for_update(token_id=token_id)
    ids = [wallet.pk for wallet in wallets]
    rows = Holder.objects.select_for_update(no_key=True, of=("self",)).filter(token=token)
    rows = rows.order_by("pk")
    known = {row.wallet_id: row for row in rows.filter(wallet_id__in=ids)}
    changed = 0
    for wallet in sorted(wallets, key=lambda each: each.investor.institution_id.int):
        changed += _want(token, wallet, known.get(wallet.pk), now=now)
    if not changed:
        # In a transaction of their own, so that event streams are locked in one order.
        for holder in sorted(rows.filter(pk__in=lapsed), key=_by_institution):
            changed += _rewrite(holder, {"wanted_permitted": False}, now=now)
    return changed


def _want(token: Token, wallet: Wallet, holder: Holder | None, *, now: datetime) -> int:
    expires_at = wallet.investor.kyc_expires_at
    if expires_at is None:
        return 0
    wanted = {
        "wanted_country": kyc_policy.onchain_country(investor=wallet.investor),
        # The contract counts in seconds.
        "wanted_kyc_expires_at": expires_at.replace(microsecond=0),
        "wanted_permitted": True,
    }
    if holder is not None and holder.lost_at is not None:
        # The chain shut it for good when its tokens went to another wallet.
        return 0
    if holder is not None:
        return _rewrite(holder, wanted, now=now)
    holder = Holder(
        id=new_uuid(),
        created_at=now,
        token=token,
        wallet=wallet,
        institution_id=wallet.investor.institution_id,
        next_attempt_at=now,
        **wanted,
    )
    holder.save(force_insert=True)
    events.record(event_type="holder.pending", row=holder, actor=PIPELINE, now=now)
    return 1


def _rewrite(holder: Holder, wanted: dict[str, Any], *, now: datetime) -> int:
    """Queue an entry again when what is wanted differs from what was wanted before."""
    if all(getattr(holder, name) == value for name, value in wanted.items()):
        return 0
    if holder.status in {HolderStatus.REGISTERED, HolderStatus.FAILED}:
        move(
            holder,
            to=HolderStatus.PENDING,
            table=HOLDER_TRANSITIONS,
            actor=PIPELINE,
            now=now,
            next_attempt_at=now,
            **wanted,
        )
    else:
        # Settlement compares with what was signed and queues the entry again when it differs.
        Holder.objects.filter(pk=holder.pk).update(**wanted)
    return 1


@use_case
def assign_holders(
    *,
    token_id: uuid.UUID,
    holder_ids: Sequence[uuid.UUID],
    signer_id: uuid.UUID,
    gas: int,
    now: datetime,
) -> ChainTransaction | None:
    """Number one transaction that writes these register entries as they are wanted now."""
    token = queries.token_by_id(token_id=token_id)
    signer = lanes.lock_lane(token=token, role=SignerRole.COMPLIANCE, signer_id=signer_id)
    rows = Holder.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "wallet", "token"
    )
    holders = list(
        rows.filter(token=token, pk__in=holder_ids, status=HolderStatus.PENDING).order_by("pk")
    )
    if not holders:
        return None
    call = Call(kind=ChainTransactionKind.REGISTER, data=encode_holders(holders), gas=gas)
    row = lanes.number(signer=signer, token=token, call=call, now=now)
    ChainTransactionHolder.objects.bulk_create(
        ChainTransactionHolder(
            chain_transaction=row,
            holder=holder,
            index=index,
            country=holder.wanted_country,
            kyc_expires_at=holder.wanted_kyc_expires_at,
            permitted=holder.wanted_permitted,
        )
        for index, holder in enumerate(holders)
    )
    for holder in sorted(holders, key=_by_institution):
        move(
            holder,
            to=HolderStatus.SUBMITTED,
            table=HOLDER_TRANSITIONS,
            actor=PIPELINE,
            now=now,
            next_attempt_at=None,
            leased_until=None,
        )
    lanes.record_assigned(row=row, carries=[holder.public_id for holder in holders], now=now)
    return row


def encode_holders(holders: Sequence[Holder]) -> bytes:
    """The calldata that writes these register entries."""
    return standard_of(holders[0].token).encode_holders(
        [
            chain.HolderEntry(
                account=holder.wallet.address,
                country=holder.wanted_country,
                kyc_expiry=int(holder.wanted_kyc_expires_at.timestamp()),
                permitted=holder.wanted_permitted,
            )
            for holder in holders
        ]
    )


def _by_institution(holder: Holder) -> tuple[int, str]:
    """One order of locking event streams for everyone who needs several."""
    return holder.institution_id.int, str(holder.pk)

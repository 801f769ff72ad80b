"""What holds on transfers ask of the chain: wallets frozen, tokens paused, and undone again."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import F, Q

from core.use_case import use_case
from issuance import queries
from issuance.chain import token as token_calls
from issuance.models import ChainTransaction, Hold, Holder, Token, TransferStop
from issuance.services import lanes
from issuance.services.lanes import Call
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    ChainTransactionKind,
    Direction,
    SignerRole,
)

_ROLES = {
    ChainTransactionKind.FREEZE: SignerRole.COMPLIANCE,
    ChainTransactionKind.PAUSE: SignerRole.PAUSER,
}
# The token, and the wallet when it is not the whole token.
Place = tuple[uuid.UUID, uuid.UUID | None]


@use_case
def want_stops(*, network: str, now: datetime) -> list[TransferStop]:
    """Bring what is wanted on a network up to the holds in force; returns where its chain differs.

    A place that somebody else froze or paused before us is never undone by us.
    """
    tokens = set(Token.objects.filter(network=network).values_list("pk", flat=True))
    wanted = {place for place in _wanted_places(now) if place[0] in tokens}
    here = TransferStop.objects.filter(token__in=tokens)
    rows = {
        (row.token_id, row.wallet_id): row
        for row in here.select_for_update(no_key=True, of=("self",)).order_by("pk")
    }
    TransferStop.objects.bulk_create(
        TransferStop(token_id=token_id, wallet_id=wallet_id, wanted=True, changed_at=now)
        for token_id, wallet_id in sorted(wanted - rows.keys(), key=str)
    )
    for place, row in rows.items():
        if row.wanted != (place in wanted):
            row.wanted, row.changed_at = place in wanted, now
            row.save(update_fields=["wanted", "changed_at"])
    differing = here.exclude(wanted=F("standing")).filter(Q(wanted=True) | Q(ours=True))
    return list(differing.select_related("token__fund", "wallet").order_by("token_id", "pk"))


@use_case
def record_stops(*, seen: Mapping[int, bool], now: datetime) -> None:
    """What the chain showed at finality: stop -> whether it stands there."""
    rows = TransferStop.objects.select_for_update(no_key=True).filter(pk__in=seen)
    for row in rows.order_by("pk"):
        row.standing, row.changed_at = seen[row.pk], now
        if not row.standing:
            row.ours, row.chain_transaction = False, None
        row.save(update_fields=["standing", "changed_at", "ours", "chain_transaction"])


@use_case
def assign_stops(
    *,
    token_id: uuid.UUID,
    kind: ChainTransactionKind,
    stop_ids: Sequence[int],
    signer_id: uuid.UUID,
    gas: int,
    now: datetime,
) -> ChainTransaction | None:
    """Number one FREEZE or PAUSE for these stops, or None while another one is on its way.

    Raises LaneBusy, HaltActive.
    """
    token = queries.token_by_id(token_id=token_id)
    signer = lanes.lock_lane(token=token, role=_ROLES[kind], signer_id=signer_id)
    rows = TransferStop.objects.select_for_update(no_key=True, of=("self",))
    stops = list(rows.select_related("wallet").filter(pk__in=stop_ids, token=token).order_by("pk"))
    if not stops or is_on_its_way(token=token):
        return None
    call = Call(kind=kind, data=encode_stops(stops), gas=gas)
    row = lanes.number(signer=signer, token=token, call=call, now=now)
    TransferStop.objects.filter(pk__in=[stop.pk for stop in stops]).update(
        chain_transaction=row, ours=True, changed_at=now
    )
    lanes.record_assigned(row=row, carries=[str(stop.pk) for stop in stops], now=now)
    return row


def is_on_its_way(*, token: Token) -> bool:
    """Whether a freeze or pause of the token is not yet final."""
    rows = ChainTransaction.objects.filter(token=token, kind__in=_ROLES)
    return rows.exclude(status__in=CHAIN_TRANSACTION_FINAL).exists()


def encode_stops(stops: Sequence[TransferStop]) -> bytes:
    """The calldata that makes these stops stand as wanted: of wallets, or of the whole token."""
    wallets = {stop.wallet.address: stop.wanted for stop in stops if stop.wallet is not None}
    if wallets:
        return token_calls.encode_batch_set_address_frozen(wallets)
    return token_calls.encode_pause(token_calls.PAUSE_TRANSFER)


def _wanted_places(now: datetime) -> set[Place]:
    places: set[Place] = set()
    for hold in Hold.objects.stopping(Direction.TRANSFER, now=now):
        if hold.investor_id is not None:
            entries = Holder.objects.filter(wallet__investor_id=hold.investor_id)
            places.update(entries.values_list("token_id", "wallet_id"))
        elif hold.fund_id is not None:
            tokens = Token.objects.filter(fund_id=hold.fund_id)
            places.update((token_id, None) for token_id in tokens.values_list("pk", flat=True))
        elif hold.token_id is not None:
            places.add((hold.token_id, hold.wallet_id))
    return places

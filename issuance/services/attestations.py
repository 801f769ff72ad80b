"""The custodian's attestations on their way into a token's cap."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from core import events
from core.errors import StateConflict
from core.ids import new_uuid
from core.units import format_quantity
from core.use_case import use_case
from custody import queries as custody_queries
from custody.models import Attestation
from custody.providers.custodian import SignedAttestation
from issuance import policy, queries
from issuance.chain import token as token_calls
from issuance.chain import types as chain
from issuance.models import ChainTransaction, NetworkGate, Token
from issuance.models.gates import Recovering
from issuance.services import lanes
from issuance.services.lanes import PIPELINE, Call
from issuance.states import ChainTransactionKind, SignerRole


class AttestationStale(StateConflict):
    """An attestation of the same or a later moment is on record."""

    code = "attestation_stale"
    title = "A newer attestation is on record."


class CapsExhausted(StateConflict):
    """The fund's contracts together could come to allow more than custody can vouch for."""

    code = "caps_exhausted"
    title = "The other tokens of the fund may already show these shares."
    retryable = True


@use_case
def record_attestation(
    *, token_id: uuid.UUID, figure: SignedAttestation, now: datetime
) -> Attestation:
    """Keep a figure whose signature the caller has verified; the same one again is the first.

    Raises AttestationStale, CapsExhausted for a figure that would let the caps of the fund's tokens
    sum to more than what is attestable, or Recovering for a higher one while a network of the fund
    may know of caps that we lost: the one place where any cap begins to rise.
    """
    fund_id = queries.token_by_id(token_id=token_id).fund_id
    # Gates come before the fund.
    doubtful = networks_in_doubt(fund_id=fund_id, held=True)
    # One fund, one figure at a time; a delivery that asks how high the caps are waits for it too.
    custody_queries.lock_caps(fund_id=fund_id)
    token = queries.token_for_update(token_id=token_id)
    as_of = datetime.fromtimestamp(figure.as_of, tz=UTC)
    before = custody_queries.latest_attestation(token.pk)
    if before is not None and before.as_of >= as_of:
        if before.signature == figure.signature:
            return before
        raise AttestationStale
    _require_room(token, units=figure.shares, doubtful=doubtful)
    row = Attestation(
        id=new_uuid(),
        created_at=now,
        token_id=token.pk,
        fund=token.fund,
        custodian_id=token.custody_account.custodian_id,
        shares=figure.shares,
        as_of=as_of,
        report=figure.report,
        report_hash=figure.report_hash,
        signature=figure.signature,
        signer_address=figure.signer_address,
    )
    row.save(force_insert=True)
    events.record(
        event_type="attestation.recorded",
        row=row,
        actor=PIPELINE,
        now=now,
        data={
            "token_id": token.public_id,
            "qty": format_quantity(row.shares),
            "as_of": events.format_time(as_of),
        },
    )
    return row


@use_case
def assign_attestation(
    *,
    token_id: uuid.UUID,
    attestation_id: uuid.UUID,
    signer_id: uuid.UUID,
    gas: int,
    now: datetime,
) -> ChainTransaction | None:
    """Number the relay of a custodian's attestation, or None while another one is on its way."""
    token = queries.token_by_id(token_id=token_id)
    row = Attestation.objects.get(pk=attestation_id, token_id=token.pk)
    signer = lanes.lock_lane(
        token=token,
        role=SignerRole.ISSUER,
        signer_id=signer_id,
        despite_halt=token.is_lowered_by(row.shares),
    )
    if queries.attestation_on_its_way(token_id=token.pk):
        return None
    call = Call(
        kind=ChainTransactionKind.ATTEST,
        data=encode_attestation(row),
        gas=gas,
        attestation_id=row.pk,
    )
    transaction = lanes.number(signer=signer, token=token, call=call, now=now)
    lanes.record_assigned(row=transaction, carries=[row.public_id], now=now)
    return transaction


def networks_in_doubt(*, fund_id: uuid.UUID, held: bool = False) -> list[str]:
    """The fund's networks whose contracts may hold or get figures that a failover has taken from us.

    ``held`` keeps their gates as they are until the caller's transaction ends.
    """
    tokens = queries.tokens().filter(fund_id=fund_id)
    networks = sorted(set(tokens.order_by().values_list("network", flat=True)))
    return [each for each in networks if not NetworkGate.is_open(network=each, held=held)]


def _require_room(token: Token, *, units: int, doubtful: Sequence[str]) -> None:
    if units <= policy.claim_of(token):
        return
    if doubtful:
        raise Recovering(network=doubtful[0])
    siblings = queries.tokens().filter(fund_id=token.fund_id).exclude(pk=token.pk)
    others = sum(policy.claim_of(each) for each in siblings)
    if units > custody_queries.attestable(token.fund_id) - others:
        raise CapsExhausted


def encode_attestation(row: Attestation) -> bytes:
    """The calldata that relays a recorded attestation."""
    return token_calls.encode_attest(
        chain.Attestation(
            shares=row.shares, as_of=int(row.as_of.timestamp()), report_hash=row.report_hash
        ),
        attestor=row.signer_address,
        signature=bytes.fromhex(row.signature.removeprefix("0x")),
    )

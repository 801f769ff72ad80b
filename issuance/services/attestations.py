"""The custodian's attestations on their way into a token's cap."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from core import events
from core.ids import new_uuid
from core.use_case import use_case
from custody.models import Attestation
from issuance import queries
from issuance.chain import token as token_calls
from issuance.chain import types as chain
from issuance.models import ChainTransaction
from issuance.services import lanes
from issuance.services.lanes import PIPELINE, Call
from issuance.states import ChainTransactionKind, SignerRole


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAttestation:
    """An attestation whose signature was recovered and found to be the attestor's."""

    shares: int
    as_of: int
    report: str
    report_hash: str
    signature: str
    signer_address: str


@use_case
def record_attestation(
    *, token_id: uuid.UUID, verified: VerifiedAttestation, now: datetime
) -> Attestation:
    """Keep a verified attestation; a second one of the same second is the first."""
    token = queries.token_by_id(token_id=token_id)
    as_of = datetime.fromtimestamp(verified.as_of, tz=UTC)
    known = Attestation.objects.filter(token_id=token.pk, as_of=as_of).first()
    if known is not None:
        return known
    row = Attestation(
        id=new_uuid(),
        created_at=now,
        token_id=token.pk,
        fund=token.fund,
        custodian=token.custody_account.custodian,
        shares=verified.shares,
        as_of=as_of,
        report=verified.report,
        report_hash=verified.report_hash,
        signature=verified.signature,
        signer_address=verified.signer_address,
    )
    row.save(force_insert=True)
    events.record(
        event_type="attestation.recorded",
        row=row,
        actor=PIPELINE,
        now=now,
        data={"token_id": token.public_id, "as_of": verified.as_of},
    )
    return row


@use_case
def assign_attestation(
    *,
    token_id: uuid.UUID,
    attestation_id: uuid.UUID,
    gas: int,
    fees: chain.Fees,
    key: chain.Signer,
    now: datetime,
) -> ChainTransaction | None:
    """Sign the relay of a custodian's attestation, or None while another one is on its way."""
    token = queries.token_by_id(token_id=token_id)
    signer = lanes.lock_lane(token=token, role=SignerRole.ISSUER, key=key)
    if queries.attestation_on_its_way(token_id=token.pk):
        return None
    row = Attestation.objects.get(pk=attestation_id, token_id=token.pk)
    call = Call(
        kind=ChainTransactionKind.ATTEST,
        data=encode_attestation(row),
        gas=gas,
        fees=fees,
        attestation_id=row.pk,
    )
    transaction = lanes.number_and_sign(signer=signer, token=token, call=call, key=key, now=now)
    lanes.record_assigned(row=transaction, carries=[row.public_id], now=now)
    return transaction


def encode_attestation(row: Attestation) -> bytes:
    """The calldata that relays a recorded attestation."""
    return token_calls.encode_attest(
        chain.Attestation(
            shares=row.shares, as_of=int(row.as_of.timestamp()), report_hash=row.report_hash
        ),
        attestor=row.signer_address,
        signature=bytes.fromhex(row.signature.removeprefix("0x")),
    )

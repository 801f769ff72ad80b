"""Keeping a custodian's signed word on the shares behind a token."""

import uuid
from datetime import datetime

from core import events
from core.actors import Actor
from core.errors import DomainError, StateConflict
from core.units import Units, format_quantity
from core.use_case import use_case
from custody import queries
from custody.models import Attestation, Custodian, Fund


class AttestorUnknown(DomainError):
    """The signer is not the key this custodian attests with."""

    code = "attestor_unknown"
    title = "The attestation was not signed by the custodian's key."


class AttestationStale(StateConflict):
    """An attestation of the same or a later moment is on record."""

    code = "attestation_stale"
    title = "A newer attestation is on record."


@use_case
def record_attestation(
    *,
    token_id: uuid.UUID,
    fund_id: uuid.UUID,
    custodian_id: uuid.UUID,
    shares: Units,
    as_of: datetime,
    report: str,
    report_hash: str,
    signature: str,
    signer_address: str,
    actor: Actor,
    now: datetime,
) -> Attestation:
    """Store a signed attestation whose signature the caller has checked against its digest.

    The very same attestation again is returned as it stands. Raises AttestorUnknown or
    AttestationStale.
    """
    Fund.objects.select_for_update().get(pk=fund_id)
    custodian = Custodian.objects.get(pk=custodian_id)
    if signer_address.lower() != custodian.attestor_address.lower():
        raise AttestorUnknown
    before = queries.latest_attestation(token_id)
    if before is not None and before.as_of >= as_of:
        if before.signature == signature:
            return before
        raise AttestationStale
    attestation = Attestation.objects.create(
        token_id=token_id,
        fund_id=fund_id,
        custodian=custodian,
        shares=shares,
        as_of=as_of,
        report=report,
        report_hash=report_hash,
        signature=signature,
        signer_address=signer_address,
        created_at=now,
    )
    events.record(
        event_type="attestation.recorded",
        row=attestation,
        actor=actor,
        now=now,
        data={"qty": format_quantity(shares), "as_of": events.format_time(as_of)},
    )
    return attestation

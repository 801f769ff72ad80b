"""Lanes taken out of service and back: what a lane has numbered is signed, sent and followed on."""

import uuid
from datetime import datetime

from core import events
from core.actors import Actor
from core.errors import StateConflict
from core.use_case import use_case
from issuance.models import Signer

REASON_LENGTH_MAX = 200


@use_case
def halt_signer(*, signer_id: uuid.UUID, reason: str, actor: Actor, now: datetime) -> Signer:
    """Number nothing new with this key. Raises StateConflict when it is halted already."""
    signer = Signer.objects.select_for_update(no_key=True).get(pk=signer_id)
    if signer.halted or not reason.strip():
        raise StateConflict(f"{signer.address} is halted already, or no reason is given.")
    signer.halted, signer.halted_reason = True, reason.strip()[:REASON_LENGTH_MAX]
    signer.save(update_fields=["halted", "halted_reason"])
    _record("signer.halted", signer, actor=actor, now=now)
    return signer


@use_case
def resume_signer(*, signer_id: uuid.UUID, actor: Actor, now: datetime) -> Signer:
    """Let this key number transactions again. Raises StateConflict when it is not halted."""
    signer = Signer.objects.select_for_update(no_key=True).get(pk=signer_id)
    if not signer.halted:
        raise StateConflict(f"{signer.address} is not halted.")
    signer.halted, signer.halted_reason = False, ""
    signer.save(update_fields=["halted", "halted_reason"])
    _record("signer.resumed", signer, actor=actor, now=now)
    return signer


def _record(event_type: str, signer: Signer, *, actor: Actor, now: datetime) -> None:
    # The words stay in the portal, as with every note of an operator.
    events.record(
        event_type=event_type,
        row=signer,
        actor=actor,
        now=now,
        data={
            "network": signer.network,
            "address": signer.address,
            "role": signer.role.lower(),
        },
    )

"""Reading a network's events again, after people found that finality was broken or a node lied."""

import uuid
from datetime import datetime

from core import events
from core.actors import Actor, ActorKind
from core.errors import DomainError, NotFound, SameActor, StateConflict
from core.ids import new_uuid
from core.transitions import move
from core.use_case import use_case
from issuance.models import BlockHead, ChainCursor, Rewind, SupplySnapshot
from issuance.states import REWIND_TRANSITIONS, RewindStatus

REASON_LENGTH_MAX = 400


class RewindInvalid(DomainError):
    """The follower has not come past that block, or no reason is given."""

    code = "rewind_invalid"
    title = "Name a block that the follower has passed, and say why."


class NotAPerson(DomainError):
    """A process does not decide on what is final."""

    code = "not_a_person"
    status = 403
    title = "Two people decide this."


@use_case
def propose_rewind(*, network: str, block: int, reason: str, actor: Actor, now: datetime) -> Rewind:
    """Propose to read every token of a network again from ``block`` + 1 on.

    ``block`` is the last one that everybody agrees on. Raises RewindInvalid, NotAPerson, or
    StateConflict while another proposal waits.
    """
    _require_person(actor)
    passed = ChainCursor.objects.filter(token__network=network, block__gt=block)
    if block < 0 or not reason or not passed.exists():
        raise RewindInvalid
    if Rewind.objects.filter(network=network, status=RewindStatus.PROPOSED).exists():
        raise StateConflict("Another rewind of this network is proposed.")
    row = Rewind(
        id=new_uuid(),
        created_at=now,
        network=network,
        block=block,
        reason=reason[:REASON_LENGTH_MAX],
        proposed_by=str(actor),
    )
    row.save(force_insert=True)
    data = {"network": network, "block": block, "reason": row.reason}
    events.record(event_type="rewind.proposed", row=row, actor=actor, now=now, data=data)
    return row


@use_case
def apply_rewind(*, rewind_id: uuid.UUID, actor: Actor, now: datetime) -> Rewind:
    """Move the follower back; at its next looks it reads the blocks again and compares.

    Recorded events stay. Those that the chain has no more are marked, new ones are added, and what
    stayed is acted on no second time. No breaker closes by this. Raises NotFound, SameActor,
    StateConflict, NotAPerson.
    """
    _require_person(actor)
    row = _locked(rewind_id)
    if row.proposed_by == str(actor):
        raise SameActor
    cursors = ChainCursor.objects.select_for_update(no_key=True, of=("self",)).filter(
        token__network=row.network, block__gt=row.block
    )
    for cursor in cursors.select_related("token").order_by("token_id"):
        cursor.block = max(row.block, cursor.token.deployed_block - 1)
        # What stands there now is for the next look to say.
        cursor.block_hash, cursor.block_time, cursor.moved_at = "", None, now
        cursor.save(update_fields=["block", "block_hash", "block_time", "moved_at"])
    BlockHead.objects.filter(network=row.network, number__gt=row.block).delete()
    # A look back at what was never so would count as the newest one.
    SupplySnapshot.objects.filter(token__network=row.network, block__gt=row.block).delete()
    return _decide(row, RewindStatus.APPLIED, actor, now)


@use_case
def withdraw_rewind(*, rewind_id: uuid.UUID, actor: Actor, now: datetime) -> Rewind:
    """Drop a proposal; anybody may. Raises NotFound, StateConflict, NotAPerson."""
    _require_person(actor)
    return _decide(_locked(rewind_id), RewindStatus.WITHDRAWN, actor, now)


def _locked(rewind_id: uuid.UUID) -> Rewind:
    try:
        return Rewind.objects.select_for_update(no_key=True).get(pk=rewind_id)
    except Rewind.DoesNotExist:
        raise NotFound from None


def _decide(row: Rewind, to: RewindStatus, actor: Actor, now: datetime) -> Rewind:
    return move(
        row,
        to=to,
        table=REWIND_TRANSITIONS,
        actor=actor,
        now=now,
        data={"network": row.network, "block": row.block},
        decided_by=str(actor),
        decided_at=now,
    )


def _require_person(actor: Actor) -> None:
    if actor.kind != ActorKind.OPERATOR:
        raise NotAPerson

"""Moves of supply between chains: taken, called off, carried over at the burn's finality, ended.

``carry_over`` and ``announce`` are the hook of settlement: whoever completes redemptions calls the
first beside the other ledger postings and the second after the orders' own events, in the very
transaction that settles the burn. Both take whole lists, and do nothing for an order that is no leg.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from core import events
from core.actors import Actor
from core.errors import DomainError, StateConflict
from core.ids import new_uuid
from core.transitions import move
from core.use_case import use_case
from issuance import policy, queries
from issuance.models import Move, Order
from issuance.policy import MoveAcceptance, MoveTerms
from issuance.services import postings
from issuance.services.facts import move_facts, order_facts
from issuance.services.lanes import PIPELINE
from issuance.states import (
    MOVE_FINAL,
    MOVE_TRANSITIONS,
    ORDER_FINAL,
    ORDER_TRANSITIONS,
    MoveStatus,
    OrderStatus,
    OrderType,
)

CANCELLED = "cancelled_by_institution"


class ClientMoveIdUsed(DomainError):
    """The institution has used this client_move_id for another move."""

    code = "client_move_id_used"
    status = 409
    title = "This client_move_id belongs to another move."


@use_case
def create_move(
    *,
    institution_id: uuid.UUID,
    terms: MoveTerms,
    client_move_id: str,
    context: Mapping[str, str],
    actor: Actor,
    now: datetime,
) -> Move:
    """Take a move: its burn waits for the holder's tokens, its mint does not exist yet.

    Raises the refusals of ``policy.accept_move``, HaltActive for either token and ClientMoveIdUsed.
    """
    _require_fresh_id(institution_id, client_move_id)
    accepted = _accept(institution_id, terms, context, now)
    accepted.burn.decision.save(force_insert=True)
    accepted.mint.decision.save(force_insert=True)
    row = _row(accepted, terms, client_move_id=client_move_id, actor=actor, now=now)
    try:
        with transaction.atomic(savepoint=True):
            row.save(force_insert=True)
    except IntegrityError as clash:
        # Two requests with one client_move_id at the same instant: the index decides.
        if "move_client_id_once" in str(clash):
            raise ClientMoveIdUsed(field="/client_move_id") from None
        raise
    burn = _burn(row, accepted, now=now)
    burn.save(force_insert=True)
    events.record(event_type="move.created", row=row, actor=actor, now=now, data=move_facts(row))
    _announce_order(burn, actor=actor, now=now)
    return row


@transaction.atomic(durable=True)
def preview_move(
    *,
    institution_id: uuid.UUID,
    terms: MoveTerms,
    context: Mapping[str, str],
    now: datetime,
) -> MoveAcceptance:
    """What taking this move would find, with nothing written. Raises what ``create_move`` would."""
    try:
        return _accept(institution_id, terms, context, now)
    except DomainError as refusal:
        # The decision behind it is not kept, so nobody could look it up.
        refusal.extra.pop("decision_id", None)
        raise


@use_case
def cancel_move(
    *, institution_id: uuid.UUID, move_id: uuid.UUID, actor: Actor, now: datetime
) -> Move:
    """Withdraw a move whose tokens have not come into escrow; nothing was burned.

    Raises NotFound, or StateConflict once it is too late.
    """
    seen = queries.move_for(institution_id=institution_id, move_id=move_id)
    queries.require_recovered(network=seen.from_token.network)
    # The order before the move, as everywhere.
    burn = queries.order_for_update(order_id=seen.legs.get(type=OrderType.REDEEM).pk)
    row = queries.move_for_update(move_id=move_id)
    if row.status != MoveStatus.BURNING or burn.status != OrderStatus.AWAITING_TOKENS:
        raise StateConflict(
            f"The tokens of {row.public_id} are on their way and it cannot be cancelled.",
            state=row.status.lower(),
        )
    move(
        burn,
        to=OrderStatus.CANCELLED,
        table=ORDER_TRANSITIONS,
        actor=actor,
        now=now,
        data=order_facts(burn, to=OrderStatus.CANCELLED, reason_code=CANCELLED),
        reason_code=CANCELLED,
    )
    return _end(row, MoveStatus.CANCELLED, CANCELLED, actor=actor, now=now)


def carry_over(*, burned: Sequence[Order], now: datetime) -> list[Order]:
    """Release the shares of final burns, and reserve those of a move for its second leg at once.

    Post it beside the settlement's other postings, after ``postings.lock`` and before any event.
    Shares of an ordinary redemption become free; those of a move go from the first token's
    ``backing`` straight to ``reserved`` of the new mint order, which is returned, saved and QUEUED,
    for ``announce``. A burn whose shares lie on several custody accounts gets a mint for each.
    """
    legs = []
    for order in burned:
        if order.move_id is None:
            postings.release_burn(order=order, actor=PIPELINE, now=now)
            continue
        row = queries.move_for_update(move_id=order.move_id)
        carried = postings.carry_over(order=order, actor=PIPELINE, now=now)
        for account_id, quantity in carried:
            leg = _mint(row, order, account_id=account_id, quantity=quantity, now=now)
            leg.save(force_insert=True)
            legs.append(leg)
    return legs


def announce(*, legs: Sequence[Order], now: datetime) -> None:
    """Record that these moves have burned and go on to mint, after the events of their burns."""
    moves = {leg.move_id: leg.move for leg in legs}
    for row in moves.values():
        assert row is not None
        move(
            row,
            to=MoveStatus.MINTING,
            table=MOVE_TRANSITIONS,
            actor=PIPELINE,
            now=now,
            data=move_facts(row, to=MoveStatus.MINTING),
        )
        for leg in legs:
            if leg.move_id == row.pk:
                _announce_order(leg, actor=PIPELINE, now=now)


@use_case
def conclude_move(*, move_id: uuid.UUID, now: datetime) -> bool:
    """Give a move the status that its ended legs mean; False while one of them is under way."""
    row = queries.move_for_update(move_id=move_id)
    legs = list(row.legs.order_by("pk"))
    if row.status in MOVE_FINAL or any(leg.status not in ORDER_FINAL for leg in legs):
        return False
    to, reason_code = _conclusion(legs)
    _end(row, to, reason_code, actor=PIPELINE, now=now)
    return True


def _conclusion(legs: Sequence[Order]) -> tuple[MoveStatus, str]:
    (burn,) = (leg for leg in legs if leg.type == OrderType.REDEEM)
    if burn.status != OrderStatus.COMPLETED:
        return MoveStatus(burn.status), burn.reason_code
    for leg in legs:
        if leg.status != OrderStatus.COMPLETED:
            return MoveStatus.FAILED, leg.reason_code
    return MoveStatus.COMPLETED, ""


def _end(row: Move, to: MoveStatus, reason_code: str, *, actor: Actor, now: datetime) -> Move:
    return move(
        row,
        to=to,
        table=MOVE_TRANSITIONS,
        actor=actor,
        now=now,
        data=move_facts(row, to=to, reason_code=reason_code),
        reason_code=reason_code,
        ended_at=now,
    )


def _accept(
    institution_id: uuid.UUID, terms: MoveTerms, context: Mapping[str, str], now: datetime
) -> MoveAcceptance:
    accepted = policy.accept_move(
        institution_id=institution_id, terms=terms, context=context, now=now
    )
    queries.require_not_halted(token=accepted.burn.token)
    queries.require_not_halted(token=accepted.mint.token)
    return accepted


def _require_fresh_id(institution_id: uuid.UUID, client_move_id: str) -> None:
    used = Move.objects.filter(institution_id=institution_id, client_move_id=client_move_id).first()
    if used is not None:
        raise ClientMoveIdUsed(field="/client_move_id", move_id=used.public_id)


def _announce_order(order: Order, *, actor: Actor, now: datetime) -> None:
    events.record(
        event_type="order.created", row=order, actor=actor, now=now, data=order_facts(order)
    )


def _row(
    accepted: MoveAcceptance, terms: MoveTerms, *, client_move_id: str, actor: Actor, now: datetime
) -> Move:
    burn, mint = accepted.burn, accepted.mint
    return Move(
        id=new_uuid(),
        created_at=now,
        institution_id=burn.investor.institution_id,
        investor=burn.investor,
        from_token=burn.token,
        to_token=mint.token,
        from_wallet=burn.wallet,
        to_wallet=mint.wallet,
        decision=mint.decision,
        quantity=terms.quantity,
        client_move_id=client_move_id,
        created_by=str(actor),
    )


def _burn(row: Move, accepted: MoveAcceptance, *, now: datetime) -> Order:
    return Order(
        id=new_uuid(),
        created_at=now,
        institution_id=row.institution_id,
        investor=row.investor,
        token=row.from_token,
        wallet=row.from_wallet,
        custody_account=row.from_token.custody_account,
        decision=accepted.burn.decision,
        move=row,
        type=OrderType.REDEEM,
        status=OrderStatus.AWAITING_TOKENS,
        quantity=row.quantity,
        client_order_id=f"{row.public_id}:burn",
        onchain_id=queries.next_onchain_id(token_id=row.from_token_id),
        created_by=row.created_by,
    )


def _mint(row: Move, burn: Order, *, account_id: uuid.UUID, quantity: int, now: datetime) -> Order:
    """The second leg. Whoever approved the burn approved the move: it does not wait again."""
    order_id = new_uuid()
    return Order(
        id=order_id,
        created_at=now,
        institution_id=row.institution_id,
        investor=row.investor,
        token=row.to_token,
        wallet=row.to_wallet,
        custody_account_id=account_id,
        decision=row.decision,
        move=row,
        type=OrderType.MINT,
        status=OrderStatus.QUEUED,
        quantity=quantity,
        client_order_id=f"mint:{order_id}",
        onchain_id=queries.next_onchain_id(token_id=row.to_token_id),
        created_by=row.created_by,
        approved_by=burn.approved_by,
        approved_at=burn.approved_at,
        next_attempt_at=now,
    )

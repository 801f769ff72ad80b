"""Right before signing: what KYC says now of each order, and where an order goes that may not."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, prefetch_related_objects

from core.errors import DomainError
from core.transitions import Transition
from issuance import policy, queries
from issuance.models import Order
from issuance.services.facts import order_facts
from issuance.states import OrderStatus, OrderType
from kyc import policy as kyc_policy
from kyc.models import Decision, store_decisions
from kyc.states import Action


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """An order that may not be signed for, where it goes instead, and why."""

    order: Order
    to: OrderStatus
    reason_code: str
    decision: Decision


def screen(*, orders: Sequence[Order], now: datetime) -> tuple[list[Order], list[TurnedAway]]:
    """Pull, not push: whatever changed since an order was taken is asked again here.

    The decisions of those turned away are stored; each ready order carries its own, unsaved.
    """
    ready, away, evidence = [], [], list[Decision]()
    answered = list(zip(orders, decide_again(orders=orders, now=now), strict=True))
    _read_former([order for order, answer in answered if _asks_former(order, answer)])
    for order, answer in answered:
        if isinstance(answer, DomainError):
            for each in answer.evidence:
                if isinstance(each, Decision):
                    evidence.append(each)
                else:
                    each.save(force_insert=True)
            away.append(_refused(order, answer))
        elif answer.effect == policy.REVIEW and not _is_answered(order, answer):
            evidence.append(answer)
            away.append(TurnedAway(order, OrderStatus.AWAITING_APPROVAL, "review", answer))
        else:
            # Kept, with the order, when it is signed for.
            order.decision = answer
            ready.append(order)
    store_decisions(evidence)
    return ready, away


def decide_again(*, orders: Sequence[Order], now: datetime) -> list[Decision | DomainError]:
    """``policy.decide_again`` for orders of one token and type, with all evidence read at once.

    Where it would raise, the refusal stands in the list.
    """
    if not orders or any(order.move_id is not None for order in orders):
        return [_answer(order, now=now) for order in orders]
    mints = orders[0].type == OrderType.MINT
    refused = _unmintable(orders) if mints else {}
    asked = [order for order in orders if order.pk not in refused]
    answers = kyc_policy.require_each(
        investors=[order.investor for order in asked],
        action=Action.MINT if mints else Action.REDEEM,
        now=now,
        trigger="signing",
    )
    answered = dict(zip((order.pk for order in asked), answers, strict=True)) | refused
    return [answered[order.pk] for order in orders]


def turn_away(each: TurnedAway) -> Transition:
    """The move of an order that is not signed for; it shows the decision that stopped it."""
    order = each.order
    order.decision = each.decision
    return Transition(
        row=order,
        to=each.to,
        data=order_facts(order, to=each.to, reason_code=each.reason_code),
        changes={
            "reason_code": each.reason_code,
            "decision": each.decision,
            "next_attempt_at": None,
            "leased_until": None,
        },
    )


def _refused(order: Order, refusal: DomainError) -> TurnedAway:
    decisions = [each for each in refusal.evidence if isinstance(each, Decision)]
    # A redemption's tokens lie in escrow: a person decides whether they go back.
    redeems = order.type == OrderType.REDEEM
    to = OrderStatus.AWAITING_APPROVAL if redeems else OrderStatus.REJECTED
    return TurnedAway(order, to, refusal.code, decisions[-1] if decisions else order.decision)


def _unmintable(orders: Sequence[Order]) -> dict[uuid.UUID, DomainError]:
    holders = queries.registered_holders(
        token=orders[0].token, wallet_ids=[order.wallet_id for order in orders]
    )
    refused: dict[uuid.UUID, DomainError] = {}
    for order in orders:
        holder = holders.get(order.wallet_id)
        try:
            policy.require_mintable(token=order.token, wallet=order.wallet, holder=holder)
        except DomainError as refusal:
            refused[order.pk] = refusal
    return refused


def _answer(order: Order, *, now: datetime) -> Decision | DomainError:
    try:
        return policy.decide_again(order=order, now=now)
    except DomainError as refusal:
        return refusal


def _asks_former(order: Order, answer: Decision | DomainError) -> bool:
    """Whether the decision the order was taken with, or approved on, counts beside this answer."""
    if isinstance(answer, DomainError):
        return not any(isinstance(each, Decision) for each in answer.evidence)
    return answer.effect == policy.REVIEW and bool(order.approved_by)


def _read_former(orders: Sequence[Order]) -> None:
    """Their decisions at once, for a lane is locked; the evidence stays ciphertext, unread."""
    lean = Decision.objects.defer("snapshot", "body")
    prefetch_related_objects(orders, Prefetch("decision", lean))


def _is_answered(order: Order, decision: Decision) -> bool:
    """Whether the approver saw every rule that asks for a review now, not only the size."""
    return bool(order.approved_by) and _reviews(decision) <= _reviews(order.decision)


def _reviews(decision: Decision) -> set[str]:
    speaking = [rule for rule in decision.fired if not rule.get("lifted_by")]
    return {rule["id"] for rule in speaking if rule["effect"] == policy.REVIEW}

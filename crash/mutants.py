"""The bugs of the failure catalogue, F1 to F14, planted into one worker process at a time.

Each is what a peer shipped or a tired person would write. ``become`` replaces functions in the
process that calls it and nowhere else; in its trial the judge must name it, or it is blind.
"""

import os
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import redis
from django.db import transaction

from core.transitions import move
from crash.facts import FINALITY_BLOCKS
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.client import ChainClient
from issuance.chain.errors import CallReverted, ChainError
from issuance.models import Attempt, ChainTransaction, ChainTransactionOrder, Order, Signer, Token
from issuance.pipeline import advance, assign, recover, sign, waves
from issuance.pipeline import broadcast as sending
from issuance.pipeline import observe as looking
from issuance.pipeline.observe import Asked, Observation, Verdict
from issuance.pipeline.planning import Plan, Simulation, plan
from issuance.pipeline.world import World
from issuance.services import agreement, assignment, lanes, postings, settlement
from issuance.services.facts import order_facts
from issuance.services.lanes import PIPELINE, Call
from issuance.services.outcomes import FinalEvidence
from issuance.states import (
    ORDER_TRANSITIONS,
    ChainTransactionKind,
    ChainTransactionStatus,
    OrderStatus,
    OrderType,
    SignerRole,
)
from tests.issuance.stage import NETWORK

if TYPE_CHECKING:
    from crash.worker import Post

IMPATIENCE = timedelta(seconds=1)
_TAKEN = (chain.SendKind.ACCEPTED, chain.SendKind.ALREADY_KNOWN)
DRIFT_CHANCE = 0.2
_dice = random.Random()  # noqa: S311 - it decides when a bug shows


def _plant(place: object, name: str, bug: object) -> None:
    """Put the bug where the sound function was, in this process only.

    Raises AttributeError when the pipeline has no such function any more.
    """
    getattr(place, name)
    setattr(place, name, bug)


def _close_as_dead(row: ChainTransaction, note: str, now: datetime) -> None:
    forms = frozenset(each.tx_hash for each in queries.attempts_of(chain_transaction=row))
    evidence = FinalEvidence(status=ChainTransactionStatus.DEAD, looked_for=forms, note=note)
    services.settle_transaction(chain_transaction_id=row.pk, evidence=evidence, now=now)


def _f1(post: "Post") -> None:
    """One node is sent to, and a send that it did not answer with a yes did not happen."""
    record, send_many, one = services.record_broadcasts, ChainClient.send_many, _one_node(post)

    def record_and_condemn(
        *, answers: Mapping[str, chain.SendAnswer], now: datetime, **rest: Any
    ) -> None:
        record(answers=answers, now=now, **rest)
        failed = [tx_hash for tx_hash, said in answers.items() if said.kind not in _TAKEN]
        sent = Attempt.objects.filter(tx_hash__in=failed).select_related("chain_transaction")
        for row in {attempt.chain_transaction for attempt in sent}:
            _close_as_dead(row, "the send failed", now)

    _plant(ChainClient, "send_many", lambda _, raws: send_many(one, raws))
    _plant(services, "record_broadcasts", record_and_condemn)


def _one_node(post: "Post") -> ChainClient:
    return ChainClient(NETWORK, post.proxy_urls[:1], post.stage.node.chain_id)


def _f2(post: "Post") -> None:
    """A dearer attempt is sent first and saved afterwards."""
    save = advance._bump

    def bump(row: ChainTransaction, newest: Any, world: World, now: datetime) -> Any:
        node = world.chain_of(row.token)
        try:
            fees = node.bump(chain.Fees(max_fee=newest.max_fee_wei, tip=newest.tip_wei))
            node.send(_sign(post, row, fees))
        except ChainError:
            return None
        if _dice.random() < 0.5:
            os.kill(os.getpid(), signal.SIGKILL)
        return save(row, newest, world, now)

    _plant(advance, "_bump", bump)


def _sign(post: "Post", row: ChainTransaction, fees: chain.Fees) -> bytes:
    call = chain.UnsignedCall(
        chain_id=row.token.chain_id,
        nonce=row.nonce,
        to=row.to_address,
        data=bytes(row.calldata),
        gas=row.gas_limit,
        fees=fees,
    )
    return post.stage.signers[row.signer.address].sign(call).raw


def _f3(_: "Post") -> None:
    """No receipt means that it failed."""

    def hastily(_: Asked, seen: Observation) -> Observation:
        if seen.verdict is Verdict.PENDING:
            return Observation(verdict=Verdict.GONE, finalized=seen.finalized, note="no receipt")
        return seen

    _misjudge(hastily)
    _plant(advance, "DEATH_AFTER", timedelta(seconds=0.2))


def _misjudge(misread: Callable[[Asked, Observation], Observation]) -> None:
    """Every look at a transaction, alone or with others, goes through the one judgement."""
    judge = looking._judge

    def misjudge(asked: Asked, answers: Any) -> Observation:
        return misread(asked, judge(asked, answers))

    _plant(looking, "_judge", misjudge)


def _f4(_: "Post") -> None:
    """The nonce counter runs ahead of the transactions."""
    number = lanes.number_many

    def drifting(*, signer: Signer, **rest: Any) -> list[ChainTransaction]:
        signer.next_nonce += _dice.random() < DRIFT_CHANCE
        return number(signer=signer, **rest)

    _plant(lanes, "number_many", drifting)


def _f5(_: "Post") -> None:
    """After lost commits nobody asks the chain by order id."""

    def shrug(*, order_id: Any, now: datetime) -> None:
        later = now + IMPATIENCE
        Order.objects.filter(pk=order_id).update(next_attempt_at=later, leased_until=None)

    _plant(services, "doubt_order", shrug)
    _plant(recover, "recover_due", lambda **_: 0)


def _f6(_: "Post") -> None:
    """Two tasks may take the same orders: no lease, no lock, no second look at the status."""

    def take(rows: Any, *, now: datetime, lease: timedelta, limit: int, read: Any = list) -> Any:
        return read(rows.filter(next_attempt_at__lte=now).order_by("next_attempt_at")[:limit])

    _plant(assign, "claim_due", take)
    _plant(services, "assign_wave", _assign_blindly)


def _assign_blindly(
    *,
    token_id: Any,
    kind: ChainTransactionKind,
    batches: Sequence[assignment.Batch],
    signer_id: Any,
    now: datetime,
) -> list[ChainTransaction]:
    with transaction.atomic(durable=True):
        token = queries.token_by_id(token_id=token_id)
        signer = lanes.lock_lane(token=token, role=SignerRole.ISSUER, signer_id=signer_id)
        return [
            _number_blindly(kind, batch, signer=signer, token=token, now=now) for batch in batches
        ]


def _number_blindly(
    kind: ChainTransactionKind,
    batch: assignment.Batch,
    *,
    signer: Signer,
    token: Token,
    now: datetime,
) -> ChainTransaction:
    """One transaction for whatever was read earlier, whoever else has taken it since."""
    rows = Order.objects.filter(pk__in=batch.order_ids).select_related("wallet", "token")
    orders = list(rows.order_by("pk"))
    call = Call(kind=kind, data=assignment.encode_orders(kind=kind, orders=orders), gas=batch.gas)
    row = lanes.number(signer=signer, token=token, call=call, now=now)
    fresh = [order for order in orders if order.status == OrderStatus.QUEUED]
    for index, order in enumerate(orders):
        # The others have a live binding, and the database keeps it the only one.
        ChainTransactionOrder.objects.create(
            chain_transaction=row, order=order, index=index, live=order in fresh
        )
    for order in fresh:
        if order.type == OrderType.MINT:
            postings.back(order=order, actor=PIPELINE, now=now)
    assignment._submit(kind, fresh, away=[], now=now)
    return row


def _f7(post: "Post") -> None:
    """What Redis forgot is forgotten: only messages start work, nothing sweeps the rows."""
    from crash.worker import BELL

    client = redis.Redis.from_url(post.redis_url)

    def claim(token: Token, kind: ChainTransactionKind, *, now: datetime) -> list[Order]:
        if kind != ChainTransactionKind.MINT:
            return sweep(token, kind, now=now)
        told: Any = client.lpop(f"{BELL}:orders", assign.BATCH_MAX) or []
        ids = [each.decode() for each in told]
        rows = Order.objects.select_related("wallet").filter(pk__in=ids, token=token)
        return list(rows.filter(type=OrderType.MINT, status=OrderStatus.QUEUED).order_by("pk"))

    sweep = assign._claim
    _plant(assign, "_claim", claim)


def _f8(_: "Post") -> None:
    """Included is good enough: settle at the newest block."""
    _plant(ChainClient, "finalized", ChainClient.head)


def _f9(_: "Post") -> None:
    """When finality stalls, one confirmation must do."""
    real = ChainClient.finalized

    def impatient(self: ChainClient) -> chain.Head:
        final, head = real(self), self.head()
        if head.number - final.number > FINALITY_BLOCKS + 2:
            return self.block(head.number - 1) or final
        return final

    _plant(ChainClient, "finalized", impatient)


def _f10(post: "Post") -> None:
    """One node's newest view is believed, also when it says no."""

    one = _one_node(post)

    def by_newest(asked: Asked, seen: Observation) -> Observation:
        if seen.verdict is Verdict.PENDING and one.nonce(asked.sender, at="pending") > asked.nonce:
            return Observation(verdict=Verdict.GONE, finalized=seen.finalized, note="used up")
        return seen

    _misjudge(by_newest)
    _plant(advance, "DEATH_AFTER", timedelta(0))


def _f11(_: "Post") -> None:
    """A failed receipt is believed at once."""

    agrees = agreement.agrees

    def at_once(_: Asked, seen: Observation) -> Observation:
        failed = seen.receipt is not None and not seen.receipt.succeeded
        if seen.verdict is Verdict.INCLUDED and failed:
            return Observation(
                verdict=Verdict.FINAL_REVERTED, receipt=seen.receipt, finalized=seen.finalized
            )
        return seen

    def agrees_at_once(row: ChainTransaction, *, receipt: chain.Receipt, now: datetime) -> bool:
        return not receipt.succeeded or agrees(row, receipt=receipt, now=now)

    _misjudge(at_once)
    # A failed call has no events, so the record of them is not asked either.
    _plant(settlement, "agrees", agrees_at_once)


def _f12(_: "Post") -> None:
    """One bad order condemns its whole batch."""

    def condemn(
        batches: Sequence[Sequence[Any]], *, simulation: Simulation[Any]
    ) -> list[Plan[Any]]:
        return [whole(rows, simulation) for rows in batches]

    def whole(rows: Sequence[Any], simulation: Simulation[Any]) -> Plan[Any]:
        try:
            simulation.chain.simulate(
                sender=simulation.sender, to=simulation.to, data=simulation.encode(rows)
            )
        except CallReverted as refusal:
            return Plan([], 0, [(row, refusal) for row in rows])
        return plan(rows, simulation=simulation)

    def reject(_: Token, planned: Plan[Any], *, now: datetime) -> None:
        for row, _refusal in planned.refused:
            assert isinstance(row, Order)
            _end(row, OrderStatus.REJECTED, now=now)

    _plant(assign, "plan_each", condemn)
    _plant(assign, "_push_back", reject)


def _end(order: Order, to: OrderStatus, *, now: datetime) -> None:
    with transaction.atomic(durable=True):
        order = queries.order_for_update(order_id=order.pk)
        if order.type == OrderType.MINT and order.status == OrderStatus.QUEUED:
            postings.give_back(order=order, actor=PIPELINE, now=now)
        elif order.type == OrderType.MINT:
            postings.fail_mint(order=order, actor=PIPELINE, now=now)
        move(
            order,
            to=to,
            table=ORDER_TRANSITIONS,
            actor=PIPELINE,
            now=now,
            data=order_facts(order, to=to),
            next_attempt_at=None,
            leased_until=None,
        )


def _f13(post: "Post") -> None:
    """Every send signs again, and what was signed then is kept nowhere."""
    send, send_many = sending.broadcast, sending.broadcast_many

    def sign_again(attempt: Attempt, node: Any) -> None:
        dearer = attempt.max_fee_wei + _dice.randrange(1, 9)
        fees = chain.Fees(max_fee=dearer, tip=attempt.tip_wei)
        node.send(_sign(post, attempt.chain_transaction, fees))

    def sign_and_send(*, attempts: Sequence[Attempt], node: Any, **rest: Any) -> None:
        sign_again(attempts[-1], node)
        send(attempts=attempts, node=node, **rest)

    def sign_and_send_many(*, attempts: Sequence[Attempt], node: Any, **rest: Any) -> None:
        for attempt in attempts:
            sign_again(attempt, node)
        send_many(attempts=attempts, node=node, **rest)

    _plant(advance, "broadcast", sign_and_send)
    _plant(sign, "broadcast", sign_and_send)
    _plant(sign, "broadcast_many", sign_and_send_many)


def _f14(_: "Post") -> None:
    """A mint that takes too long is failed and its shares are free again; it may still happen."""
    take = waves.take

    def give_up(*, rows: Sequence[ChainTransaction], now: datetime, **rest: Any) -> Any:
        slow = [row for row in rows if _is_slow(row, now)]
        for row in slow:
            orders = [binding.order for binding in row.order_bindings.filter(live=True)]
            _close_as_dead(row, "too slow", now)
            for order in orders:
                _end(order, OrderStatus.FAILED, now=now)
        return take(rows=[row for row in rows if row not in slow], now=now, **rest)

    _plant(waves, "take", give_up)


def _is_slow(row: ChainTransaction, now: datetime) -> bool:
    is_sent = row.status in (ChainTransactionStatus.SENT, ChainTransactionStatus.INCLUDED)
    return is_sent and row.kind == ChainTransactionKind.MINT and now - row.created_at > IMPATIENCE


MUTANTS: dict[str, Callable[["Post"], None]] = {
    "F1": _f1,
    "F2": _f2,
    "F3": _f3,
    "F4": _f4,
    "F5": _f5,
    "F6": _f6,
    "F7": _f7,
    "F8": _f8,
    "F9": _f9,
    "F10": _f10,
    "F11": _f11,
    "F12": _f12,
    "F13": _f13,
    "F14": _f14,
}


def become(name: str, post: "Post", *, seed: int) -> None:
    """Turn this worker process into the named mutant; the empty name changes nothing.

    The seed is that of the dice which some bugs throw.
    """
    _dice.seed(seed)
    if name:
        MUTANTS[name](post)

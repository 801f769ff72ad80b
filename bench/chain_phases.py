"""The timed parts of the chain benchmark: sustained minting, and the life of single orders."""

import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.utils import timezone

from bench import chain_rows
from bench.chain_cpu import Meter, Spent
from bench.chain_fill import fill
from bench.chain_workers import workers
from bench.report import Row
from core.actors import Actor, ActorKind
from issuance import services
from issuance.chain import registry
from issuance.chain.types import Fees, UnsignedCall
from issuance.models import ChainTransaction, Order, Signer
from issuance.services import lanes
from issuance.services.lanes import Call
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    ChainTransactionKind,
    OrderStatus,
    SignerRole,
)

APPROVER = Actor(ActorKind.OPERATOR, "bench")
SLICE_SECONDS = 30.0
LOOK_SECONDS = 2.0
# A look counts every completed order, on the cores that are measured: in a long part it is rarer.
LOOKS_MAX = 60
FEW_LOOKS = 10
SAY_SECONDS = 20.0
DRAIN_SECONDS = 180


@dataclass(slots=True)
class Sustained:
    """Orders completed over time, from the last look that found none."""

    look_seconds: float = LOOK_SECONDS
    samples: list[tuple[float, int]] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)

    @property
    def rate(self) -> float:
        """Completions per second over the whole time.

        The first burst, which was on its way before, counts in a run of a few looks only.
        """
        return _rate(self.samples[1:] if len(self.samples) > FEW_LOOKS else self.samples)

    @property
    def slowest(self) -> float:
        """The least rate of any slice of SLICE_SECONDS."""
        rates = []
        for place, (begin, _) in enumerate(self.samples):
            inside = [each for each in self.samples[place:] if each[0] - begin <= SLICE_SECONDS]
            if inside[-1][0] - begin >= SLICE_SECONDS - 2 * self.look_seconds:
                rates.append(_rate(inside))
        return min(rates, default=self.rate)


@dataclass(slots=True)
class Latency:
    """Seconds from approval to each step, per order; ``final`` is completion at finality."""

    numbered: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    included: list[float] = field(default_factory=list)
    final: list[float] = field(default_factory=list)


def sustained(
    token_id: uuid.UUID,
    *,
    seconds: float,
    rate: int,
    batch: int,
    window: int,
    assigners: int,
    mark: str,
    meter: Meter,
) -> Sustained:
    """Let the workers mint from a backlog for ``seconds`` after the first completion."""
    count = int(seconds * rate)
    _fill(token_id, count=count, mark=mark)
    found = Sustained(max(LOOK_SECONDS, seconds / LOOKS_MAX))
    before = _completed()
    _say(f"minting, {batch} in a transaction, {count} orders waiting")
    settings = {"CHAIN_BATCH_MAX": f"anvil={batch}", "CHAIN_IN_FLIGHT_MAX": f"anvil={window}"}
    with workers(assigners=assigners, **settings) as crew:
        started = said = time.monotonic()
        before_it = Spent()
        while True:
            time.sleep(found.look_seconds)
            crew.require_alive()
            done, now = _completed() - before, time.monotonic()
            if done:
                found.samples.append((now, done))
            else:
                found.samples, before_it = [(now, done)], meter.read(crew.pids)
            if done and (now - found.samples[0][0] >= seconds or done == count):
                break
            if not done and now - started > DRAIN_SECONDS:
                raise RuntimeError("nothing was minted")
            if done and now - said >= SAY_SECONDS:
                _say(f"  {done} settled, {_rate(found.samples):.0f} a second")
                said = now
        found.spent = meter.read(crew.pids).since(before_it)
        _park()
        _drain()
    return found


def latency(token_id: uuid.UUID, *, seconds: float, rate: int) -> Latency:
    """Approve orders one by one at an even pace and see when each is included and final."""
    count = int(seconds * rate)
    chain_rows.make_orders(
        token_id=token_id, count=count + 1, status=OrderStatus.AWAITING_APPROVAL, mark="slow"
    )
    waiting = Order.objects.filter(status=OrderStatus.AWAITING_APPROVAL)
    first, *ids = waiting.order_by("pk").values_list("pk", flat=True)
    _say(f"approving {rate} orders a second for {seconds:g} s")
    with workers() as crew:
        # Workers need seconds to start, which is no part of an order's life: one order goes ahead.
        _approve(first)
        _drain()
        started = time.monotonic()
        for number, order_id in enumerate(ids):
            time.sleep(max(started + number / rate - time.monotonic(), 0))
            _approve(order_id)
        crew.require_alive()
        _drain()
    return _latency_of(ids)


def latency_rows(
    found: Latency, *, rate: int, loop_seconds: float, bar_seconds: float
) -> list[Row]:
    """p50 and p95 of both waits; ``loop_seconds`` is what the plain loop takes for one mint."""
    kinds = (("included", found.included, 1.0), ("final", found.final, 3.0))
    return [
        Row(
            metric=f"approve -> {name}, p{percent}, {rate} orders/s, 1 s blocks",
            value=percentile(waits, percent),
            unit="s",
            peer="web3.py loop: sign, send, wait for the receipt",
            peer_value=loop_seconds,
            limit="a whole block" if name == "included" else "a whole block and two for finality",
            limit_value=limit,
            bar=0.0,
            lower_is_better=True,
            floor=bar_seconds if (name, percent) == ("included", 95) else None,
        )
        for name, waits, limit in kinds
        for percent in (50, 95)
    ]


def small_rates(*, seconds: float) -> list[Row]:
    """Signatures and nonce allocations per second, by themselves, each for so many seconds."""
    signed, allocated = _signing_rate(seconds), _nonce_rate(seconds)
    inserted = _insert_rate(seconds)
    return [
        Row(
            metric="signatures, policy read and proven, one core", value=signed, unit="1/s",
            peer="nonce allocations", peer_value=allocated, limit="required of the signer",
            limit_value=1_000, bar=0.0, limit_bar=1.0,
        ),
        Row(
            metric="nonces allocated with their row, one by one", value=allocated, unit="1/s",
            peer="one-row durable commits", peer_value=inserted, limit="one-row durable commits",
            limit_value=inserted, bar=0.0,
        ),
    ]  # fmt: skip


def print_timing(name: str, found: Sustained) -> None:
    """The whole rate beside the slowest slice."""
    print(f"  {name}: {found.rate:,.0f}/s over all, {found.slowest:,.0f}/s in the slowest 30 s")
    print(f"    {found.spent.per(found.samples[-1][1] - found.samples[0][1])}")


def print_steps(found: Latency) -> None:
    """How long after its approval an order reached each step: the half of them, and all but a few."""
    steps = {"numbered": found.numbered, "sent": found.sent, "included": found.included}
    said = [
        f"{name} {percentile(waits, 50):.2f} s (95 %: {percentile(waits, 95):.2f} s)"
        for name, waits in steps.items()
    ]
    print(f"  after approval: {', '.join(said)}")


def percentile(values: Sequence[float], percent: int) -> float:
    """Of what was measured, none interpolated."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def _fill(token_id: uuid.UUID, *, count: int, mark: str) -> None:
    """A backlog of approved orders: first what an earlier part left over, then fresh ones."""
    parked = Order.objects.filter(status=OrderStatus.QUEUED, next_attempt_at=None)
    again = list(parked.order_by("pk").values_list("pk", flat=True)[:count])
    Order.objects.filter(pk__in=again).update(next_attempt_at=timezone.now())
    fresh = count - len(again)
    if not fresh:
        return
    _say(f"preparing {fresh} orders")
    started = time.monotonic()
    for made in fill(token_id, count=fresh, mark=mark):
        _say(f"  {made} of {fresh} prepared, {made / (time.monotonic() - started):.0f} a second")
    with connection.cursor() as cursor:
        # As autovacuum does within the minute: nobody's books grow from nothing in two.
        cursor.execute("ANALYZE")


def _park() -> None:
    """What nobody has claimed waits for the next part."""
    queued = Order.objects.filter(status=OrderStatus.QUEUED, next_attempt_at__isnull=False)
    with transaction.atomic(durable=True):
        # What a worker holds at this instant is its own: waiting for it could end in a deadlock.
        free = queued.select_for_update(no_key=True, skip_locked=True).order_by("pk")
        Order.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(
            next_attempt_at=None
        )


def _drain() -> None:
    until = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < until:
        # In this order: what is no longer due is bound by then, and its transaction is seen.
        due = Order.objects.filter(status=OrderStatus.QUEUED, next_attempt_at__isnull=False)
        open_rows = ChainTransaction.objects.exclude(status__in=CHAIN_TRANSACTION_FINAL)
        if not due.exists() and not open_rows.exists():
            return
        time.sleep(LOOK_SECONDS)
    raise RuntimeError("transactions are still open")


def _approve(order_id: uuid.UUID) -> None:
    services.approve_order(order_id=order_id, actor=APPROVER, reason="bench", now=timezone.now())


def _latency_of(ids: Sequence[uuid.UUID]) -> Latency:
    found = Latency()
    rows = Order.objects.filter(pk__in=ids, status=OrderStatus.COMPLETED, bindings__live=True)
    steps = [f"bindings__chain_transaction__{name}_at" for name in ("created", "sent", "included")]
    for approved, *reached in rows.values_list("approved_at", *steps, "completed_at"):
        # Seen in a block and final at once when the pipeline was that late.
        numbered, sent, included, final = (
            ((moment or reached[-1]) - approved).total_seconds() for moment in reached
        )
        found.numbered.append(numbered)
        found.sent.append(sent)
        found.included.append(included)
        found.final.append(final)
    if len(found.final) != len(ids):
        stand = Order.objects.filter(pk__in=ids).values_list("status", "reason_code")
        raise RuntimeError(f"not all approved orders completed: {Counter(stand)}")
    return found


def _signing_rate(seconds: float) -> float:
    signer = Signer.objects.filter(role=SignerRole.ISSUER).first()
    assert signer is not None
    key, row = registry.signer_for(signer.address), _newest()
    call = UnsignedCall(
        chain_id=signer.chain_id, nonce=0, to=row.to_address, data=bytes(row.calldata),
        gas=100_000, fees=Fees(max_fee=10**9, tip=10**6),
    )  # fmt: skip
    count, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        key.sign(call)
        count += 1
    return count / (time.process_time() - started)


def _nonce_rate(seconds: float) -> float:
    """On a lane of its own that nobody signs for; its rows stay behind, so it comes last."""
    now, row = timezone.now(), _newest()
    lane = services.register_signer(
        network=row.token.network, chain_id=row.token.chain_id, address="0x" + "11" * 20,
        role=SignerRole.COMPLIANCE, chain_nonce=0, actor=APPROVER, now=now,
    )  # fmt: skip
    call = Call(kind=ChainTransactionKind.FILL, data=b"", gas=21_000, to=lane.address)
    count, started = 0, time.monotonic()
    while time.monotonic() - started < seconds:
        with transaction.atomic(durable=True):
            locked = Signer.objects.select_for_update(no_key=True).get(pk=lane.pk)
            lanes.number(signer=locked, token=row.token, call=call, now=now)
        count += 1
    return count / (time.monotonic() - started)


def _insert_rate(seconds: float) -> float:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_commit (id uuid PRIMARY KEY)")
        count, started = 0, time.monotonic()
        while time.monotonic() - started < seconds:
            cursor.execute("INSERT INTO bench_commit VALUES (%s)", [uuid.uuid4()])
            count += 1
    return count / (time.monotonic() - started)


def _newest() -> ChainTransaction:
    rows = ChainTransaction.objects.select_related("token").filter(kind=ChainTransactionKind.MINT)
    return rows.latest("created_at")


def _completed() -> int:
    return Order.objects.filter(status=OrderStatus.COMPLETED).count()


def _rate(samples: Sequence[tuple[float, int]]) -> float:
    (begin, first), (end, last) = samples[0], samples[-1]
    return (last - first) / max(end - begin, LOOK_SECONDS)


def _say(text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

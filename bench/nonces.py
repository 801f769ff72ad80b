"""Nonces given out per second: the product's own way, beside the bare statements it consists of.

Ours locks the lane, asks breakers and the recovery gate, counts what is in flight, writes the
chain transaction through the ORM and raises the counter, one durable commit each. The limit is the
same commit with a bare ``UPDATE ... RETURNING`` and one ``INSERT`` through the same connection. The
peer is what most projects do instead, and what stands in the way of two processes: a counter under
an advisory lock.
"""

import statistics
import time
from collections.abc import Callable

from django.db import connection, transaction
from django.utils import timezone

from bench.report import Row
from issuance.models import ChainTransaction, Signer, Token
from issuance.services import lanes
from issuance.services.lanes import Call
from issuance.states import ChainTransactionKind, ChainTransactionStatus, SignerRole

ROUNDS = 5
ROUND_SECONDS = 0.6
# Far above what one key's nonces can do on any chain; below it allocation would be the bottleneck.
PER_SECOND_MIN = 100.0

_TABLES = """
CREATE TABLE IF NOT EXISTS bench_lane (id int PRIMARY KEY, next_nonce bigint NOT NULL);
CREATE TABLE IF NOT EXISTS bench_nonce (
    lane int NOT NULL, nonce bigint NOT NULL, payload bytea NOT NULL, UNIQUE (lane, nonce));
INSERT INTO bench_lane VALUES (1, 0), (2, 0) ON CONFLICT DO NOTHING;
"""
_DATA = bytes(164)


def measure(
    *, token: Token, rounds: int = ROUNDS, round_seconds: float = ROUND_SECONDS
) -> list[Row]:
    """The row "nonce allocations" on the token's issuing lane, which must be free of other work.

    Needs a database with our tables. What it numbers is ended at once, so that the lane stays
    free; the rows stay.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
    paths: dict[str, Callable[[], None]] = {
        "ours": lambda: _number(token),
        "peer": _under_advisory_lock,
        "limit": _bare,
    }
    rates: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, allocate in paths.items():
            rates[name].append(_rate(allocate, round_seconds))
            _end_all(token)
    ours, peer, limit = (statistics.median(rates[name]) for name in paths)
    return [
        Row(
            metric="nonces allocated, with lane, breakers, gate and row",
            value=ours,
            unit="1/s per process",
            peer="counter and row under an advisory lock",
            peer_value=peer,
            limit="bare UPDATE ... RETURNING and INSERT, one commit",
            limit_value=limit,
            bar=PER_SECOND_MIN / peer,
        )
    ]


def _rate(allocate: Callable[[], None], seconds: float) -> float:
    done, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds and done < lanes.IN_FLIGHT_MAX:
        allocate()
        done += 1
    return done / spent


def _number(token: Token) -> None:
    signer = Signer.objects.filter(chain_id=token.chain_id, role=SignerRole.ISSUER).earliest("pk")
    call = Call(kind=ChainTransactionKind.FILL, data=b"", gas=60_000, to=signer.address)
    with transaction.atomic(durable=True):
        locked = lanes.lock_lane(token=token, role=SignerRole.ISSUER, signer_id=signer.pk)
        lanes.number(signer=locked, token=token, call=call, now=timezone.now())


def _end_all(token: Token) -> None:
    """Take what was numbered out of the in-flight window."""
    open_rows = ChainTransaction.objects.filter(
        token=token, kind=ChainTransactionKind.FILL, status=ChainTransactionStatus.ASSIGNED
    )
    open_rows.update(status=ChainTransactionStatus.DEAD, next_attempt_at=None)


def _under_advisory_lock() -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7401)")
        cursor.execute("SELECT next_nonce FROM bench_lane WHERE id = 2")
        ((nonce,),) = cursor.fetchall()
        cursor.execute("UPDATE bench_lane SET next_nonce = %s WHERE id = 2", [nonce + 1])
        cursor.execute("INSERT INTO bench_nonce VALUES (2, %s, %s)", [nonce, _DATA])


def _bare() -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE bench_lane SET next_nonce = next_nonce + 1 WHERE id = 1 RETURNING next_nonce"
        )
        ((nonce,),) = cursor.fetchall()
        cursor.execute("INSERT INTO bench_nonce VALUES (1, %s, %s)", [nonce, _DATA])

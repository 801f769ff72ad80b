"""Postings per second on one hot fund: ours, the naive ORM's, and a bare durable INSERT.

Eight processes post against one pot on a private, durable PostgreSQL, ours one by one and in the
batches that the chain pipeline posts; all take turns in short rounds, and the median round counts,
so that a busy machine slows all of them alike.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool

from config.devstack import places
from config.devstack.postgres import start_postgres
from config.devstack.processes import stop

WORKERS = 8
ROUNDS = 5
ROUND_SECONDS = 2.0
POT_UNITS = 10**27
QUANTITY = 10**15
STOP_SECONDS = 10


@contextmanager
def _database() -> Iterator[None]:
    """A private durable PostgreSQL with our tables, known to this process's settings."""
    folder = places.session_folder("bench")
    postgres = start_postgres(
        home=places.own_folder(folder / "postgres"), log_path=folder / "log", durable=True
    )
    os.environ |= {
        "DATABASE_URL": postgres.url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": uuid.uuid4().hex,
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "SHAREMINT_DEVELOPMENT": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    print(f"PostgreSQL {postgres.version}, private and durable, socket {postgres.socket_folder}")
    try:
        yield
    finally:
        stop([postgres.child], timeout_seconds=STOP_SECONDS)


def _setup_django() -> None:
    import django  # noqa: PLC0415 - the environment must be complete first

    django.setup()


def _prepare() -> dict[str, object]:
    """Tables, one fund with a full pot, two naive accounts; returns their ids."""
    from django.core.management import call_command  # noqa: PLC0415 - needs django.setup()
    from django.db import connection  # noqa: PLC0415

    from bench.naive_ledger import NaiveAccount, NaiveEntry  # noqa: PLC0415
    from bench.pot import open_pot  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(NaiveAccount)
        editor.create_model(NaiveEntry)
        editor.execute(
            "CREATE TABLE bench_insert (id uuid PRIMARY KEY, owner uuid, quantity numeric(38,0))"
        )
    source = NaiveAccount._default_manager.create(balance=POT_UNITS)
    destination = NaiveAccount._default_manager.create(balance=0)
    ids: dict[str, object] = {"source": source.pk, "destination": destination.pk}
    return ids | open_pot(quantity=POT_UNITS)


def _work(task: tuple[str, dict[str, object], float]) -> int:
    """One worker's round: how many it committed before the time was up."""
    from bench import pot  # noqa: PLC0415 - needs django.setup(), done by the pool

    kind, ids, until = task
    step: Callable[[dict[str, object], int], None] = getattr(pot, kind)
    count = 0
    while time.time() < until:
        step(ids, QUANTITY)
        count += pot.BATCH if kind == "post_batch" else 1
    return count


def _round(pool: Pool, kind: str, ids: dict[str, object]) -> float:
    until = time.time() + ROUND_SECONDS
    counts = pool.map(_work, [(kind, ids, until)] * WORKERS, chunksize=1)
    return sum(counts) / ROUND_SECONDS


def _measure(ids: dict[str, object]) -> dict[str, float]:
    kinds = ("post_ours", "post_batch", "post_naive", "insert_bare")
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    context = multiprocessing.get_context("spawn")
    with context.Pool(WORKERS, initializer=_setup_django) as pool:
        pool.map(_work, [(kind, ids, 0.0) for kind in kinds] * WORKERS)  # connect everyone
        for number in range(ROUNDS):
            for kind in kinds:
                rates[kind].append(_round(pool, kind, ids))
            print(f"  round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
    return {kind: statistics.median(each) for kind, each in rates.items()}


def main() -> int:
    from bench.report import Row, publish  # noqa: PLC0415 - keeps spawned workers light

    parser = argparse.ArgumentParser(prog="./dev bench ledger", description=__doc__)
    parser.add_argument("--json", dest="rows_path")
    arguments = parser.parse_args()
    with _database():
        _setup_django()
        rates = _measure(_prepare())
    rows = [
        Row(
            metric=f"ledger postings on one hot fund, {WORKERS} processes, {how}",
            value=rates[kind],
            unit="postings/s",
            peer="naive ORM ledger, one by one",
            peer_value=rates["post_naive"],
            limit="one-row durable INSERT",
            limit_value=rates["insert_bare"],
            bar=5.0,
        )
        for kind, how in (("post_ours", "one a commit"), ("post_batch", "100 a commit"))
    ]
    return publish("ledger", rows, rows_path=arguments.rows_path)


if __name__ == "__main__":
    sys.exit(main())

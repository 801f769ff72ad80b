"""Redis emptied in the middle of the work: real Celery worker and beat finish it by themselves."""

import os
import time

from core import doorbell
from core.units import parse_quantity
from issuance.chain.events import decode_event
from issuance.chain.types import OrderMinted
from issuance.invariants import check_all
from issuance.models import Order
from tests.crash import processes

ORDERS = 10
SECONDS_MAX = 90


def test_ten_orders_complete_though_redis_is_emptied_among_them(
    ready, process_env, redis_server, tmp_path
):
    env = process_env | processes.signing_environment(ready, tmp_path)
    ready.anvil.interval_mining(1)
    with processes.celery(env, tmp_path) as (worker, beat):
        orders = []
        for number in range(ORDERS):
            orders.append(ready.order("1"))
            doorbell.ring("issuance.assign_transactions")
            if number in {4, 7}:
                redis_server.flushall()
            time.sleep(0.3)
        redis_server.flushall()
        ids = [order.pk for order in orders]
        processes.await_all(
            lambda: Order.objects.filter(pk__in=ids, status="COMPLETED").count() == ORDERS,
            child=worker,
            seconds=SECONDS_MAX,
            what="the completion of ten orders",
        )
        assert beat.is_running()
    logs = ready.node.logs(address=ready.token.address, first=0, last=ready.node.head().number)
    minted = [e.order_id for log in logs if isinstance(e := decode_event(log), OrderMinted)]
    assert sorted(minted) == sorted(order.onchain_id for order in orders)
    assert ready.reader.supply() == parse_quantity(str(ORDERS))
    assert check_all() == []


def test_a_worker_process_killed_after_its_broadcast_is_replaced_and_mints_once(
    ready,
    process_env,
    redis_server,  # noqa: ARG001 - asked for its effect: an empty Redis
    tmp_path,
):
    """The real worker process with the failpoint in its environment, then another without."""
    env = process_env | processes.signing_environment(ready, tmp_path)
    ready.anvil.interval_mining(1)
    order = ready.order("1")
    armed = env | {"SHAREMINT_FAILPOINT": "broadcast.sent:1"}
    with processes.celery(armed, tmp_path) as (worker, _):
        worker.process.wait(timeout=SECONDS_MAX)
        assert worker.process.returncode == -9
    assert Order.objects.get(pk=order.pk).status == "SUBMITTED"
    with processes.celery(env, tmp_path) as (worker, _):
        processes.await_all(
            lambda: Order.objects.get(pk=order.pk).status == "COMPLETED",
            child=worker,
            seconds=SECONDS_MAX,
            what="the completion after the kill",
        )
    assert ready.reader.supply() == parse_quantity("1")
    assert os.environ.get("SHAREMINT_FAILPOINT") is None

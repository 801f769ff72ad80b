"""The Celery app and the beat table: a clock and hands, nothing more.

Every task claims due rows in PostgreSQL, so a lost message costs one tick of the table below and a
doubled one finds nothing to do. Hence no results, retries, ETAs or late acknowledgement.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

from core import heap

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Task -> seconds between two rings. Edges ring the same tasks earlier through core.doorbell.
BEAT_SECONDS = {
    "core.beat": 5,
    "kyc.expire_approvals": 60,
    "custody.exchange_with_custodians": 1,
    "issuance.assign_transactions": 1,
    "issuance.advance_transactions": 1,
    "issuance.follow_chains": 1,
    "issuance.check_invariants": 10,
    "issuance.register_holders": 1,
    "issuance.request_attestations": 2,
}
# A tick that waited this long is worth nothing: the next one does its work.
EXPIRES_SECONDS_MIN = 10
# A stuck task is ended; what it held is claimed again when its lease runs out, and row locks and
# status checks keep the two apart if it was only slow.
TASK_SECONDS_MAX = 50
CHAIN_QUEUE = "chain"
DEFAULT_QUEUE = "default"


def _options() -> dict[str, Any]:
    from django.conf import settings  # noqa: PLC0415 - read when first needed, not when imported

    return {
        "broker_url": settings.REDIS_URL,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {"socket_timeout": 10, "socket_connect_timeout": 2},
        "task_ignore_result": True,
        "task_default_queue": DEFAULT_QUEUE,
        # Signing keys are needed on one queue only, so only its workers hold them.
        "task_routes": {"issuance.*": {"queue": CHAIN_QUEUE}},
        "task_time_limit": TASK_SECONDS_MAX,
        "task_publish_retry": False,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_enable_remote_control": False,
        "timezone": "UTC",
        "beat_schedule": {
            name: {
                "task": name,
                "schedule": seconds,
                "options": {"expires": max(seconds, EXPIRES_SECONDS_MIN)},
            }
            for name, seconds in BEAT_SECONDS.items()
        },
    }


app = Celery("sharemint")
app.add_defaults(_options)
app.autodiscover_tasks()


@worker_process_init.connect
def _settle(**_: object) -> None:
    heap.settle()

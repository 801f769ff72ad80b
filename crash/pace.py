"""The pipeline's waits, shortened alike, so that minutes of a campaign stand for hours of service.

Nothing but durations and batch sizes changes. Leases are shorter than some steps take, so that two
workers now and then hold the same row, which leases alone must not be trusted to prevent.
"""

from datetime import timedelta

from issuance.pipeline import advance, assign, check, holders, reserves, sign
from issuance.services import lanes

LEASE = timedelta(seconds=2)
BATCH_MAX = 50
# A failover fills twice as many nonces of each key: few, or a campaign would do little else.
IN_FLIGHT_MAX = 3


def hurry() -> None:
    """Shorten the waits of this process; call it in a worker only."""
    advance.LEASE = assign.LEASE = check.LEASE = holders.LEASE = LEASE
    advance.LOOK_EVERY = timedelta(seconds=0.4)
    advance.RESEND_AFTER = timedelta(seconds=1.5)
    advance.BUMP_AFTER = timedelta(seconds=2.5)
    advance.DEATH_AFTER = timedelta(seconds=1)
    advance.SUSPICION_WAIT = timedelta(seconds=3)
    advance.TICK_SECONDS_MAX = 3
    assign.RETRY = timedelta(seconds=0.5)
    assign.BATCH_MAX = BATCH_MAX
    assign._DUE = {  # noqa: SLF001 - it holds the batch sizes
        kind: (order_type, status, min(limit, BATCH_MAX))
        for kind, (order_type, status, limit) in assign._DUE.items()  # noqa: SLF001 - as above
    }
    check.RETRY = timedelta(seconds=0.4)
    check.REQUEUE_WAIT = timedelta(seconds=0.5)
    holders.RETRY = timedelta(seconds=1)
    sign.FIRST_LOOK = timedelta(seconds=0.4)
    sign.RETRY = timedelta(seconds=0.5)
    sign.PATIENCE = timedelta(seconds=1.5)
    lanes.IN_FLIGHT_MAX = IN_FLIGHT_MAX
    lanes.HEAD_START = timedelta(seconds=0.5)
    reserves.PAUSE = timedelta(seconds=1)

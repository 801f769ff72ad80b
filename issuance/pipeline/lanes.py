"""Watch over nonces and history: before anything is signed, what may be lost is won back."""

from datetime import datetime

from issuance.pipeline.recover import recover_due
from issuance.pipeline.world import World


def inspect_lanes(*, world: World, now: datetime) -> int:
    """Compare counters, order ids and the database's history with the chain; returns recoveries.

    A chain that has seen more than we gave out means lost commits or a stolen key: the network
    stops signing until it has recovered, and until a person has looked when no failover explains it.
    """
    return recover_due(world=world, now=now)

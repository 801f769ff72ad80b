"""Read-only examination of networks, nodes, lanes, tokens and roles; nothing is written or sent."""

from collections.abc import Callable, Sequence
from datetime import datetime

from issuance.chain.client import ChainClient
from issuance.chain.types import Signer as Key
from issuance.pipeline.doctor.contracts import examine_tokens
from issuance.pipeline.doctor.findings import Finding, Weight
from issuance.pipeline.doctor.lanes import examine_lanes
from issuance.pipeline.doctor.network import examine_network, examine_nodes
from issuance.pipeline.doctor.work import examine_work

__all__ = ["Finding", "Weight", "examine"]


def examine(
    *,
    client: ChainClient,
    nodes: Sequence[ChainClient],
    key_for: Callable[[str], Key] | None,
    now: datetime,
) -> list[Finding]:
    """Everything that is not as it should be on one network, what stops work first.

    ``client`` asks by quorum, ``nodes`` are the same nodes each by itself. ``key_for`` None leaves
    the keys alone.
    """
    network = client.network
    found = [
        *examine_nodes(network, nodes),
        *examine_network(network, client, now=now),
        *examine_lanes(network, client, key_for=key_for, now=now),
        *examine_tokens(network, client, now=now),
        *examine_work(network, now=now),
    ]
    return sorted(found, key=lambda each: each.weight != Weight.STOPS)

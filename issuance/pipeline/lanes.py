"""Watch over nonces: nobody but us may use a signer's key."""

from datetime import datetime

import structlog

from issuance import services
from issuance.chain.errors import ChainError
from issuance.models import Signer
from issuance.pipeline.world import World

_log = structlog.get_logger(__name__)


def inspect_lanes(*, world: World, now: datetime) -> int:
    """Compare each signer's counter with the chain; returns how many were behind it.

    A chain that has seen more nonces than we gave out means lost commits or a stolen key: the
    counter is raised, never lowered, and the network halts until a person has looked.
    """
    behind = 0
    for signer in Signer.objects.order_by("pk"):
        try:
            seen = world.chain_for(signer.network).nonce(signer.address, at="latest")
        except ChainError as unknown:
            _log.info("lane_unseen", signer=signer.address, reason=unknown.code)
            continue
        if seen > signer.next_nonce:
            behind += 1
            reason = f"{signer.address}: chain nonce {seen}, ours {signer.next_nonce}"
            services.raise_nonce(signer_id=signer.pk, chain_nonce=seen, reason=reason, now=now)
    return behind

"""Register entries at a token whose registry is the issuer's own: looked up, and frozen where needed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from issuance.chain.errors import ChainError
from issuance.chain.standards import standard_of
from issuance.models import Holder, Token
from issuance.pipeline.world import World
from issuance.services import confirmations, leases

# A registry is asked wallet by wallet.
LOOKED_UP_MAX = 25
# The issuer's own onboarding takes hours, not seconds.
LOOK_AGAIN = timedelta(seconds=15)
_log = structlog.get_logger(__name__)


def look_up(
    token: Token, holders: Sequence[Holder], *, world: World, now: datetime
) -> list[Holder]:
    """Confirm what stands on chain as wanted; returns the entries whose freeze must be written.

    Everything else, such as a wallet that the registry has not verified, waits.
    """
    asked = list(holders)[:LOOKED_UP_MAX]
    try:
        node, standard = world.chain_of(token), standard_of(token)
        final = node.finalized().number
        seen = {each.pk: standard.holder(node, each.wallet.address, at=final) for each in asked}
    except ChainError as unknown:
        _log.info("registry_waits", token=token.public_id, reason=unknown.code)
        give_back(holders, at=now + LOOK_AGAIN)
        return []
    confirmations.confirm_holders(token_id=token.pk, seen=seen, now=now)
    written = [
        each for each in asked if confirmations.may_be_written(holder=each, state=seen[each.pk])
    ]
    named = {each.pk for each in written}
    give_back([each for each in holders if each.pk not in named], at=now + LOOK_AGAIN)
    return written


def give_back(holders: Sequence[Holder], *, at: datetime) -> None:
    """Let entries that were not written wait; what another worker has claimed since is that one's."""
    if holders:
        leases.give_back_holders(holders=holders, at=at)

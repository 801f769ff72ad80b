"""Register entries at a token whose registry is the issuer's own: looked up, and frozen where needed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from issuance.chain.errors import ChainError
from issuance.chain.standards import standard_of
from issuance.models import Holder, Token
from issuance.pipeline.world import World
from issuance.services import confirmations
from issuance.states import HolderStatus

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
        _wait(holders, now=now)
        return []
    confirmations.confirm_holders(token_id=token.pk, seen=seen, now=now)
    written = [
        each for each in asked if confirmations.may_be_written(holder=each, state=seen[each.pk])
    ]
    named = {each.pk for each in written}
    _wait([each for each in holders if each.pk not in named], now=now)
    return written


def _wait(holders: Sequence[Holder], *, now: datetime) -> None:
    rows = Holder.objects.filter(pk__in=[each.pk for each in holders], status=HolderStatus.PENDING)
    rows.update(leased_until=None, next_attempt_at=now + LOOK_AGAIN)

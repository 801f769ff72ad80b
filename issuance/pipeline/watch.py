"""A look at each network as a whole: do its nodes agree, does finality move, is there gas to pay."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.client import ChainClient
from issuance.chain.errors import ChainError, FinalityDisagreement
from issuance.chain.fees import GasPolicy
from issuance.chain.finality import CLOCK_SKEW_SECONDS_MAX, FinalityPolicy, policy_of
from issuance.chain.registry import gas_policy
from issuance.models import NetworkLook
from issuance.pipeline.walls import Piece, Wall
from issuance.pipeline.world import World
from issuance.services import nodes as node_services
from issuance.services.nodes import FinalityStalled, GasBudgetSpent, Look
from issuance.states import Work

# The rows are for people and for other processes; the pipeline itself asks the nodes.
LOOK_EVERY = timedelta(seconds=5)
CLOCK_SKEWED = "clock_skewed"
_log = structlog.get_logger(__name__)


def watch_networks(*, world: World, now: datetime) -> int:
    """Look at every network whose last look is old enough; returns how many had an alarm."""
    alarms = 0
    recent = set(
        NetworkLook.objects.filter(seen_at__gt=now - LOOK_EVERY, seen_at__lte=now).values_list(
            "network", flat=True
        )
    )
    for network in sorted({token.network for token in queries.tokens()} - recent):
        with Wall(piece=Piece(Work.WATCH, network), now=now):
            alarms += bool(watch(network=network, world=world, now=now).alarm)
    return alarms


def watch(*, network: str, world: World, now: datetime) -> Look:
    """Look at one network, keep what was seen, and halt it when its nodes contradict each other."""
    gas = gas_policy(network)
    try:
        node = world.chain_for(network)
    except ChainError as unknown:
        look = Look(network=network, alarm=unknown.code, note=str(unknown))
        services.record_look(look=look, now=now)
        return look
    look = _look(network, node, gas, now=now)
    if look.alarm:
        _log.warning("network_alarm", network=network, alarm=look.alarm, note=look.note)
    services.record_look(look=look, now=now)
    if look.alarm == FinalityDisagreement.code:
        services.trip(
            name=queries.network_breaker(network), reason=f"{look.alarm}: {look.note}", now=now
        )
    return look


@dataclass(frozen=True, slots=True)
class _Finality:
    """What the nodes say of finality, and what is wrong with it."""

    head: chain.Head | None = None
    skew: int | None = None
    alarm: str = ""
    note: str = ""


def _look(network: str, node: chain.Chain, gas: GasPolicy, *, now: datetime) -> Look:
    policy = node.finality if isinstance(node, ChainClient) else policy_of(node.chain_id)
    seen = _finality(node, policy, now=now)
    spent = node_services.gas_spent(network=network, now=now)
    alarm, note = seen.alarm, seen.note
    if not alarm and gas.budget_wei and spent >= gas.budget_wei:
        alarm, note = GasBudgetSpent.code, f"{spent} of {gas.budget_wei} wei in 24 hours"
    final = seen.head
    return Look(
        network=network,
        finalized=final,
        finalized_at=datetime.fromtimestamp(final.timestamp, tz=UTC) if final else None,
        clock_skew_seconds=seen.skew,
        gas_spent_wei=spent,
        alarm=alarm,
        note=note,
        # Read last: the questions above are what the scores are made of.
        balances=_balances(network, node),
        gas_floor_wei=gas.floor_wei,
        nodes=node.nodes() if isinstance(node, ChainClient) else (),
    )


def _finality(node: chain.Chain, policy: FinalityPolicy, *, now: datetime) -> _Finality:
    try:
        final, head = node.finalized(), node.head()
    except ChainError as unknown:
        return _Finality(alarm=unknown.code, note=str(unknown))
    moment = now.timestamp()
    # A chain that makes blocks on demand tells no time.
    tells_time = policy.stall_seconds > 0
    skew = round(head.timestamp - moment) if tells_time else None
    age = round(moment - final.timestamp)
    if tells_time and age > policy.stall_seconds:
        note = f"block {final.number} is {age} s old, more than {policy.stall_seconds} s"
        return _Finality(final, skew, FinalityStalled.code, note)
    if skew is not None and skew > CLOCK_SKEW_SECONDS_MAX:
        note = f"the head is {skew} s ahead of our clock"
        return _Finality(final, skew, CLOCK_SKEWED, note)
    if skew is not None and -skew > CLOCK_SKEW_SECONDS_MAX + policy.block_seconds_max:
        note = f"the head is {-skew} s behind our clock"
        return _Finality(final, skew, CLOCK_SKEWED, note)
    return _Finality(final, skew)


def _balances(network: str, node: chain.Chain) -> dict[uuid.UUID, int]:
    """Wei by signer; an account that cannot be read keeps what is known of it."""
    found = {}
    for signer in node_services.gas_accounts(network=network):
        try:
            found[signer.pk] = node.balance(signer.address)
        except ChainError:
            break
    return found

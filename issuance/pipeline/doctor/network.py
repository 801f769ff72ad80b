"""The doctor on one network: its nodes one by one, its finality, its price, its halts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from core.breakers import is_proposed
from core.models import Breaker
from core.states import BreakerStatus
from issuance import queries
from issuance.chain.client import ChainClient
from issuance.chain.errors import (
    ChainAnswerInvalid,
    ChainError,
    ChainMismatch,
    FeeCeilingReached,
    FinalityDisagreement,
)
from issuance.chain.types import Head
from issuance.models import NetworkGate, NetworkLook, Recovery
from issuance.models.gates import Recovering
from issuance.pipeline.doctor.findings import Finding, Weight
from issuance.states import NetworkStatus, RecoveryStatus

HALT_ACTIVE = "halt_active"
FINALITY_STALLED = "finality_stalled"
NODE_BEHIND = "node_behind"
LAG_BLOCKS_MAX = 20
_DO = {
    ChainMismatch.code: "Correct CHAIN_RPC_URLS or CHAIN_IDS: this node serves another chain.",
    ChainAnswerInvalid.code: "Take the node out of CHAIN_RPC_URLS and ask its operator.",
}
# What the watch alone can know; it keeps the rest of its alarms where the doctor looks itself.
_DO_ALARM = {
    "gas_budget_spent": "Wait for the day to pass, or raise the gas budget in the settings.",
    "clock_skewed": "Set this machine's clock: times decide what is stale.",
}
_DO_REACH = "Check address, key and firewall of the node; work goes on while more than half answer."


def examine_nodes(network: str, nodes: Sequence[ChainClient]) -> list[Finding]:
    """Each node of a network asked alone, and their finalized blocks compared."""
    found: list[Finding] = []
    heads: dict[int, Head] = {}
    for index, node in enumerate(nodes):
        subject = f"node {index + 1} of {len(nodes)}"
        try:
            heads[index] = node.head()
        except ChainError as unknown:
            found.append(_node_finding(network, subject, unknown, alone=len(nodes) == 1))
    best = max((head.number for head in heads.values()), default=0)
    for index, head in heads.items():
        if best - head.number > LAG_BLOCKS_MAX:
            found.append(
                Finding(
                    code=NODE_BEHIND,
                    weight=Weight.LOOK,
                    network=network,
                    subject=f"node {index + 1} of {len(nodes)}",
                    says=f"Its head is {head.number}, another node's {best}.",
                    do="Wait for it to catch up, or replace it: its word counts less meanwhile.",
                )
            )
    return found + _disagreement(network, [nodes[index] for index in heads])


def examine_network(network: str, client: ChainClient, *, now: datetime) -> list[Finding]:
    """Finality, price, halts and recovery of one network. Asks by quorum."""
    return [
        *_finality(network, client, now=now),
        *_price(network, client),
        *_halts(network, now=now),
        *_recovery(network),
        *_alarm(network),
    ]


def _node_finding(network: str, subject: str, unknown: ChainError, *, alone: bool) -> Finding:
    return Finding(
        code=unknown.code,
        weight=Weight.STOPS if alone else Weight.LOOK,
        network=network,
        subject=subject,
        says=f"It cannot be used: {unknown}",
        do=_DO.get(unknown.code, _DO_REACH),
    )


def _disagreement(network: str, nodes: Sequence[ChainClient]) -> list[Finding]:
    """Two nodes that call different blocks of one height final: one of them lies."""
    finals = {}
    for node in nodes:
        try:
            finals[node] = node.finalized().number
        except ChainError:
            continue
    if len(finals) <= 1:
        return []
    height = min(finals.values())
    hashes = set()
    for node in finals:
        try:
            hashes.add(node.block_hash(height))
        except ChainError:
            continue
    if len(hashes - {None}) <= 1:
        return []
    return [
        Finding(
            code=FinalityDisagreement.code,
            weight=Weight.STOPS,
            network=network,
            subject=f"block {height}",
            says="Two nodes call different blocks of this height final: one of them lies.",
            do="Compare with an explorer, take the liar out of CHAIN_RPC_URLS, check invariants.",
        )
    ]


def _finality(network: str, client: ChainClient, *, now: datetime) -> list[Finding]:
    try:
        final = client.finalized()
    except ChainError as unknown:
        return [
            Finding(
                code=unknown.code,
                weight=Weight.STOPS,
                network=network,
                subject="finalized block",
                says=f"The nodes do not tell: {unknown}",
                do="Nothing settles until they do. Repair the nodes named above.",
            )
        ]
    limit = client.finality.stall_seconds
    age = now - datetime.fromtimestamp(final.timestamp, tz=UTC)
    if not limit or age <= timedelta(seconds=limit):
        return []
    return [
        Finding(
            code=FINALITY_STALLED,
            weight=Weight.LOOK,
            network=network,
            subject=f"block {final.number}",
            says=f"The newest final block is {int(age.total_seconds()) // 60} minutes old.",
            do="Wait: orders stay where they are and settle by themselves. Tell institutions.",
        )
    ]


def _price(network: str, client: ChainClient) -> list[Finding]:
    try:
        client.fees()
    except FeeCeilingReached as dear:
        return [
            Finding(
                code=dear.code,
                weight=Weight.STOPS,
                network=network,
                subject="price of gas",
                says=f"The network asks for more than we pay: {dear}.",
                do="Wait, or raise CHAIN_FEE_CEILINGS_GWEI for this network and restart the workers.",
            )
        ]
    except ChainError:
        return []  # Unreachable nodes have their own findings.
    return []


def _halts(network: str, *, now: datetime) -> list[Finding]:
    names = {queries.network_breaker(network)}
    for token in queries.tokens().filter(network=network):
        names |= {*queries.breaker_names(token=token), token.fund.breaker}
    opened = Breaker.objects.filter(name__in=names, status=BreakerStatus.OPEN).order_by("name")
    return [
        Finding(
            code=HALT_ACTIVE,
            weight=Weight.STOPS,
            network=network,
            subject=each.name,
            says=f"Halted since {each.opened_at:%Y-%m-%d %H:%M} UTC: {each.reason}",
            do="A second person approves the proposal under Waiting for me."
            if is_proposed(each, now=now)
            else "Find the cause; then two people let work pass again (portal, Breakers).",
        )
        for each in opened
    ]


def _alarm(network: str) -> list[Finding]:
    look = NetworkLook.objects.filter(network=network, alarm__in=_DO_ALARM).first()
    if look is None:
        return []
    return [
        Finding(
            code=look.alarm,
            weight=Weight.STOPS if look.waits else Weight.LOOK,
            network=network,
            subject="the watch",
            says=look.note or "It said so at its last look.",
            do=_DO_ALARM[look.alarm],
        )
    ]


def _recovery(network: str) -> list[Finding]:
    gate = NetworkGate.objects.filter(network=network).first()
    if gate is None or gate.status == NetworkStatus.OPERATING:
        return []
    running = Recovery.objects.filter(network=network).exclude(status=RecoveryStatus.DONE).first()
    says = f"{running.status}: {running.reason}" if running else "No recovery is recorded."
    note = f" Last: {running.last_note}." if running and running.last_note else ""
    return [
        Finding(
            code=Recovering.code,
            weight=Weight.STOPS,
            network=network,
            subject="recovery",
            says=f"Nothing new is signed. {says}{note}",
            do="Leave the chain workers running: it ends by itself once the fences are final.",
        )
    ]

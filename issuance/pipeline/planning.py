"""Before a nonce is taken: what a call costs, and which of its orders chain or key would refuse."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from issuance.chain.errors import CallReverted, SignerRefused
from issuance.chain.types import Chain, Fees, Signer, UnsignedCall

Row = TypeVar("Row")

# State may change between estimate and block; a batch must not run out for one new slot.
GAS_MARGIN_PERCENT = 25
GAS_MARGIN = 30_000
GAS_MAX = 16_777_216


@dataclass(frozen=True, slots=True)
class Plan(Generic[Row]):
    """Rows that pass together, their gas limit, and those that do not even alone, with the reason.

    ``refused`` would revert; ``forbidden`` the key's policy lets nobody sign.
    """

    passing: list[Row]
    gas: int
    refused: list[tuple[Row, CallReverted]]
    forbidden: list[tuple[Row, SignerRefused]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation(Generic[Row]):
    """How to try a call: by which key and at which price, to which contract, how rows become bytes."""

    chain: Chain
    key: Signer
    fees: Fees
    to: str
    encode: Callable[[Sequence[Row]], bytes]

    @property
    def sender(self) -> str:
        """The key's address."""
        return self.key.address

    def permit(self, data: bytes, *, gas: int = 0) -> None:
        """Raises SignerRefused when the key's policy forbids the call; asks the key nothing."""
        # No policy speaks of nonces, and none is taken yet.
        self.key.require(
            UnsignedCall(
                chain_id=self.chain.chain_id,
                nonce=0,
                to=self.to,
                data=data,
                gas=gas,
                fees=self.fees,
            )
        )


def plan_each(batches: Sequence[Sequence[Row]], *, simulation: Simulation[Row]) -> list[Plan[Row]]:
    """``plan`` for several batches; what passes as it is was tried in one request."""
    estimates = simulation.chain.simulate_many(
        sender=simulation.sender,
        to=simulation.to,
        datas=[simulation.encode(rows) for rows in batches],
    )
    return [
        plan(rows, simulation=simulation, estimate=estimate)
        for rows, estimate in zip(batches, estimates, strict=True)
    ]


def plan(
    rows: Sequence[Row], *, simulation: Simulation[Row], estimate: int | None = None
) -> Plan[Row]:
    """Try the rows together; when that reverts or is forbidden, halve until culprits stand alone.

    ``estimate`` is their gas when they were tried just now. Raises ChainError when the node cannot
    be asked: then nothing is signed.
    """
    data = simulation.encode(rows)
    try:
        if estimate is None:
            estimate = simulation.chain.simulate(
                sender=simulation.sender, to=simulation.to, data=data
            )
        gas = min(estimate * (100 + GAS_MARGIN_PERCENT) // 100 + GAS_MARGIN, GAS_MAX)
        simulation.permit(data, gas=gas)
    except CallReverted as refusal:
        if len(rows) == 1:
            return Plan([], 0, [(rows[0], refusal)])
        return _plan_halves(rows, simulation)
    except SignerRefused as refusal:
        culprits = _forbidden(rows, simulation)
        if culprits:
            return _plan_without(culprits, rows, simulation)
        if len(rows) == 1:
            return Plan([], 0, [], [(rows[0], refusal)])
        # Each may be signed and all of them may not: too many units, rows or gas for one call.
        return _plan_halves(rows, simulation)
    return Plan(list(rows), gas, [])


def _plan_halves(rows: Sequence[Row], simulation: Simulation[Row]) -> Plan[Row]:
    middle = len(rows) // 2
    first = plan(rows[:middle], simulation=simulation)
    second = plan(rows[middle:], simulation=simulation)
    # One half passes now; the other waits its turn, so that what is signed was simulated.
    taken = first if first.passing else second
    return Plan(
        taken.passing,
        taken.gas,
        [*first.refused, *second.refused],
        [*first.forbidden, *second.forbidden],
    )


def _forbidden(rows: Sequence[Row], simulation: Simulation[Row]) -> list[tuple[Row, SignerRefused]]:
    """Those that the policy forbids each by itself, whatever gas they need; no node is asked."""
    try:
        simulation.permit(simulation.encode(rows))
    except SignerRefused as refusal:
        if len(rows) == 1:
            return [(rows[0], refusal)]
        middle = len(rows) // 2
        return [*_forbidden(rows[:middle], simulation), *_forbidden(rows[middle:], simulation)]
    return []


def _plan_without(
    culprits: Sequence[tuple[Row, SignerRefused]],
    rows: Sequence[Row],
    simulation: Simulation[Row],
) -> Plan[Row]:
    barred = {id(row) for row, _ in culprits}
    rest = [row for row in rows if id(row) not in barred]
    if not rest:
        return Plan([], 0, [], list(culprits))
    planned = plan(rest, simulation=simulation)
    forbidden = [*culprits, *planned.forbidden]
    return Plan(planned.passing, planned.gas, planned.refused, forbidden)

"""Before a nonce is taken: what a call costs, and which of its orders the chain would refuse."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from issuance.chain import types as chain
from issuance.chain.errors import CallReverted

Row = TypeVar("Row")

# State may change between estimate and block; a batch must not run out for one new slot.
GAS_MARGIN_PERCENT = 25
GAS_MARGIN = 30_000
GAS_MAX = 16_777_216


@dataclass(frozen=True, slots=True)
class Plan(Generic[Row]):
    """Rows that pass together, their gas limit, and those that revert even alone with the reason."""

    passing: list[Row]
    gas: int
    refused: list[tuple[Row, CallReverted]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation(Generic[Row]):
    """How to try a call: from whom, to which contract, and how rows become calldata."""

    chain: chain.Chain
    sender: str
    to: str
    encode: Callable[[Sequence[Row]], bytes]


def plan(rows: Sequence[Row], *, simulation: Simulation[Row]) -> Plan[Row]:
    """Simulate the rows together; when that reverts, halve until the culprits stand alone.

    Raises ChainError when the node cannot be asked: then nothing is signed.
    """
    try:
        estimate = simulation.chain.simulate(
            sender=simulation.sender, to=simulation.to, data=simulation.encode(rows)
        )
    except CallReverted as refusal:
        if len(rows) == 1:
            return Plan([], 0, [(rows[0], refusal)])
        middle = len(rows) // 2
        first = plan(rows[:middle], simulation=simulation)
        second = plan(rows[middle:], simulation=simulation)
        refused = [*first.refused, *second.refused]
        # One half passes now; the other waits its turn, so that what is signed was simulated.
        taken = first if first.passing else second
        return Plan(taken.passing, taken.gas, refused)
    gas = estimate * (100 + GAS_MARGIN_PERCENT) // 100 + GAS_MARGIN
    return Plan(list(rows), min(gas, GAS_MAX), [])

"""What to offer for gas: pure arithmetic in wei, under ceilings that a person has set."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Final

from issuance.chain.errors import FeeCeilingReached
from issuance.chain.types import Fees

GWEI: Final = 10**9
# Below this a tip is noise; some nodes report zero for quiet blocks.
TIP_MIN: Final = 10**6
# A node takes a replacement at +10 % on both prices; an eighth leaves room for rounding.
BUMP_NUMERATOR: Final = 9
BUMP_DENOMINATOR: Final = 8


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """The most the issuer will pay on one network, in wei per gas."""

    max_fee: int = 500 * GWEI
    tip: int = 50 * GWEI


@dataclass(frozen=True, slots=True)
class GasPolicy:
    """What the issuer spends on a network: ``budget_wei`` in any 24 hours, 0 without limit.

    A signer below ``floor_wei`` takes no new transaction.
    """

    budget_wei: int = 0
    floor_wei: int = 10**16


def price(*, base_fee: int, tips: Sequence[int], policy: FeePolicy) -> Fees:
    """The first offer: twice the base fee, so it stays valid for six full blocks, plus a tip.

    ``tips`` are recent median tips. Raises FeeCeilingReached when even the next block's price is
    above the ceiling.
    """
    tip = min(max(median_low(tips) if tips else 0, TIP_MIN), policy.tip)
    if base_fee + tip > policy.max_fee:
        raise FeeCeilingReached(f"{base_fee + tip} wei is above {policy.max_fee}")
    return Fees(max_fee=min(2 * base_fee + tip, policy.max_fee), tip=tip)


def bump(fees: Fees, *, policy: FeePolicy) -> Fees:
    """The next offer for the same nonce: both prices up by an eighth, rounded up.

    Raises FeeCeilingReached; the earlier offer then stays the last one.
    """
    raised = Fees(max_fee=_raised(fees.max_fee), tip=_raised(fees.tip))
    if raised.max_fee > policy.max_fee or raised.tip > policy.tip:
        raise FeeCeilingReached(f"{raised.max_fee} wei, tip {raised.tip}")
    return raised


def _raised(value: int) -> int:
    return -(-value * BUMP_NUMERATOR // BUMP_DENOMINATOR)

"""When a block counts as final, network by network: the `finalized` tag, sometimes more, never less."""

from dataclasses import dataclass
from typing import Final

_MINUTE: Final = 60
CLOCK_SKEW_SECONDS_MAX: Final = 30


@dataclass(frozen=True, slots=True)
class FinalityPolicy:
    """``depth`` blocks below the head at least, besides the tag; 0 asks for the tag alone.

    ``stall_seconds`` is the age of the finalized block from which finality counts as stalled, 0
    never: a chain that makes blocks on demand has no age. ``block_seconds_max`` is how long the
    chain may rest between two blocks, slots without a block included.
    """

    depth: int = 0
    stall_seconds: int = 0
    block_seconds_max: int = 60


# By chain id. The reasons and sources of each figure stand in docs/nodes.md, "Finality".
_ETHEREUM: Final = FinalityPolicy(stall_seconds=25 * _MINUTE)
_ON_ETHEREUM: Final = FinalityPolicy(stall_seconds=40 * _MINUTE)
_POLICIES: Final = {
    1: _ETHEREUM,
    11_155_111: _ETHEREUM,
    10: _ON_ETHEREUM,
    8_453: _ON_ETHEREUM,
    84_532: _ON_ETHEREUM,
    42_161: _ON_ETHEREUM,
    137: FinalityPolicy(depth=64, stall_seconds=10 * _MINUTE),
    43_114: FinalityPolicy(stall_seconds=2 * _MINUTE),
    31_337: FinalityPolicy(),
}
_UNKNOWN_CHAIN: Final = FinalityPolicy(stall_seconds=40 * _MINUTE)


def policy_of(
    chain_id: int, *, depth: int | None = None, stall_seconds: int | None = None
) -> FinalityPolicy:
    """A chain's policy. A configured depth may deepen it and never makes it shallower."""
    known = _POLICIES.get(chain_id, _UNKNOWN_CHAIN)
    return FinalityPolicy(
        depth=max(known.depth, depth or 0),
        stall_seconds=known.stall_seconds if stall_seconds is None else stall_seconds,
        block_seconds_max=known.block_seconds_max,
    )

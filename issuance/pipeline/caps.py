"""How a fund's attestable shares are divided into caps, one for each of its tokens: figures only.

Two rules hold at every instant and whatever is still on its way. A cap rises only into what every
other contract can no longer come to allow (raise late); it falls as soon as somebody else waits for
what it does not need (lower early). So the sum of all that contracts may allow never exceeds what
the custodian vouches for, and room goes to whichever network's orders need it.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

# A cap nobody waits for is raised only for at least this part of the fund: each raise costs gas.
GROWTH_PARTS_MIN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one token has and needs of its fund's shares, in units.

    ``cap`` is final on chain; ``newest`` is what it will be once everything signed has arrived;
    ``bound`` is the most the contract may come to allow meanwhile. ``needed`` is what its tokens
    and its accepted orders require.
    """

    cap: int
    newest: int
    bound: int
    needed: int


def wanted_cap(*, token_id: uuid.UUID, claims: Mapping[uuid.UUID, Claim], attestable: int) -> int:
    """The cap to attest next for a token; equal to its present one when nothing need change.

    Each token gets what it needs and an equal part of what nobody needs. A cap that is larger than
    that is left alone until a sibling's orders wait for room, so that caps do not go to and fro.
    """
    mine = claims[token_id]
    room = room_of(token_id=token_id, claims=claims, attestable=attestable)
    target = _target(mine, claims=claims, attestable=attestable)
    if mine.bound > room:
        # Shares are leaving, or have left: everybody shrinks to its part.
        return min(mine.cap, target)
    if mine.needed > mine.cap:
        return max(min(target, room), mine.cap)
    if any(
        _waits(each, claims=claims, attestable=attestable) for each in claims if each != token_id
    ):
        return min(mine.cap, target)
    raised = min(target, room)
    alone = len(claims) == 1
    if raised > mine.cap and (alone or (raised - mine.cap) * GROWTH_PARTS_MIN >= attestable):
        return raised
    return mine.cap


def is_due(claim: Claim, *, wanted: int) -> bool:
    """Whether to ask for a figure, when none is on its way.

    One that was signed and never relayed could still be: only a later figure makes it void.
    """
    return wanted != claim.cap or claim.bound > claim.cap


def room_of(*, token_id: uuid.UUID, claims: Mapping[uuid.UUID, Claim], attestable: int) -> int:
    """The highest cap a token may get while every sibling may come to allow its ``bound``."""
    others = sum(claim.bound for each, claim in claims.items() if each != token_id)
    return max(attestable - others, 0)


def _target(mine: Claim, *, claims: Mapping[uuid.UUID, Claim], attestable: int) -> int:
    needed = sum(claim.needed for claim in claims.values())
    return mine.needed + max(attestable - needed, 0) // len(claims)


def _waits(token_id: uuid.UUID, *, claims: Mapping[uuid.UUID, Claim], attestable: int) -> bool:
    """Whether a token's orders need more than its cap can become without a sibling's fall."""
    claim = claims[token_id]
    room = room_of(token_id=token_id, claims=claims, attestable=attestable)
    return claim.needed > max(claim.newest, room)

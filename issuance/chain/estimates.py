"""What a call would cost on the pending block: as a quorum of nodes estimates it, or why it reverts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from issuance.chain import answers
from issuance.chain.errors import ChainError
from issuance.chain.permissions import GAS_MAX
from issuance.chain.pool import NodePool, Reply
from issuance.chain.quorum import Agreed, agreement, no_quorum
from issuance.chain.refusals import is_failure
from issuance.chain.rpc import Call

# Arbitrum One, Nova and Sepolia charge gas for data sent to Ethereum; a simulated block has no price for
# it, and eth_estimateGas has.
_DATA_IS_GAS = frozenset({42_161, 42_170, 421_614})


def estimate_call(*, sender: str, to: str | None, data: bytes) -> Call:
    """The question to a node."""
    return Call("eth_estimateGas", (_asked(sender=sender, to=to, data=data), "pending"))


def estimate(pool: NodePool, call: Call) -> int:
    """Gas for one call. Raises CallReverted with the reason, and other ChainErrors."""
    if len(pool) == 1:
        return answers.read(answers.number, pool.alone([call])[0].read())

    estimates: list[int] = []

    def read(reply: Reply) -> bool:
        estimates.append(answers.read(answers.number, reply.answers[0].read()))
        return True

    def decide(replies: list[Reply]) -> Agreed[bool] | None:
        estimates.clear()
        return agreement(replies, read=read, need=pool.quorum)

    found, replies = pool.each([call], decide=decide, patient=True)
    if found is None:
        raise no_quorum("simulation", replies, pool.quorum)
    found.read()
    return _of_quorum(estimates, pool.quorum)


def estimate_many(
    pool: NodePool, *, sender: str, to: str, datas: Sequence[bytes]
) -> list[int | None]:
    """Gas for each of many calls of one sender; never raises.

    They are tried in one block on top of the pending one (``eth_simulateV1`` of the execution APIs),
    each on what those before it left behind; where a quorum does not offer this, each by itself, in
    one more request. None where fewer than a quorum estimate a call: ask about that one alone, and
    hear why.
    """
    asked = [_asked(sender=sender, to=to, data=data) for data in datas]
    found = None
    if pool.chain_id not in _DATA_IS_GAS:
        block = {"blockStateCalls": [{"calls": asked}], "validation": False}
        together = Call("eth_simulateV1", (block, "pending"))
        found = _heard(pool, [together], read=lambda reply: _read_block(reply, count=len(asked)))
    if found is None:
        alone = [Call("eth_estimateGas", (each, "pending")) for each in asked]
        found = _heard(pool, alone, read=_read_each)
    return [None] * len(asked) if found is None else found


def _heard(
    pool: NodePool, calls: Sequence[Call], *, read: Callable[[Reply], list[int | None] | None]
) -> list[int | None] | None:
    """What a quorum estimates for each; None when fewer than a quorum can be read."""

    def decide(replies: list[Reply]) -> bool | None:
        # A refusal is an answer: nobody waits for a silent node to hear it once more.
        return sum(_spoke(reply) for reply in replies) >= pool.quorum or None

    _, replies = pool.each(calls, decide=decide, patient=True)
    said = [each for each in map(read, replies) if each is not None]
    if len(said) < pool.quorum:
        return None
    heard = [[each for each in by_call if each is not None] for by_call in zip(*said, strict=True)]
    return [_of_quorum(each, pool.quorum) if len(each) >= pool.quorum else None for each in heard]


def _spoke(reply: Reply) -> bool:
    return not all(is_failure(each.error) for each in reply.answers)


def _asked(*, sender: str, to: str | None, data: bytes) -> dict[str, str]:
    return {"from": sender, "data": f"0x{data.hex()}"} | ({"to": to} if to else {})


def _of_quorum(estimates: Sequence[int], quorum: int) -> int:
    """Enough for a quorum; one node's fancy is the highest and counts for nothing once all spoke."""
    return sorted(estimates)[quorum - 1]


def _read_block(reply: Reply, *, count: int) -> list[int | None] | None:
    """What each call of a simulated block needs, None for one that reverts; None for no such block."""
    try:
        return answers.read(lambda said: _needed(said, count), reply.answers[0].read())
    except ChainError:
        return None


def _needed(blocks: Sequence[Mapping[str, Any]], count: int) -> list[int | None]:
    (block,) = blocks
    found: list[int | None] = []
    for call in block["calls"]:
        used = answers.number(call["gasUsed"])
        if used <= 0:
            raise ValueError("gas")
        # What is given back at the end is needed until then. Not every node tells it, nor each rightly.
        most = max(used * 5 // 4, answers.number(call.get("maxUsedGas", "0x0")))
        passes = answers.number(call["status"]) == 1 and most <= GAS_MAX
        found.append(most if passes else None)
    if len(found) != count:
        raise ValueError("calls")
    return found


def _read_each(reply: Reply) -> list[int | None] | None:
    if not _spoke(reply):
        return None
    found: list[int | None] = []
    for answer in reply.answers:
        try:
            found.append(answers.read(answers.number, answer.read()))
        except ChainError:
            found.append(None)
    return found

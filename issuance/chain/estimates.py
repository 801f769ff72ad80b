"""What a call would cost on the pending block: as a quorum of nodes estimates it, or why it reverts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from issuance.chain import answers
from issuance.chain.errors import ChainError
from issuance.chain.pool import NodePool, Reply
from issuance.chain.quorum import Agreed, agreement, no_quorum
from issuance.chain.rpc import Call


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
    """Gas for each of many calls of one sender, in one request to each node; never raises.

    They are tried one after another in one block on top of the pending one (``eth_simulateV1`` of the
    execution APIs), each with what those before it left behind; at nodes that do not offer this, each
    by itself. None where fewer than a quorum estimate it: ask about that one alone, and hear why.
    """
    asked = [_asked(sender=sender, to=to, data=data) for data in datas]
    block = {"blockStateCalls": [{"calls": asked}], "validation": False}
    found = _heard(
        pool,
        [Call("eth_simulateV1", (block, "pending"))],
        read=lambda reply: _read_block(reply, count=len(asked)),
    )
    if any(each is not None for each in found):
        return found
    alone = [Call("eth_estimateGas", (each, "pending")) for each in asked]
    return _heard(pool, alone, read=_read_each) or [None] * len(asked)


def _heard(
    pool: NodePool, calls: Sequence[Call], *, read: Callable[[Reply], list[int | None]]
) -> list[int | None]:
    """What a quorum estimates for each; empty when nobody was heard."""

    def decide(replies: list[Reply]) -> bool | None:
        return sum(None not in read(reply) for reply in replies) >= pool.quorum or None

    _, replies = pool.each(calls, decide=decide, patient=True)
    by_call = zip(*map(read, replies), strict=True)
    heard = [[each for each in said if each is not None] for said in by_call]
    return [_of_quorum(each, pool.quorum) if len(each) >= pool.quorum else None for each in heard]


def _asked(*, sender: str, to: str | None, data: bytes) -> dict[str, str]:
    return {"from": sender, "data": f"0x{data.hex()}"} | ({"to": to} if to else {})


def _of_quorum(estimates: Sequence[int], quorum: int) -> int:
    """Enough for a quorum; one node's fancy is the highest and counts for nothing once all spoke."""
    return sorted(estimates)[quorum - 1]


def _read_block(reply: Reply, *, count: int) -> list[int | None]:
    """What each call of a simulated block used at most; None for one that reverts there."""
    try:
        return answers.read(lambda said: _used(said, count), reply.answers[0].read())
    except ChainError:
        return [None] * count


def _used(blocks: Sequence[Mapping[str, Any]], count: int) -> list[int | None]:
    (block,) = blocks
    found: list[int | None] = []
    for call in block["calls"]:
        used = answers.number(call["gasUsed"])
        # Before refunds, where a node says so; without it the caller's margin covers what is refunded.
        most = max(used, answers.number(call.get("maxUsedGas", "0x0")))
        found.append(most if answers.number(call["status"]) == 1 and used > 0 else None)
    if len(found) != count:
        raise ValueError("calls")
    return found


def _read_each(reply: Reply) -> list[int | None]:
    found: list[int | None] = []
    for answer in reply.answers:
        try:
            found.append(answers.read(answers.number, answer.read()))
        except ChainError:
            found.append(None)
    return found

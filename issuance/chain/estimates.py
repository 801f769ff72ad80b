"""What a call would cost on the pending block: as a quorum of nodes estimates it, or why it reverts."""

from collections.abc import Sequence

from issuance.chain import answers
from issuance.chain.errors import ChainError
from issuance.chain.pool import NodePool, Reply
from issuance.chain.quorum import Agreed, agreement, no_quorum
from issuance.chain.rpc import Call


def estimate_call(*, sender: str, to: str | None, data: bytes) -> Call:
    """The question to a node."""
    asked = {"from": sender, "data": f"0x{data.hex()}"} | ({"to": to} if to else {})
    return Call("eth_estimateGas", (asked, "pending"))


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


def estimate_many(pool: NodePool, calls: Sequence[Call]) -> list[int | None]:
    """Gas for each of many calls, asked in one request; never raises.

    None where fewer than a quorum estimate it: ask about that one alone, and hear why.
    """

    def decide(replies: list[Reply]) -> bool | None:
        return sum(None not in _read_all(reply) for reply in replies) >= pool.quorum or None

    _, replies = pool.each(calls, decide=decide, patient=True)
    by_call = zip(*(_read_all(reply) for reply in replies), strict=True)
    heard = [[each for each in said if each is not None] for said in by_call]
    enough = [_of_quorum(each, pool.quorum) if len(each) >= pool.quorum else None for each in heard]
    return enough or [None] * len(calls)


def _of_quorum(estimates: Sequence[int], quorum: int) -> int:
    """Enough for a quorum; one node's fancy is the highest and counts for nothing once all spoke."""
    return sorted(estimates)[quorum - 1]


def _read_all(reply: Reply) -> list[int | None]:
    found: list[int | None] = []
    for answer in reply.answers:
        try:
            found.append(answers.read(answers.number, answer.read()))
        except ChainError:
            found.append(None)
    return found

"""Which block several nodes agree on: the newest head, and the newest finalized one."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from issuance.chain import answers
from issuance.chain.errors import ChainError, FinalityDisagreement, NoQuorum
from issuance.chain.pool import NodePool, Reply
from issuance.chain.quorum import no_quorum
from issuance.chain.rpc import Answer, Call
from issuance.chain.types import Head

_STEPS_BACK_MAX = 16
_PINS_MAX = 256
_LATEST = Call("eth_getBlockByNumber", ("latest", False))
_FINALIZED = Call("eth_getBlockByNumber", ("finalized", False))


def block_call(number: int) -> Call:
    """The question for the header at a height."""
    return Call("eth_getBlockByNumber", (hex(number), False))


class Heads:
    """Heads that a quorum agreed on. Each is pinned: later reads at its height keep to its hash."""

    def __init__(self, pool: NodePool) -> None:
        self._pool = pool
        self._pins: OrderedDict[int, str] = OrderedDict()
        self._settled: set[tuple[str, str, str]] = set()
        self._disagreement: FinalityDisagreement | None = None
        self._final: Head | None = None
        self._tip: Head | None = None
        self._levels: dict[int, dict[str, Head]] = {}

    def pinned(self, number: int) -> str | None:
        """The hash that an earlier answer of this client named at a height; a final one first."""
        if number in self._pins:
            return self._pins[number]
        tip = self._tip
        return tip.hash if tip is not None and tip.number == number else None

    def anchor(self) -> Head:
        """The finalized block by which absence, and what is below it, is judged. Raises ChainError."""
        if self._disagreement is not None:
            raise self._disagreement
        return self._final or self.finalized()

    def latest(self) -> Head:
        """The newest block that a quorum has. Raises ChainError."""
        self._levels.clear()
        found = self._heard([_LATEST])
        self._tip = self._common([heads[0] for heads in found.values()], found, "head")
        return self._tip

    def finalized(self, depth: int = 0) -> Head:
        """The newest block that a quorum calls final, ``depth`` blocks or more below its head.

        Raises FinalityDisagreement, NoQuorum or another ChainError.
        """
        self._levels.clear()
        calls = [_FINALIZED] if len(self._pool) == 1 and not depth else [_FINALIZED, _LATEST]
        found = self._heard(calls)
        claims = {label: heads[0] for label, heads in found.items()}
        self._disagreement = None
        try:
            final = self._common(list(claims.values()), found, "finalized head")
            self._compare(claims, final)
        except FinalityDisagreement as disagreement:
            self._disagreement = disagreement
            raise
        if depth:
            top = self._common([heads[1] for heads in found.values()], found, "head")
            final = self._not_above(final, max(top.number - depth, 0))
        self._final = final
        return self._pin(final)

    def _heard(self, calls: Sequence[Call]) -> dict[str, list[Head]]:
        """What each node says of the asked tags. Raises when too few answered."""
        need = self._pool.quorum

        def heads(replies: list[Reply]) -> dict[str, list[Head]] | None:
            found = {}
            for reply in replies:
                try:
                    found[reply.label] = [
                        answers.read(answers.head, each.read()) for each in reply.answers
                    ]
                except ChainError:
                    continue
            return found if len(found) >= need else None

        if len(self._pool) == 1:
            said = self._pool.alone(calls)
            label = self._pool.health()[0].label
            found = {label: [answers.read(answers.head, each.read()) for each in said]}
        else:
            decided, replies = self._pool.each(calls, decide=heads, patient=True)
            if decided is None:
                raise no_quorum("heads", replies, need)
            found = decided
        if calls[-1] is _LATEST:
            self._pool.note_heads({label: each[-1].number for label, each in found.items()})
        return found

    def _common(
        self, claims: Sequence[Head], found: Mapping[str, Sequence[Head]], what: str
    ) -> Head:
        """The highest claimed block that a quorum shares, else an earlier one."""
        need = self._pool.quorum
        if need == 1 and len(claims) == 1:
            return claims[0]
        top = sorted((claim.number for claim in claims), reverse=True)[need - 1]
        at_top = [claim for claim in claims if claim.number == top]
        for head in at_top:
            if sum(each.hash == head.hash for each in at_top) >= need:
                return head
        is_final = what.startswith("finalized")
        for number in range(top, max(top - _STEPS_BACK_MAX, -1), -1):
            seen = self._at(number)
            if is_final:
                entitled = {
                    label: seen[label]
                    for label, heads in found.items()
                    if label in seen and heads[0].number >= number
                }
                _require_one(number, entitled)
            for head in seen.values():
                if sum(each.hash == head.hash for each in seen.values()) >= need:
                    return head
        raise NoQuorum(f"{what}: no block near {top} is shared by {need} nodes")

    def _compare(self, claims: Mapping[str, Head], final: Head) -> None:
        """Hold each claim of finality against the others, at a height that both call final."""
        for label, claim in claims.items():
            compared = (label, claim.hash, final.hash)
            if compared in self._settled:
                continue
            if claim.number == final.number:
                _require_one(final.number, {label: claim, "the others": final})
            else:
                height = min(claim.number, final.number)
                entitled = {
                    each: head
                    for each, head in self._at(height).items()
                    if each in claims and claims[each].number >= height
                }
                _require_one(height, entitled)
            if len(self._settled) > _PINS_MAX:
                self._settled.clear()
            self._settled.add(compared)

    def _at(self, number: int) -> dict[str, Head]:
        """What each node has at a height; one without the block is missing."""
        if number in self._levels:
            return self._levels[number]

        def seen(replies: list[Reply]) -> dict[str, Head] | None:
            found = {}
            for reply in replies:
                head = _head_of(reply.answers[0])
                if head is not None and head.number == number:
                    found[reply.label] = head
            return found if len(found) >= self._pool.quorum else None

        decided, replies = self._pool.each([block_call(number)], decide=seen, patient=True)
        if decided is None:
            raise no_quorum(f"block {number}", replies, self._pool.quorum)
        self._levels[number] = decided
        return decided

    def _not_above(self, final: Head, number: int) -> Head:
        if final.number <= number:
            return final
        if len(self._pool) == 1:
            return answers.read(answers.head, self._pool.alone([block_call(number)])[0].read())
        seen = list(self._at(number).values())
        for head in seen:
            if sum(each.hash == head.hash for each in seen) >= self._pool.quorum:
                return head
        raise NoQuorum(f"block {number} is not shared by {self._pool.quorum} nodes")

    def _pin(self, head: Head) -> Head:
        self._pins[head.number] = head.hash
        self._pins.move_to_end(head.number)
        while len(self._pins) > _PINS_MAX:
            self._pins.popitem(last=False)
        return head


def _head_of(answer: Answer) -> Head | None:
    try:
        value: Any = answer.read()
        return answers.read(answers.head_or_none, value)
    except ChainError:
        return None


def _require_one(number: int, seen: Mapping[str, Head]) -> None:
    hashes = {head.hash for head in seen.values()}
    if len(hashes) > 1:
        said = ", ".join(f"{label} {head.hash[:12]}" for label, head in sorted(seen.items()))
        raise FinalityDisagreement(f"block {number} is final with two hashes: {said}")

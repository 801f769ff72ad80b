"""observe(): the only judge of what became of a transaction. It reads, and writes nothing.

Only finalized evidence is final. An error, a missing receipt or a node's refusal proves nothing:
whatever is not proven is UNKNOWN, and UNKNOWN means do nothing and look again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from issuance.chain import types as chain
from issuance.chain.errors import ChainError


class Verdict(StrEnum):
    """What one look established."""

    FINAL_OK = "final_ok"
    FINAL_REVERTED = "final_reverted"
    INCLUDED = "included"
    PENDING = "pending"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A verdict with its evidence. ``finalized`` is the head it was judged against."""

    verdict: Verdict
    receipt: chain.Receipt | None = None
    finalized: chain.Head | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One transaction to be judged: who may have made it at which nonce, with any of ``hashes``."""

    sender: str
    nonce: int
    hashes: Sequence[str]


def observe(*, node: chain.Chain, sender: str, nonce: int, hashes: Sequence[str]) -> Observation:
    """Judge the transaction that ``sender`` may have made at ``nonce`` with any of ``hashes``.

    GONE is one look that found the nonce used up at finality by none of our hashes; the caller
    wants a second look before it calls that death.
    """
    asked = Asked(sender=sender, nonce=nonce, hashes=hashes)
    try:
        # First, so that the finality of a receipt is never judged by a newer head than the receipt.
        finalized = node.finalized()
        return _judge(asked, _Answers(node, finalized, node.receipt))
    except ChainError as unknown:
        return Observation(verdict=Verdict.UNKNOWN, note=f"{unknown.code}: {unknown}")


def observe_many(*, node: chain.Chain, asked: Sequence[Asked]) -> list[Observation]:
    """``observe`` for many transactions of one network, in their order, each question asked once.

    One finalized head, all receipts together, one hash per block, one nonce per sender. What is
    unknown of one transaction makes that one unknown and no other.
    """
    try:
        finalized = node.finalized()
        receipts = node.receipts([tx_hash for each in asked for tx_hash in each.hashes])
    except ChainError as unknown:
        note = f"{unknown.code}: {unknown}"
        return [Observation(verdict=Verdict.UNKNOWN, note=note) for _ in asked]
    answers = _Answers(node, finalized, receipts.__getitem__)
    judged = []
    for each in asked:
        try:
            judged.append(_judge(each, answers))
        except ChainError as unknown:
            note = f"{unknown.code}: {unknown}"
            judged.append(Observation(verdict=Verdict.UNKNOWN, note=note))
    return judged


class _Answers:
    """What one look asks a node, and what it has answered so far."""

    def __init__(
        self,
        node: chain.Chain,
        finalized: chain.Head,
        receipt: Callable[[str], chain.Receipt | None],
    ) -> None:
        self.finalized, self.receipt, self.knows = finalized, receipt, node.knows
        self._node = node
        self._hashes: dict[int, str | None] = {}
        self._used: dict[str, int] = {}

    def block_hash(self, number: int) -> str | None:
        if number not in self._hashes:
            self._hashes[number] = self._node.block_hash(number)
        return self._hashes[number]

    def used(self, sender: str) -> int:
        if sender not in self._used:
            self._used[sender] = self._node.nonce(sender, at=self.finalized.number)
        return self._used[sender]


def _judge(asked: Asked, answers: _Answers) -> Observation:
    finalized = answers.finalized
    receipts = [found for each in asked.hashes if (found := answers.receipt(each)) is not None]
    if receipts:
        return _judge_receipt(answers, receipts[0])
    if answers.used(asked.sender) <= asked.nonce:
        return Observation(verdict=Verdict.PENDING, finalized=finalized)
    if any(answers.knows(tx_hash) for tx_hash in asked.hashes):
        note = "the nonce is used up, a node holds our transaction, and none shows a receipt"
        return Observation(verdict=Verdict.UNKNOWN, finalized=finalized, note=note)
    note = f"nonce {asked.nonce} is used up at finalized block {finalized.number} without us"
    return Observation(verdict=Verdict.GONE, finalized=finalized, note=note)


def _judge_receipt(answers: _Answers, receipt: chain.Receipt) -> Observation:
    finalized = answers.finalized
    if answers.block_hash(receipt.block_number) != receipt.block_hash:
        return Observation(
            verdict=Verdict.UNKNOWN,
            finalized=finalized,
            note=f"block {receipt.block_number} of the receipt is not on the chain",
        )
    if receipt.block_number > finalized.number:
        verdict = Verdict.INCLUDED
    elif receipt.succeeded:
        verdict = Verdict.FINAL_OK
    else:
        verdict = Verdict.FINAL_REVERTED
    return Observation(verdict=verdict, receipt=receipt, finalized=finalized)

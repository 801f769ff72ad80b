"""observe(): the only judge of what became of a transaction. It reads, and writes nothing.

Only finalized evidence is final. An error, a missing receipt or a node's refusal proves nothing:
whatever is not proven is UNKNOWN, and UNKNOWN means do nothing and look again.
"""

from collections.abc import Sequence
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


def observe(*, node: chain.Chain, sender: str, nonce: int, hashes: Sequence[str]) -> Observation:
    """Judge the transaction that ``sender`` may have made at ``nonce`` with any of ``hashes``.

    GONE is one look that found the nonce used up at finality by none of our hashes; the caller
    wants a second look before it calls that death.
    """
    try:
        return _observe(node, sender, nonce, hashes)
    except ChainError as unknown:
        return Observation(verdict=Verdict.UNKNOWN, note=f"{unknown.code}: {unknown}")


def _observe(node: chain.Chain, sender: str, nonce: int, hashes: Sequence[str]) -> Observation:
    # First, so that the finality of a receipt is never judged by a newer head than the receipt.
    finalized = node.finalized()
    receipts = [found for tx_hash in hashes if (found := node.receipt(tx_hash)) is not None]
    if receipts:
        return _judge_receipt(node, receipts[0], finalized)
    used = node.nonce(sender, at=finalized.number)
    if used <= nonce:
        return Observation(verdict=Verdict.PENDING, finalized=finalized)
    if any(node.knows(tx_hash) for tx_hash in hashes):
        note = "the nonce is used up, a node holds our transaction, and none shows a receipt"
        return Observation(verdict=Verdict.UNKNOWN, finalized=finalized, note=note)
    note = f"nonce {nonce} is used up at finalized block {finalized.number} without us"
    return Observation(verdict=Verdict.GONE, finalized=finalized, note=note)


def _judge_receipt(node: chain.Chain, receipt: chain.Receipt, finalized: chain.Head) -> Observation:
    if node.block_hash(receipt.block_number) != receipt.block_hash:
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

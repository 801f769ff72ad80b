"""observe(): what each kind of evidence proves, and that everything else proves nothing."""

from dataclasses import dataclass, field, replace

import pytest

from issuance.chain.errors import ChainUnreachable
from issuance.chain.types import Head, Receipt
from issuance.pipeline.observe import Verdict, observe

SENDER, HASHES = "0xsender", ["0xfirst", "0xsecond"]


def head(number: int) -> Head:
    return Head(number, f"0xblock{number}", f"0xblock{number - 1}", 0, 1, 30_000_000)


RECEIPT = Receipt("0xsecond", 8, "0xblock8", True, 50_000, 1, None, ())


@dataclass
class FakeChain:
    """A node that says what a test lets it say."""

    finalized_number: int = 10
    used: int = 5
    receipts: dict[str, Receipt] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    broken: str = ""

    def _answer(self, method):
        if method == self.broken:
            raise ChainUnreachable(method)

    def finalized(self):
        self._answer("finalized")
        return head(self.finalized_number)

    def block_hash(self, number):
        self._answer("block_hash")
        return head(number).hash

    def receipt(self, tx_hash):
        self._answer("receipt")
        return self.receipts.get(tx_hash)

    def nonce(self, address, *, at):
        self._answer("nonce")
        assert (address, at) == (SENDER, self.finalized_number)
        return self.used

    def knows(self, tx_hash):
        self._answer("knows")
        return tx_hash in self.known


def judge(chain, nonce=5):
    return observe(node=chain, sender=SENDER, nonce=nonce, hashes=HASHES).verdict


def test_a_receipt_in_a_finalized_canonical_block_is_final():
    assert judge(FakeChain(receipts={"0xsecond": RECEIPT})) is Verdict.FINAL_OK
    reverted = replace(RECEIPT, succeeded=False)
    assert judge(FakeChain(receipts={"0xsecond": reverted})) is Verdict.FINAL_REVERTED


def test_a_receipt_above_the_finalized_head_is_only_included_even_when_it_reverted():
    for succeeded in (True, False):
        receipt = replace(RECEIPT, block_number=11, block_hash="0xblock11", succeeded=succeeded)
        assert judge(FakeChain(receipts={"0xsecond": receipt})) is Verdict.INCLUDED


def test_a_receipt_of_a_block_that_is_not_on_the_chain_proves_nothing():
    receipt = replace(RECEIPT, block_hash="0xfork")
    assert judge(FakeChain(receipts={"0xsecond": receipt})) is Verdict.UNKNOWN


def test_without_a_receipt_an_unused_nonce_means_still_mineable():
    assert judge(FakeChain(used=5)) is Verdict.PENDING
    assert judge(FakeChain(used=3)) is Verdict.PENDING


def test_a_used_nonce_without_us_is_gone_unless_a_node_holds_our_transaction():
    assert judge(FakeChain(used=6)) is Verdict.GONE
    assert judge(FakeChain(used=6, known={"0xfirst"})) is Verdict.UNKNOWN


@pytest.mark.parametrize("broken", ["finalized", "receipt", "nonce", "knows", "block_hash"])
def test_a_node_that_cannot_be_asked_proves_nothing(broken):
    chain = FakeChain(used=6, broken=broken)
    if broken == "block_hash":
        chain.receipts = {"0xsecond": RECEIPT}
    assert judge(chain) is Verdict.UNKNOWN

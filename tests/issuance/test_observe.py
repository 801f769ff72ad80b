"""observe(): what each kind of evidence proves, and that everything else proves nothing."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from issuance.chain.client import ChainClient
from issuance.chain.errors import ChainUnreachable, NoQuorum
from issuance.chain.types import Head, Receipt
from issuance.pipeline.observe import Asked, Verdict, observe, observe_many
from tests.issuance.chain.nodes import Node

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


# --- one node stuck on a dead fork, and one that says whatever fits ------------------------------
OURS, CANCELS = "0x" + "ab" * 32, "0x" + "cd" * 32
SPLIT, STUCK_FINAL, STUCK_HEAD, FINAL, NEWEST = 91, 90, 99, 100, 105
CALLER, NONCE = "0x" + "11" * 20, 7


def _hash(number: int, fork: int) -> str:
    return f"0x{number:060x}{fork if number >= SPLIT else 0:04x}"


def _block(number: int, fork: int) -> dict[str, Any]:
    return {
        "number": hex(number),
        "hash": _hash(number, fork),
        "parentHash": _hash(number - 1, fork),
        "timestamp": hex(number),
        "baseFeePerGas": "0x1",
        "gasLimit": "0x1c9c380",
    }


def _receipt_on_the_fork(tx_hash: str, *, succeeded: bool) -> dict[str, Any]:
    return {
        "transactionHash": tx_hash,
        "blockNumber": hex(95),
        "blockHash": _hash(95, 2),
        "status": "0x1" if succeeded else "0x0",
        "gasUsed": "0x5208",
        "logs": [],
    }


@pytest.fixture
def torn():
    """An honest node, one whose chain ended with a dead fork, and a liar that speaks for both."""
    honest, stuck, liar = nodes = [Node(1) for _ in range(3)]

    def blocks(tag, _full, *, final, newest, fork, lies=()):
        number = {"finalized": final, "latest": newest}.get(tag) or int(tag, 16)
        there = number <= newest
        return {"result": _block(number, 2 if number in lies else fork) if there else None}

    on_chain = partial(blocks, final=FINAL, newest=NEWEST, fork=1)
    honest.answers["eth_getBlockByNumber"] = on_chain
    liar.answers["eth_getBlockByNumber"] = partial(on_chain, lies=range(SPLIT, FINAL))
    stuck.answers["eth_getBlockByNumber"] = partial(
        blocks, final=STUCK_FINAL, newest=STUCK_HEAD, fork=2
    )
    for node in nodes:
        node.answers["eth_getTransactionCount"] = {"result": hex(NONCE)}
    yield nodes
    for node in nodes:
        node.stop()


@pytest.mark.parametrize(
    ("tx_hash", "succeeded"),
    [
        pytest.param(OURS, False, id="a-revert"),
        pytest.param(OURS, True, id="a-fence-without-logs"),
        pytest.param(CANCELS, True, id="a-form-that-cancels"),
    ],
)
def test_a_liar_and_a_node_on_a_dead_fork_make_nothing_final(torn, tx_hash, succeeded):
    told = _receipt_on_the_fork(tx_hash, succeeded=succeeded)
    for node in torn[1:]:
        node.answers["eth_getTransactionReceipt"] = lambda asked: {
            "result": told if asked == tx_hash else None
        }
    client = ChainClient("torn", [node.url for node in torn], 1)
    hashes = [OURS, CANCELS]
    asked = Asked(sender=CALLER, nonce=NONCE, hashes=hashes)
    seen = [
        observe(node=client, sender=CALLER, nonce=NONCE, hashes=hashes),
        *observe_many(node=client, asked=[asked]),
    ]
    assert [each.verdict for each in seen] == [Verdict.UNKNOWN] * 2
    # The same once the liar gives in: what it said before has left nothing behind.
    torn[2].answers |= {
        "eth_getBlockByNumber": torn[0].answers["eth_getBlockByNumber"],
        "eth_getTransactionReceipt": {"result": None},
    }
    final = observe(node=client, sender=CALLER, nonce=NONCE, hashes=hashes)
    assert final.verdict is Verdict.PENDING


def test_no_block_and_no_state_below_finality_is_believed_of_a_dead_fork(torn):
    for node, nonce, logs in ((torn[0], 7, []), (torn[1], 8, None), (torn[2], 8, None)):
        node.answers["eth_getTransactionCount"] = {"result": hex(nonce)}
        node.answers["eth_getLogs"] = {"result": [_a_log()] if logs is None else logs}
    client = ChainClient("torn", [node.url for node in torn], 1)
    assert client.finalized().hash == _hash(FINAL, 1)
    for ask in (
        lambda: client.block_hash(95),
        lambda: client.nonce(CALLER, at=95),
        lambda: client.logs(address=CALLER, first=90, last=95),
    ):
        with pytest.raises(NoQuorum):
            ask()
    # Above finality forks are normal, and what is below the split is common to all.
    assert client.block_hash(FINAL + 1) == _hash(FINAL + 1, 1)
    assert client.block_hash(STUCK_FINAL) == _hash(STUCK_FINAL, 1)


def test_a_head_on_a_fork_at_the_final_height_does_not_unpin_the_final_block(torn):
    honest, stuck, liar = torn
    of_honest, of_stuck = (
        honest.answers["eth_getBlockByNumber"],
        partial(stuck.answers["eth_getBlockByNumber"], newest=FINAL),
    )
    stuck.answers["eth_getBlockByNumber"] = of_stuck
    liar.answers["eth_getBlockByNumber"] = lambda tag, full: (
        of_stuck(tag, full) if tag == "latest" else of_honest(tag, full)
    )
    for node in (stuck, liar):
        node.answers["eth_getTransactionCount"] = {"result": hex(NONCE + 1)}
    client = ChainClient("torn", [node.url for node in torn], 1)
    assert client.finalized().hash == _hash(FINAL, 1)
    assert client.head().hash == _hash(FINAL, 2)
    # The liar's block changes with the question that it is asked with.
    liar.answers["eth_getBlockByNumber"] = lambda tag, full: (
        of_honest(tag, full) if tag == "finalized" else of_stuck(tag, full)
    )
    with pytest.raises(NoQuorum):
        client.nonce(CALLER, at=FINAL)


def _a_log() -> dict[str, Any]:
    return {
        "address": CALLER,
        "topics": [],
        "data": "0x",
        "blockNumber": hex(95),
        "blockHash": _hash(95, 2),
        "transactionHash": OURS,
        "logIndex": "0x0",
    }

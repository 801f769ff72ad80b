"""A whole mint while nodes lie: one of three changes nothing, two of three settle nothing."""

from dataclasses import replace

import pytest

from core.models import Breaker
from issuance.chain.client import ChainClient
from issuance.models import ChainTransaction, Order
from tests.issuance.chain.nodes import Liar
from tests.issuance.chain.test_pool import forked, shifted
from tests.issuance.stage import NETWORK

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nodes(ready):
    """The ready stage behind three nodes that tell of its one chain."""
    made = [Liar(ready.anvil.url) for _ in range(3)]
    client = ChainClient(NETWORK, [node.url for node in made], ready.anvil.chain_id)
    ready.world = replace(ready.world, chain_for=lambda _: client)
    yield made
    for node in made:
        node.stop()


def hide(node: Liar) -> None:
    """What happened did not happen."""
    for method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
        node.answers[method] = {"result": None}
    node.answers["eth_getLogs"] = {"result": []}
    node.answers["eth_call"] = {"result": "0x" + "00" * 32}


def invent(node: Liar) -> None:
    """Every transaction succeeded, in a final block, without a trace in the logs."""

    def receipt(tx_hash):
        block = node.truth("eth_getBlockByNumber", "finalized", False)["result"]
        return {
            "result": {
                "transactionHash": tx_hash,
                "blockNumber": block["number"],
                "blockHash": block["hash"],
                "status": "0x1",
                "gasUsed": "0x5208",
                "logs": [],
            }
        }

    node.answers["eth_getTransactionReceipt"] = receipt


def misnumber(node: Liar) -> None:
    """Our nonces were used by somebody."""
    node.answers["eth_getTransactionCount"] = {"result": "0xffff"}


def lag(node: Liar) -> None:
    """Three blocks behind everybody."""
    node.answers["eth_getBlockByNumber"] = shifted(node, by=3)


def fork(node: Liar) -> None:
    """Another past."""
    node.answers["eth_getBlockByNumber"] = forked(node)


def refuse(node: Liar) -> None:
    """No transaction is good enough."""
    node.answers["eth_sendRawTransaction"] = {"error": {"code": 1, "message": "nonce too low"}}
    reverted = {"error": {"code": 3, "message": "execution reverted"}}
    node.answers |= {"eth_estimateGas": reverted, "eth_simulateV1": reverted}


def go_down(node: Liar) -> None:
    """Nobody there."""
    node.answers["eth_chainId"] = 503
    node.reply = (503, b"")


def babble(node: Liar) -> None:
    """Something that is not JSON, and halves of batches."""
    node.answers["eth_getTransactionReceipt"] = b'{"jsonrpc": "2.0", "id"'
    node.answers["eth_getLogs"] = b"<html>"
    node.batch = lambda entries: entries[: len(entries) // 2]


def flood(node: Liar) -> None:
    """More than anybody wants to read."""
    node.answers["eth_getLogs"] = b" " * (33 * 1024 * 1024)


def move_chain(node: Liar) -> None:
    """A node of another chain."""
    node.answers["eth_chainId"] = {"result": "0x1"}
    node.untruth = {"result": "0x1"}


def be_silent(node: Liar) -> None:
    """A node that takes every request and answers none."""
    node.silent.set()


# An Error(string) whose text is no text.
_NO_TEXT = f"0x08c379a0{32:064x}{4:064x}{'ff' * 4:0<64}"
_BAD_REVERT = {"error": {"code": 3, "message": "execution reverted", "data": _NO_TEXT}}


def garble_sends(node: Liar) -> None:
    """A refusal of our bytes that nobody can read."""
    node.answers["eth_sendRawTransaction"] = _BAD_REVERT


def garble_estimates(node: Liar) -> None:
    """A contract's refusal that nobody can read."""
    node.answers |= {"eth_estimateGas": _BAD_REVERT, "eth_simulateV1": _BAD_REVERT}


def estimate_nothing(node: Liar) -> None:
    """No number where one belongs."""
    nothing = {"result": [{"calls": [{"status": "0x1", "gasUsed": None}]}]}
    node.answers |= {"eth_estimateGas": {"result": None}, "eth_simulateV1": nothing}


def overestimate(node: Liar) -> None:
    """Far more gas than anything needs, said as fast as the others say theirs."""

    def estimate(*asked):
        node.truth("eth_estimateGas", *asked)
        return {"result": "0xffffffffff"}

    def simulate(*asked):
        told = node.truth("eth_simulateV1", *asked)
        for call in told["result"][0]["calls"]:
            call["gasUsed"] = "0xffffffffff"
        return told

    node.answers |= {"eth_estimateGas": estimate, "eth_simulateV1": simulate}


def rise(node: Liar) -> None:
    """A head higher than any column holds."""

    def block(tag, full):
        told = node.truth("eth_getBlockByNumber", tag, full)
        if tag == "latest":
            told["result"]["number"] = hex(2**70)
        return told

    node.answers["eth_getBlockByNumber"] = block


LIES = [hide, invent, misnumber, lag, refuse, go_down, babble, flood, move_chain, be_silent]
LIES += [garble_sends, garble_estimates, estimate_nothing, overestimate, rise]


def _status(order: Order) -> str:
    order.refresh_from_db()
    return order.status


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_mint_goes_through_while_one_of_three_nodes_lies(ready, nodes, lie):
    lie(nodes[0])
    order = ready.order("5")
    ready.until(lambda: _status(order) == "COMPLETED", wait=0.02)
    assert ready.reader.supply() == order.quantity
    assert not Breaker.objects.filter(status="OPEN").exists()
    rows = ChainTransaction.objects.filter(order_bindings__order=order)
    assert all(row.gas_limit < 1_000_000 for row in rows)


def test_a_head_higher_than_any_column_holds_is_no_head(ready, nodes):
    rise(nodes[0])
    client = ready.world.chain_for(None)
    client.head()
    assert all(max(each.head, each.lag_blocks) < 2**63 for each in client.nodes())


class Unheard(ChainClient):
    """A client whose every send reaches the node, and fails before it can say so."""

    def send_many(self, raws):
        super().send_many(raws)
        raise RuntimeError("the answer is lost")


def test_what_was_sent_and_never_recorded_as_sent_is_found_on_the_chain(ready, faults):
    client = Unheard(NETWORK, [ready.anvil.url], ready.anvil.chain_id)
    ready.world = replace(ready.world, chain_for=lambda _: client)
    order = ready.order("5")
    ready.until(lambda: _status(order) == "COMPLETED", wait=0.02)
    assert ready.reader.supply() == order.quantity
    assert faults
    assert all("RuntimeError" in each for each in faults)
    faults.clear()


def test_one_node_on_a_fork_halts_the_network_and_the_mint_is_there_when_it_is_gone(ready, nodes):
    order = ready.order("5")
    ready.tick()
    fork(nodes[0])
    # The network is looked at only every few seconds, however fast the rounds are.
    ready.until(Breaker.objects.filter(status="OPEN").exists, rounds=200, wait=0.05)
    assert _status(order) in {"SUBMITTED", "INCLUDED"}
    breaker = Breaker.objects.get(status="OPEN")
    assert breaker.name == f"issuance.{NETWORK}"
    assert breaker.reason.startswith("finality_disagreement: block ")
    nodes[0].answers.pop("eth_getBlockByNumber")
    # The breaker stays open for a person; what is under way needs no new signature.
    ready.until(lambda: _status(order) == "COMPLETED")
    assert ready.reader.supply() == order.quantity


@pytest.mark.parametrize(
    "lie", [invent, fork, go_down, move_chain, babble], ids=lambda each: each.__name__
)
def test_two_of_three_liars_settle_nothing_and_the_mint_is_done_when_they_stop(ready, nodes, lie):
    ready.anvil.automine(on=False)
    order = ready.order("5")
    ready.tick()
    assert _status(order) == "SUBMITTED"
    row = ChainTransaction.objects.get(order_bindings__order=order)
    for node in nodes[:2]:
        lie(node)
    for _ in range(5):
        ready.tick()
        ready.hurry()
    assert _status(order) != "COMPLETED"
    assert ready.reader.supply() == 0
    row.refresh_from_db()
    assert row.final_at is None
    waits = row.last_note or Breaker.objects.get(status="OPEN").reason
    assert waits
    for node in nodes[:2]:
        heal(node)
    ready.anvil.automine(on=True)
    ready.until(lambda: _status(order) == "COMPLETED")
    assert ready.reader.supply() == order.quantity


def heal(node: Liar) -> None:
    """Nothing but the truth from now on."""
    node.answers = {"eth_chainId": {"result": hex(31_337)}}
    node.batch = lambda entries: entries
    node.reply = node.untruth = None

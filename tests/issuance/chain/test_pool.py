"""Three nodes: one that lies changes nothing, two that lie establish nothing."""

import os
import time

import pytest

from issuance.chain import token
from issuance.chain.client import ChainClient
from issuance.chain.errors import (
    CallReverted,
    ChainError,
    ChainMismatch,
    ChainUnreachable,
    FinalityDisagreement,
    NoQuorum,
)
from issuance.chain.finality import FinalityPolicy
from issuance.chain.scores import NodeState
from issuance.chain.transport import LIMITS
from issuance.chain.types import OrderItem, SendKind
from tests.issuance.chain.nodes import Liar
from tests.issuance.chain.test_client import signed_transfer

NOWHERE = "http://127.0.0.1:9/with-a-secret-key"
RESULT_OF_A_LIE = {"result": "0x1"}


@pytest.fixture
def client(anvil, nodes) -> ChainClient:
    anvil.mine(10)
    return ChainClient("anvil", [node.url for node in nodes], anvil.chain_id)


def shifted(node: Liar, *, by: int, tags=("latest", "finalized")):
    """The blocks of a node that lags, or runs ahead of what it has."""

    def block(tag, full):
        told = node.truth("eth_getBlockByNumber", tag, full)
        if tag not in tags:
            return told
        number = int(told["result"]["number"], 16) - by
        return node.truth("eth_getBlockByNumber", hex(number), full)

    return block


def forked(node: Liar):
    """A node whose every block has a hash of its own."""

    def block(tag, full):
        told = node.truth("eth_getBlockByNumber", tag, full)
        if told["result"]:
            told["result"]["hash"] = "0x" + "ee" * 31 + told["result"]["hash"][-2:]
        return told

    return block


def states(client: ChainClient) -> list[NodeState]:
    return [node.state for node in client.nodes()]


# --- heads ---------------------------------------------------------------------------------------
def test_three_honest_nodes_agree_on_everything(anvil, client, wallets):
    alice = wallets["alice"]
    assert client.head().number == anvil.block_number()
    assert client.finalized().number == anvil.block_number("finalized")
    assert client.balance(alice.address) == anvil.balance(alice.address)
    assert client.nonce(alice.address, at="finalized") == 0
    assert client.block(anvil.block_number() + 1) is None
    assert client.code(alice.address) == b""
    signed = signed_transfer(client, alice, nonce=0)
    said = client.send(signed.raw)
    assert said.kind in {SendKind.ACCEPTED, SendKind.ALREADY_KNOWN}
    assert [f"anvil[{place}]" in said.detail for place in range(3)] == [True] * 3
    anvil.mine()
    receipt = client.receipt(signed.hash)
    assert receipt is not None
    assert client.block_hash(receipt.block_number) == receipt.block_hash
    assert client.knows(signed.hash)
    assert not client.knows("0x" + "11" * 32)
    assert client.receipt("0x" + "11" * 32) is None


@pytest.mark.parametrize("lags", [pytest.param(1, id="by-one"), pytest.param(5, id="by-five")])
def test_a_lagging_node_holds_nobody_back(anvil, nodes, client, lags):
    nodes[0].answers["eth_getBlockByNumber"] = shifted(nodes[0], by=lags)
    assert client.head().number == anvil.block_number()
    assert client.finalized().number == anvil.block_number("finalized")
    assert client.nodes()[0].lag_blocks == lags


def test_a_node_that_runs_ahead_makes_nothing_final(anvil, nodes, client):
    nodes[2].answers["eth_getBlockByNumber"] = shifted(nodes[2], by=-1, tags=("finalized",))
    assert client.finalized().number == anvil.block_number("finalized")


def test_nodes_at_three_heights_agree_on_what_two_of_them_have(anvil, nodes, client):
    for lag, node in enumerate(nodes):
        node.answers["eth_getBlockByNumber"] = shifted(node, by=lag, tags=("finalized",))
    assert client.finalized().number == anvil.block_number("finalized") - 1


@pytest.mark.parametrize("liars", [pytest.param(1, id="one"), pytest.param(2, id="two")])
def test_two_hashes_for_a_final_block_stop_everything(nodes, client, liars):
    hashes = ["0x" + "11" * 32]
    assert client.receipts(hashes)[hashes[0]] is None
    for node in nodes[:liars]:
        node.answers["eth_getBlockByNumber"] = forked(node)
    with pytest.raises(FinalityDisagreement, match="is final with two hashes"):
        client.finalized()
    with pytest.raises(FinalityDisagreement):
        client.knows(hashes[0])
    with pytest.raises(FinalityDisagreement):
        client.receipts(hashes)


def test_a_lagging_node_on_another_fork_is_found_out_below_the_head(nodes, client):
    behind, lie = shifted(nodes[1], by=3), forked(nodes[1])
    nodes[1].answers["eth_getBlockByNumber"] = lambda tag, full: (
        _with_hash(behind(tag, full)) if tag == "finalized" else lie(tag, full)
    )
    with pytest.raises(FinalityDisagreement):
        client.finalized()


def _with_hash(told):
    told["result"]["hash"] = "0x" + "ee" * 31 + told["result"]["hash"][-2:]
    return told


def test_the_client_recovers_once_the_nodes_agree_again(anvil, nodes, client):
    nodes[0].answers["eth_getBlockByNumber"] = forked(nodes[0])
    with pytest.raises(FinalityDisagreement):
        client.finalized()
    del nodes[0].answers["eth_getBlockByNumber"]
    assert client.finalized().number == anvil.block_number("finalized")
    assert client.receipt("0x" + "11" * 32) is None


def test_a_fork_at_the_tip_is_no_disagreement_and_the_majority_is_the_head(anvil, nodes, client):
    top = anvil.block_number()
    lie = forked(nodes[0])
    nodes[0].answers["eth_getBlockByNumber"] = lambda tag, full: (
        lie(tag, full)
        if tag in ("latest", hex(top))
        else nodes[0].truth("eth_getBlockByNumber", tag, full)
    )
    head = client.head()
    assert head == ChainClient("anvil", [anvil.url], anvil.chain_id).head()
    assert client.finalized().number == anvil.block_number("finalized")


def test_finality_may_ask_for_more_depth_than_the_tag(anvil, nodes):
    anvil.mine(20)
    urls = [node.url for node in nodes]
    for count in (1, 3):
        deep = ChainClient("anvil", urls[:count], anvil.chain_id, finality=FinalityPolicy(depth=12))
        assert deep.finalized().number == anvil.block_number() - 12
        shallow = ChainClient(
            "anvil", urls[:count], anvil.chain_id, finality=FinalityPolicy(depth=1)
        )
        assert shallow.finalized().number == anvil.block_number("finalized")


# --- one liar ------------------------------------------------------------------------------------
LIES = [
    pytest.param({"eth_getTransactionReceipt": {"result": None}}, id="hides-receipts"),
    pytest.param(
        {"eth_getTransactionReceipt": {"result": {"blockHash": "0x1"}}}, id="half-receipts"
    ),
    pytest.param({"eth_getTransactionCount": {"result": "0xff"}}, id="too-high-nonces"),
    pytest.param({"eth_getTransactionCount": {"result": "0x0"}}, id="too-low-nonces"),
    pytest.param({"eth_getBalance": {"result": "0x0"}}, id="an-empty-account"),
    pytest.param({"eth_call": {"result": "0x" + "00" * 32}}, id="zero-for-every-view"),
    pytest.param(
        {"eth_call": {"error": {"code": 3, "message": "execution reverted"}}}, id="reverts"
    ),
    pytest.param(
        {"eth_estimateGas": {"error": {"code": 3, "message": "execution reverted"}}},
        id="refuses-to-simulate",
    ),
    pytest.param(
        {"eth_simulateV1": {"result": [{"calls": [{"status": "0x1", "gasUsed": "0x1"}] * 2}]}},
        id="next-to-no-gas",
    ),
    pytest.param({"eth_simulateV1": {"result": []}}, id="no-simulated-block"),
    pytest.param({"eth_getLogs": {"result": []}}, id="no-logs"),
    pytest.param({"eth_getTransactionByHash": {"result": None}}, id="knows-nothing"),
    pytest.param({"eth_chainId": {"result": "0x1"}}, id="of-another-chain"),
    pytest.param({"eth_getBlockByNumber": {"result": None}}, id="no-blocks"),
    pytest.param({"eth_getBlockByNumber": b"<html>busy</html>"}, id="garbage"),
    pytest.param({"eth_feeHistory": {"result": {"baseFeePerGas": ["0xffffffffffff"]}}}, id="fees"),
    pytest.param({"eth_feeHistory": {"result": None}, "eth_chainId": 503}, id="down"),
]


# Each lie in one place, and five lies in each: every question goes to all three nodes.
@pytest.mark.parametrize(
    ("lie", "place"),
    [pytest.param(*lie.values, at % 3, id=f"{lie.id}-at-{at % 3}") for at, lie in enumerate(LIES)],
)
def test_one_liar_changes_no_answer(anvil, nodes, wallets, lie, place):
    alice = wallets["alice"]
    honest = ChainClient("anvil", [anvil.url], anvil.chain_id)
    signed = signed_transfer(honest, alice, nonce=0)
    honest.send(signed.raw)
    anvil.mine(5)
    nodes[place].answers |= lie
    client = ChainClient("anvil", [node.url for node in nodes], anvil.chain_id)
    for ask in (
        lambda each: each.head(),
        lambda each: each.finalized(),
        lambda each: each.receipt(signed.hash),
        lambda each: each.nonce(alice.address, at="latest"),
        lambda each: each.nonce(alice.address, at=each.finalized().number),
        lambda each: each.balance(alice.address),
        lambda each: each.knows(signed.hash),
        lambda each: each.code(alice.address),
        lambda each: each.logs(address=alice.address, first=0, last=3),
        lambda each: each.simulate(sender=alice.address, to=alice.address, data=b""),
        lambda each: each.simulate_many(
            sender=alice.address, to=alice.address, datas=[b"", b"\x01"]
        ),
        lambda each: each.call(to=alice.address, data=b""),
        lambda each: each.fees(),
    ):
        assert ask(client) == ask(honest)


@pytest.mark.parametrize("lie", LIES)
def test_two_liars_establish_nothing_false(anvil, nodes, wallets, lie):
    """They may say the same, so only what they fail to give is looked at here: absence and state."""
    alice = wallets["alice"]
    honest = ChainClient("anvil", [anvil.url], anvil.chain_id)
    signed = signed_transfer(honest, alice, nonce=0)
    honest.send(signed.raw)
    anvil.mine(5)
    nodes[0].answers |= lie
    nodes[1].answers["eth_chainId"] = 503
    client = ChainClient("anvil", [node.url for node in nodes], anvil.chain_id)
    for ask in (
        lambda each: each.receipt(signed.hash),
        lambda each: each.nonce(alice.address, at="latest"),
        lambda each: each.knows(signed.hash),
        lambda each: each.balance(alice.address),
    ):
        try:
            told = ask(client)
        except ChainError:
            continue
        assert told == ask(honest)


def test_all_nodes_down_is_unknown_and_their_addresses_stay_secret():
    client = ChainClient("anvil", [NOWHERE] * 3, 31_337)
    with pytest.raises(ChainUnreachable) as refusal:
        client.finalized()
    answer = client.send(b"\x02")
    assert answer.kind is SendKind.UNREACHABLE
    assert "secret" not in f"{refusal.value}{answer}{client!r}{client.nodes()}"


def test_all_nodes_of_another_chain_is_its_own_code(nodes):
    client = ChainClient("base", [node.url for node in nodes], 8453)
    with pytest.raises(ChainMismatch):
        client.head()
    assert client.send(b"\x02").kind is SendKind.WRONG_CHAIN
    assert states(client) == [NodeState.WRONG_CHAIN] * 3


def test_a_receipt_that_only_one_node_shows_is_unknown_when_another_is_down(anvil, nodes, wallets):
    honest = ChainClient("anvil", [anvil.url], anvil.chain_id)
    signed = signed_transfer(honest, wallets["alice"], nonce=0)
    honest.send(signed.raw)
    anvil.mine(5)
    nodes[0].answers["eth_getTransactionReceipt"] = {"result": None}
    nodes[1].answers["eth_getTransactionReceipt"] = 503
    client = ChainClient("anvil", [node.url for node in nodes], anvil.chain_id)
    with pytest.raises(NoQuorum, match="2 nodes must say the same"):
        client.receipt(signed.hash)


def test_a_node_without_our_finalized_block_cannot_say_that_something_is_absent(nodes, client):
    final = client.finalized()
    for node in nodes[:2]:
        node.answers["eth_getBlockByNumber"] = lambda number, full, node=node: (
            {"result": None}
            if number == hex(final.number)
            else node.truth("eth_getBlockByNumber", number, full)
        )
    with pytest.raises(ChainError):
        client.receipt("0x" + "11" * 32)
    with pytest.raises(ChainError):
        client.knows("0x" + "11" * 32)


def test_a_refusal_of_the_contract_needs_two_nodes(anvil, nodes, open_world):
    client = ChainClient("anvil", [node.url for node in nodes], anvil.chain_id)
    order = token.encode_burn_order(OrderItem(9, open_world.alice.address, 1))
    with pytest.raises(CallReverted):
        client.simulate(sender=open_world.issuer.address, to=open_world.address, data=order)
    nodes[0].answers["eth_estimateGas"] = {"result": "0x5208"}
    with pytest.raises(CallReverted):
        client.simulate(sender=open_world.issuer.address, to=open_world.address, data=order)


def test_logs_that_are_too_many_for_a_node_are_asked_in_halves(anvil, nodes, open_world):
    def fussy(node):
        def logs(query):
            if int(query["toBlock"], 16) - int(query["fromBlock"], 16) > 2:
                return {"error": {"code": -32005, "message": "query returned more than 2 results"}}
            return node.truth("eth_getLogs", query)

        return logs

    for node in nodes:
        node.answers["eth_getLogs"] = fussy(node)
    client = ChainClient("anvil", [node.url for node in nodes], anvil.chain_id)
    asked = {"address": open_world.address, "first": 0, "last": anvil.block_number()}
    whole = open_world.client.logs(**asked)
    assert whole
    assert client.logs(**asked) == whole


# --- writes, manners, scores ---------------------------------------------------------------------
def test_a_silent_node_holds_up_neither_reads_nor_writes(anvil, nodes, client, wallets):
    signed = signed_transfer(client, wallets["alice"], nonce=0)
    nodes[1].silent.set()
    since = time.monotonic()
    said = client.send(signed.raw)
    assert said.kind in {SendKind.ACCEPTED, SendKind.ALREADY_KNOWN}
    assert "anvil[1] unreachable" in said.detail
    anvil.mine()
    assert client.receipt(signed.hash) is not None
    # Far below what one node may take to answer: nobody waited for it.
    assert time.monotonic() - since < LIMITS.answer_seconds / 2


def test_writes_go_to_every_node_whatever_one_of_them_says(nodes, client, wallets):
    nodes[0].answers["eth_sendRawTransaction"] = {"error": {"code": 1, "message": "nonce too low"}}
    nodes[1].answers["eth_sendRawTransaction"] = 503
    signed = signed_transfer(client, wallets["alice"], nonce=0)
    said = client.send(signed.raw)
    assert said.kind is SendKind.ACCEPTED
    assert "anvil[0] nonce_too_low; anvil[1] unreachable; anvil[2] accepted" in said.detail
    assert all(node.asked.count("eth_sendRawTransaction") == 1 for node in nodes)


def test_a_node_that_fails_is_put_aside_and_tried_again(nodes, client):
    nodes[0].answers["eth_chainId"] = 503
    nodes[0].answers["eth_getBlockByNumber"] = 503
    deadline = time.monotonic() + 10
    while states(client)[0] is not NodeState.ASIDE:
        assert time.monotonic() < deadline
        client.head()
    assert client.nodes()[0].last_error == "chain_unreachable"
    assert client.nodes()[0].error_rate > client.nodes()[1].error_rate == 0
    nodes[0].answers = {"eth_chainId": {"result": hex(client.chain_id)}}
    while states(client)[0] is not NodeState.OK:
        assert time.monotonic() < deadline
        client.head()


def test_a_node_of_another_chain_is_asked_nothing_until_it_tells_the_right_id(nodes, client):
    nodes[2].answers["eth_chainId"] = {"result": "0x1"}
    client.head()
    deadline = time.monotonic() + 10
    while states(client)[2] is not NodeState.WRONG_CHAIN:
        assert time.monotonic() < deadline
        client.head()
    assert set(nodes[2].asked) == {"eth_chainId"}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_asks_with_threads_and_connections_of_its_own(anvil, client):
    client.head()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = int(client.head().number != anvil.block_number())
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client.head().number == anvil.block_number()

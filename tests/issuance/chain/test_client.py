"""The client reports what a node says, in a closed set of words, and decides nothing."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from issuance.chain import token
from issuance.chain.client import ChainClient
from issuance.chain.errors import (
    CallReverted,
    ChainAnswerInvalid,
    ChainMismatch,
    ChainUnreachable,
    FeeCeilingReached,
    RpcRefused,
)
from issuance.chain.events import decode_event
from issuance.chain.fees import GWEI, FeePolicy
from issuance.chain.signing import sign_with
from issuance.chain.types import (
    Fees,
    HolderSet,
    OrderBurned,
    OrderItem,
    OrderMinted,
    SendKind,
    Transferred,
    UnsignedCall,
)
from tests.issuance.chain.conftest import SHARE

NOWHERE = "http://127.0.0.1:9/with-a-secret-key"


class Node:
    """A node that answers what a test tells it to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"eth_chainId": {"result": "0x7a69"}}
        self.asked: list[str] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.asked.append(body["method"])
                answer = node.answers.get(body["method"], {"result": None})
                status = 200
                if isinstance(answer, int):
                    status, payload = answer, b""
                elif isinstance(answer, bytes):
                    payload = answer
                else:
                    payload = json.dumps({"jsonrpc": "2.0", "id": body["id"], **answer}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def node():
    made = Node()
    yield made
    made.stop()


@pytest.fixture
def told(node) -> ChainClient:
    return ChainClient("anvil", [node.url], 31_337)


def signed_transfer(client, wallet, *, nonce, fees=None, to=None, gas=21_000):
    unsigned = UnsignedCall(
        client.chain_id, nonce, to or wallet.address, b"", gas, fees or client.fees()
    )
    return sign_with(wallet._key, unsigned)


# --- a real node ---------------------------------------------------------------------------------
def test_head_finality_and_hashes_agree_with_the_node(anvil, client):
    anvil.mine(10)
    head, final = client.head(), client.finalized()
    assert head.number == anvil.block_number()
    assert final.number == anvil.block_number("finalized") < head.number
    assert client.block_hash(final.number) == final.hash
    assert client.block(head.number) == head
    assert client.block(head.number + 5) is None
    assert client.block_hash(head.number + 5) is None


def test_a_reorganised_receipt_is_simply_not_shown(anvil, client, wallets):
    signed = signed_transfer(client, wallets["alice"], nonce=0)
    assert client.send(signed.raw).kind is SendKind.ACCEPTED
    anvil.mine()
    receipt = client.receipt(signed.hash)
    assert receipt is not None
    assert (receipt.tx_hash, receipt.succeeded) == (signed.hash, True)
    assert client.block_hash(receipt.block_number) == receipt.block_hash
    assert client.knows(signed.hash)
    anvil.reorg(2)
    assert client.receipt(signed.hash) is None
    assert client.nonce(wallets["alice"].address, at="latest") == 0
    assert client.send(signed.raw).kind is SendKind.ACCEPTED


def test_send_answers_are_remarks(anvil, client, wallets):
    alice = wallets["alice"]
    anvil.automine(on=False)
    first = signed_transfer(client, alice, nonce=0)
    assert client.send(first.raw).kind is SendKind.ACCEPTED
    assert client.send(first.raw).kind is SendKind.ALREADY_KNOWN
    cheaper = signed_transfer(client, alice, nonce=0, fees=Fees(2 * GWEI, 1))
    assert client.send(cheaper.raw).kind is SendKind.UNDERPRICED
    anvil.mine()
    assert client.send(cheaper.raw).kind is SendKind.NONCE_TOO_LOW
    too_much = signed_transfer(client, alice, nonce=1, gas=16_777_217)
    assert client.send(too_much.raw).kind is SendKind.GAS_TOO_HIGH
    too_little = signed_transfer(client, alice, nonce=1, gas=20_000)
    assert client.send(too_little.raw).kind in {SendKind.GAS_TOO_LOW, SendKind.ACCEPTED}
    anvil.set_balance(alice.address, 1)
    poor = signed_transfer(client, alice, nonce=2)
    assert client.send(poor.raw).kind is SendKind.INSUFFICIENT_FUNDS
    assert client.send(b"\x02\xc0").kind is SendKind.OTHER


def test_a_reader_with_only_the_logs_rebuilds_orders_and_balances(open_world):
    alice, bob = open_world.alice, open_world.bob
    open_world.mint((1, alice, 10 * SHARE), (2, bob, 5 * SHARE))
    open_world.run(alice, token.encode_transfer(to=bob.address, amount=SHARE))
    open_world.run(bob, token.encode_request_redeem(order_id=3, amount=2 * SHARE))
    burn = token.encode_burn_order(OrderItem(3, bob.address, 2 * SHARE))
    last = open_world.run(open_world.issuer, burn)
    logs = open_world.client.logs(
        address=open_world.address,
        first=open_world.deployment.block_number,
        last=last.block_number,
    )
    assert [(log.block_number, log.index) for log in logs] == sorted(
        (log.block_number, log.index) for log in logs
    )
    events = [decode_event(log) for log in logs]
    assert None not in events
    balances: dict[str, int] = {}
    for event in events:
        if isinstance(event, Transferred):
            balances[event.sender] = balances.get(event.sender, 0) - event.amount
            balances[event.receiver] = balances.get(event.receiver, 0) + event.amount
    for wallet in (alice, bob):
        assert balances[wallet.address] == open_world.reader.balance(wallet.address)
    orders = [(e.order_id, e.account) for e in events if isinstance(e, OrderMinted | OrderBurned)]
    assert orders == [(1, alice.address), (2, bob.address), (3, bob.address)]
    holders = {event.account for event in events if isinstance(event, HolderSet)}
    assert holders == {alice.address, bob.address}


def test_reading_a_token_where_there_is_none_is_no_zero(client, wallets):
    with pytest.raises(CallReverted, match="NotThisToken"):
        token.TokenReader(client, wallets["alice"].address).supply()
    with pytest.raises(CallReverted, match="NotThisToken"):
        token.TokenReader(client, wallets["alice"].address).reserves()


# --- nodes that lie, fail, or are not there ------------------------------------------------------
def test_a_node_of_another_chain_is_refused_before_anything_is_asked(node):
    client = ChainClient("base", [node.url], 8453)
    with pytest.raises(ChainMismatch):
        client.head()
    assert client.send(b"\x02").kind is SendKind.WRONG_CHAIN
    assert set(node.asked) == {"eth_chainId"}


def test_an_unreachable_node_is_unknown_and_its_address_stays_secret():
    client = ChainClient("anvil", [NOWHERE], 31_337)
    with pytest.raises(ChainUnreachable) as refusal:
        client.receipt("0x" + "00" * 32)
    answer = client.send(b"\x02")
    assert answer.kind is SendKind.UNREACHABLE
    assert refusal.value.__suppress_context__
    assert "secret" not in f"{refusal.value}{answer}{client!r}"


def test_the_other_nodes_are_asked_when_the_first_is_gone(anvil):
    client = ChainClient("anvil", [NOWHERE, anvil.url, anvil.url], anvil.chain_id)
    assert client.head().number == anvil.block_number()


def test_a_broadcast_is_never_resent_by_itself(node, told):
    node.answers["eth_sendRawTransaction"] = 503
    assert told.send(b"\x02").kind is SendKind.UNREACHABLE
    assert node.asked.count("eth_sendRawTransaction") == 1


@pytest.mark.parametrize("answer", [503, b"", b"{", b"[]", b'{"jsonrpc": "2.0", "id": 1}', b"null"])
def test_a_broken_answer_is_unknown_and_never_absence(node, told, answer):
    node.answers["eth_getTransactionReceipt"] = answer
    with pytest.raises((ChainUnreachable, ChainAnswerInvalid)):
        told.receipt("0x" + "11" * 32)


@pytest.mark.parametrize(
    "result", [{}, {"blockHash": "0x1"}, "0x", [], {"transactionHash": 5, "blockHash": "0x1"}]
)
def test_a_receipt_of_the_wrong_shape_is_refused(node, told, result):
    node.answers["eth_getTransactionReceipt"] = {"result": result}
    if result == {}:
        assert told.receipt("0x" + "11" * 32) is None  # not in a block
    else:
        with pytest.raises(ChainAnswerInvalid):
            told.receipt("0x" + "11" * 32)


def test_the_receipt_of_another_transaction_is_refused(node, told):
    node.answers["eth_getTransactionReceipt"] = {
        "result": {
            "transactionHash": "0x" + "22" * 32,
            "blockNumber": "0x1",
            "blockHash": "0x" + "33" * 32,
            "status": "0x1",
            "gasUsed": "0x1",
            "logs": [],
        }
    }
    with pytest.raises(ChainAnswerInvalid):
        told.receipt("0x" + "11" * 32)


@pytest.mark.parametrize(
    ("index", "fits"),
    [
        pytest.param(0, True, id="the first"),
        pytest.param(2**31 - 1, True, id="the widest"),
        pytest.param(2**31, False, id="one more"),
        pytest.param(2**32 + 5, False, id="five, were it cut"),
        pytest.param(-1, False, id="below nought"),
    ],
)
def test_a_log_whose_place_in_its_block_no_column_holds_is_refused(node, told, index, fits):
    log = {
        "address": "0x" + "11" * 20,
        "topics": [],
        "data": "0x",
        "blockNumber": "0x5",
        "blockHash": "0x" + "22" * 32,
        "transactionHash": "0x" + "33" * 32,
        "logIndex": hex(index),
    }
    node.answers["eth_getLogs"] = {"result": [log]}
    if fits:
        assert [each.index for each in told.logs(address=log["address"], first=5, last=5)] == [
            index
        ]
        return
    with pytest.raises(ChainAnswerInvalid):
        told.logs(address=log["address"], first=5, last=5)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("nonce too low: next nonce 5, tx nonce 4", SendKind.NONCE_TOO_LOW),
        ("already known", SendKind.ALREADY_KNOWN),
        ("AlreadyKnown", SendKind.ALREADY_KNOWN),
        ("replacement transaction underpriced", SendKind.UNDERPRICED),
        ("max fee per gas less than block base fee", SendKind.UNDERPRICED),
        ("insufficient funds for gas * price + value", SendKind.INSUFFICIENT_FUNDS),
        ("txpool is full", SendKind.POOL_FULL),
        ("intrinsic gas too low", SendKind.GAS_TOO_LOW),
        ("the moon is full", SendKind.OTHER),
    ],
)
def test_refusals_are_mapped_to_a_closed_set(node, told, message, kind):
    node.answers["eth_sendRawTransaction"] = {"error": {"code": -32000, "message": message}}
    assert told.send(b"\x02").kind is kind


def test_a_node_that_names_another_hash_has_not_accepted(node, told):
    node.answers["eth_sendRawTransaction"] = {"result": "0x" + "22" * 32}
    assert told.send(b"\x02").kind is SendKind.OTHER


@pytest.mark.parametrize(
    "error",
    [
        {"code": 3, "message": "execution reverted", "data": "0x"},
        {"code": 3, "message": "execution reverted"},
        {"code": -32000, "message": "execution reverted", "data": {"data": "0xdeadbeef"}},
    ],
)
def test_every_spelling_of_a_revert_is_a_revert(node, told, error):
    node.answers["eth_call"] = {"error": error}
    with pytest.raises(CallReverted):
        told.call(to="0x" + "11" * 20, data=b"")


def test_other_errors_of_a_node_are_its_refusal(node, told):
    node.answers["eth_call"] = {"error": {"code": -32601, "message": "method not found"}}
    with pytest.raises(RpcRefused, match="method not found"):
        told.call(to="0x" + "11" * 20, data=b"")


def test_fees_follow_the_chain_up_to_the_ceiling(node):
    node.answers["eth_feeHistory"] = {
        "result": {
            "baseFeePerGas": [hex(8 * GWEI), hex(10 * GWEI)],
            "reward": [[hex(GWEI)], [hex(3 * GWEI)], [hex(2 * GWEI)]],
        }
    }
    assert ChainClient("anvil", [node.url], 31_337).fees() == Fees(22 * GWEI, 2 * GWEI)
    tight = ChainClient("anvil", [node.url], 31_337, fee_policy=FeePolicy(max_fee=11 * GWEI))
    with pytest.raises(FeeCeilingReached):
        tight.fees()

"""Many questions in one request: what a node leaves out is unknown, whatever the node's manners."""

import pytest

from issuance.chain.client import ChainClient
from issuance.chain.errors import ChainAnswerInvalid, ChainError, ChainUnreachable
from issuance.chain.rpc import BATCH_MAX
from issuance.chain.types import SendKind
from tests.issuance.chain.nodes import CHAIN_ID, Node
from tests.issuance.chain.test_client import signed_transfer

HASHES = [f"0x{index:064x}" for index in range(1, 5)]


def receipt(tx_hash: str) -> dict[str, object]:
    return {
        "result": {
            "transactionHash": tx_hash,
            "blockNumber": "0x1",
            "blockHash": "0x" + "33" * 32,
            "status": "0x1",
            "gasUsed": "0x5208",
            "logs": [],
        }
    }


@pytest.fixture
def node():
    made = Node()
    # The last hash is of a transaction that nobody mined.
    made.answers["eth_getTransactionReceipt"] = lambda tx_hash: (
        {"result": None} if tx_hash == HASHES[-1] else receipt(tx_hash)
    )
    yield made
    made.stop()


@pytest.fixture
def client(node) -> ChainClient:
    return ChainClient("anvil", [node.url], CHAIN_ID)


def test_many_receipts_take_one_request(node, client):
    client.receipts(HASHES[:1])
    before = node.requests
    found = client.receipts(HASHES)
    assert node.requests == before + 1
    assert [found[each] is None for each in HASHES] == [False, False, False, True]
    assert list(found) == HASHES
    assert len(found) == len(HASHES)
    assert HASHES[0] in found
    assert "0x00" not in found


def test_more_than_a_batch_is_cut_into_batches(node, client):
    many = [f"0x{index:064x}" for index in range(10, 10 + 2 * BATCH_MAX + 1)]
    client.receipts(many)
    assert node.asked.count("eth_getTransactionReceipt") == len(many)
    assert node.requests == 1 + 3  # the chain id, and three parts


@pytest.mark.parametrize(
    "manner",
    [
        pytest.param(lambda _: {"error": {"code": -32600, "message": "no batch"}}, id="an-error"),
        pytest.param(lambda _: 413, id="too-large-for-it"),
        pytest.param(lambda _: b"<html>", id="not-json"),
        pytest.param(lambda entries: entries[:1], id="only-the-first"),
        pytest.param(lambda entries: list(reversed(entries))[:2], id="only-the-last-and-reversed"),
        pytest.param(lambda _: [], id="an-empty-list"),
        pytest.param(lambda entries: [1, None, *entries[2:]], id="not-even-objects"),
        pytest.param(
            lambda entries: [{**each, "id": str(each["id"])} for each in entries], id="ids"
        ),
    ],
)
def test_a_node_with_bad_manners_is_asked_one_by_one(node, client, manner):
    node.batch = manner
    found = client.receipts(HASHES)
    assert [found[each] is None for each in HASHES] == [False, False, False, True]


def test_a_node_that_refuses_batches_is_not_bothered_with_them_again(node, client):
    node.batch = lambda _: {"error": {"code": -32600, "message": "batches are not supported"}}
    client.receipts(HASHES)
    before = node.requests
    client.receipts(HASHES)
    assert node.requests == before + len(HASHES)


def test_what_stays_missing_is_unknown_whichever_way_one_asks(node, client):
    node.batch = lambda entries: entries[:1]
    node.answers["eth_getTransactionReceipt"] = lambda tx_hash: (
        receipt(tx_hash) if tx_hash == HASHES[0] else 503
    )
    node.batch = lambda _: [{"jsonrpc": "2.0", "id": 0, **receipt(HASHES[0])}]
    found = client.receipts(HASHES)
    assert found[HASHES[0]] is not None
    for ask in (found.__getitem__, found.get):
        with pytest.raises(ChainError):
            ask(HASHES[1])


def test_two_answers_to_one_question_are_none(node, client):
    node.batch = lambda entries: [entries[0], {**entries[0], "result": None}, *entries[1:]]
    found = client.receipts(HASHES)
    with pytest.raises(ChainAnswerInvalid):
        _ = found[HASHES[0]]
    assert found[HASHES[1]] is not None


def test_one_bad_entry_spoils_no_other(node, client):
    node.answers["eth_getTransactionReceipt"] = lambda tx_hash: (
        receipt(HASHES[2]) if tx_hash == HASHES[0] else receipt(tx_hash)
    )
    found = client.receipts(HASHES)
    with pytest.raises(ChainAnswerInvalid, match="another transaction"):
        _ = found[HASHES[0]]
    assert found[HASHES[1]] is not None


def test_a_batch_that_meets_no_node_raises(node, client):
    node.batch = lambda _: 503
    with pytest.raises(ChainUnreachable):
        _ = client.receipts(HASHES)[HASHES[0]]


def test_many_sends_give_one_remark_each_and_are_mined(anvil, wallets):
    client = ChainClient("anvil", [anvil.url], anvil.chain_id)
    signed = [signed_transfer(client, wallets["alice"], nonce=nonce) for nonce in range(3)]
    said = client.send_many([each.raw for each in signed] + [b"\x02\xc0"])
    assert [each.kind for each in said] == [SendKind.ACCEPTED] * 3 + [SendKind.OTHER]
    anvil.mine()
    found = client.receipts([each.hash for each in signed])
    assert [(each.tx_hash, each.succeeded) for each in found.values() if each] == [
        (each.hash, True) for each in signed
    ]


def test_sends_that_reach_nobody_are_remarks_too(node, client):
    node.batch = lambda _: 503
    said = client.send_many([b"\x02", b"\x03"])
    assert [each.kind for each in said] == [SendKind.UNREACHABLE] * 2
    assert node.asked.count("eth_sendRawTransaction") == 2

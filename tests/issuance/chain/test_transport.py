"""HTTP to a node: deadlines and limits hold whatever the node does, and its address is shown nowhere."""

import time

import pytest

from issuance.chain.client import ChainClient
from issuance.chain.errors import ChainAnswerInvalid, ChainUnreachable, RateLimited
from issuance.chain.transport import Limits, Transport
from tests.issuance.chain.nodes import CHAIN_ID, Liar, Node

ASK = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'


@pytest.fixture
def node():
    made = Node()
    yield made
    made.stop()


def transport(node, **limits) -> Transport:
    return Transport(f"{node.url}/secret-key", label="anvil[0]", limits=Limits(**limits))


def test_connections_are_kept_between_requests(node):
    kept = transport(node)
    for _ in range(5):
        assert b"result" in kept.post(ASK)
    assert (node.requests, node.connections) == (5, 1)


def test_a_connection_that_the_node_closed_is_opened_anew(node):
    kept = transport(node)
    node.extra_headers["Connection"] = "close"
    for _ in range(3):
        assert b"result" in kept.post(ASK)
    assert node.connections == 3


def test_an_answer_above_the_limit_is_not_read_to_its_end(node):
    node.answers["eth_chainId"] = b"0" * 2_000_000
    with pytest.raises(ChainAnswerInvalid, match="above 1000000 bytes"):
        transport(node, answer_bytes=1_000_000).post(ASK)


def test_an_answer_that_drips_ends_at_the_deadline(node):
    node.bytes_a_second = 20
    node.answers["eth_chainId"] = b"0" * 1_000
    since = time.monotonic()
    with pytest.raises(ChainUnreachable, match="too slow"):
        transport(node, answer_seconds=0.5).post(ASK)
    assert time.monotonic() - since < 10


def test_a_node_that_does_not_answer_is_given_up(node):
    node.silent.set()
    with pytest.raises(ChainUnreachable, match="ReadTimeoutError") as refusal:
        transport(node, read_seconds=0.2).post(ASK)
    assert "secret" not in f"{refusal.value}"
    assert node.requests == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(429, RateLimited, id="too-many"),
        pytest.param(500, ChainUnreachable, id="server-error"),
        pytest.param(403, ChainUnreachable, id="forbidden"),
        pytest.param(204, ChainUnreachable, id="no-content"),
        pytest.param(413, ChainAnswerInvalid, id="too-large-for-it"),
    ],
)
def test_a_status_is_no_answer(node, status, error):
    node.answers["eth_chainId"] = status
    with pytest.raises(error, match=f"HTTP {status}"):
        transport(node).post(ASK)


def test_a_status_may_carry_the_nodes_own_error(node):
    node.reply = (400, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32600}}')
    assert b"error" in transport(node).post(ASK)


def test_an_address_that_is_none_is_unreachable():
    with pytest.raises(ChainUnreachable) as refusal:
        Transport("ftp://anna:secret@nowhere", label="anvil[0]").post(ASK)
    assert "secret" not in f"{refusal.value}"


def test_no_redirect_is_followed():
    node, elsewhere = Node(), Node()
    try:
        node.extra_headers["Location"] = elsewhere.url
        node.answers["eth_chainId"] = 307
        with pytest.raises(ChainUnreachable, match="HTTP 307"):
            ChainClient("anvil", [node.url], CHAIN_ID).head()
        assert elsewhere.requests == 0
    finally:
        node.stop()
        elsewhere.stop()


def test_a_user_name_in_the_address_is_sent_as_a_header_and_shown_nowhere(anvil):
    node = Liar(anvil.url)
    try:
        url = node.url.replace("http://", "http://anna:open%20sesame@")
        client = ChainClient("anvil", [url], anvil.chain_id)
        client.head()
        assert {name.lower() for name in node.headers} >= {"authorization"}
        node.answers["eth_getBlockByNumber"] = 503
        with pytest.raises(ChainUnreachable) as refusal:
            client.head()
        assert "sesame" not in f"{refusal.value}{client.nodes()}"
    finally:
        node.stop()

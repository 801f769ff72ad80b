"""Many calls estimated in one request: a quorum for each by itself, and no word about the others."""

import itertools
import time

import pytest

from issuance.chain import token
from issuance.chain.client import ChainClient
from issuance.chain.errors import CallReverted
from issuance.chain.permissions import GAS_MAX
from issuance.chain.transport import LIMITS
from issuance.chain.types import Fees, OrderItem
from issuance.pipeline.planning import Simulation, plan_each
from tests.issuance.chain.conftest import SHARE

REVERTED = {"error": {"code": 3, "message": "execution reverted"}}
NOT_OFFERED = {"error": {"code": -32601, "message": "the method does not exist"}}
GAS_HEX = "0x5300"
ARBITRUM = 42_161
_order_ids = itertools.count(1)


class PolicyOfAnything:
    """A key that forbids nothing."""

    def __init__(self, address):
        self.address = address

    def require(self, unsigned):
        pass

    def sign(self, unsigned):
        raise NotImplementedError


def client_of(nodes):
    return ChainClient("anvil", [node.url for node in nodes], 31337)


def block_of(*calls):
    return {"result": [{"calls": [{"status": "0x1", "gasUsed": GAS_HEX} | each for each in calls]}]}


def mint(world, units=1):
    order = OrderItem(next(_order_ids), world.alice.address, units)
    return token.encode_mint_batch([order])


def test_calls_that_follow_each_other_are_tried_one_after_another_in_one_request(nodes, open_world):
    """What is used up by the first is missing to the second, which by itself would pass."""
    world, client = open_world, client_of(nodes)
    for node in nodes:
        node.answers["eth_estimateGas"] = REVERTED
    ask = {"sender": world.issuer.address, "to": world.address}
    first = mint(world)
    found = client.simulate_many(datas=[first, first, mint(world)], **ask)
    assert found[1] is None
    assert min(found[0], found[2]) > 21_000


def test_of_many_calls_only_the_one_without_a_quorum_stays_without_an_estimate(nodes, open_world):
    """One node is silent, and one calls a single call of the block reverted."""
    world, client = open_world, client_of(nodes)
    nodes[0].answers["eth_chainId"] = 503

    def refuses_one(*asked):
        told = nodes[1].truth("eth_simulateV1", *asked)
        told["result"][0]["calls"][1]["status"] = "0x0"
        return told

    nodes[1].answers["eth_simulateV1"] = refuses_one
    ask = {"sender": world.issuer.address, "to": world.address}
    found = client.simulate_many(datas=[mint(world) for _ in range(3)], **ask)
    assert [each is None for each in found] == [False, True, False]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(NOT_OFFERED, id="not offered"),
        pytest.param({"result": None}, id="nothing"),
        pytest.param({"result": []}, id="no block"),
        pytest.param({"result": [{"calls": []}]}, id="no calls"),
        pytest.param(block_of({}), id="too few calls"),
        pytest.param(block_of({}, {}, {}), id="too many calls"),
        pytest.param({"result": [*block_of({}, {})["result"], {}]}, id="two blocks"),
        pytest.param(block_of({"gasUsed": None}, {}), id="no gas"),
        pytest.param(block_of({"gasUsed": "-0x1"}, {"gasUsed": "0x0"}), id="gas of nobody"),
        pytest.param(block_of({"status": "yes"}, {}), id="no status"),
        pytest.param(b"<html>", id="no JSON"),
    ],
)
def test_where_no_block_is_simulated_each_call_is_estimated_by_itself(nodes, wallets, answer):
    alice, client = wallets["alice"], client_of(nodes)
    for node in nodes:
        node.answers["eth_simulateV1"] = answer
    ask = {"sender": alice.address, "to": alice.address}
    datas = [b"", b"\x01"]
    alone = [client.simulate(data=data, **ask) for data in datas]
    assert client.simulate_many(datas=datas, **ask) == alone


def test_what_is_refunded_at_the_end_is_needed_until_then(nodes, wallets):
    alice, client = wallets["alice"], client_of(nodes)
    for node in nodes:
        node.answers["eth_simulateV1"] = block_of({"maxUsedGas": "0x7000"}, {"maxUsedGas": "0x1"})
    ask = {"sender": alice.address, "to": alice.address}
    # EIP-3529: at most a fifth of what was used is given back.
    most = int(GAS_HEX, 16) * 5 // 4
    assert client.simulate_many(datas=[b"", b"\x01"], **ask) == [0x7000, most]


def test_what_does_not_fit_into_a_transaction_has_no_estimate(nodes, wallets):
    alice, client = wallets["alice"], client_of(nodes)
    for node in nodes:
        node.answers["eth_simulateV1"] = block_of(
            {"maxUsedGas": hex(GAS_MAX)}, {"gasUsed": hex(GAS_MAX)}
        )
    ask = {"sender": alice.address, "to": alice.address}
    assert client.simulate_many(datas=[b"", b"\x01"], **ask) == [GAS_MAX, None]


def test_a_batch_of_burns_is_given_what_it_needs_before_its_refunds(world):
    """Each burn clears a slot, and the node gives a fifth back at the end."""
    count = 250
    world.attest(10**9 * SHARE)
    world.register(world.alice)
    world.mint((1, world.alice, count * SHARE))
    ids = range(1_024, 1_024 + count)
    for order_id in ids:
        data = token.encode_request_redeem(order_id=order_id, amount=SHARE)
        world.run(world.alice, data, gas=400_000)
    data = token.encode_burn_batch([OrderItem(each, world.alice.address, SHARE) for each in ids])

    def encode(_):
        return data

    key = PolicyOfAnything(world.issuer.address)
    simulation = Simulation(
        chain=world.client, key=key, fees=Fees(2, 1), to=world.address, encode=encode
    )
    (planned,) = plan_each([[0]], simulation=simulation)
    receipt = world.mined(
        world.issuer.send(world.client, to=world.address, data=data, gas=planned.gas)
    )
    assert receipt.succeeded


def test_where_data_is_paid_in_gas_no_block_is_simulated(nodes, wallets):
    alice = wallets["alice"]
    for node in nodes:
        node.answers["eth_chainId"] = {"result": hex(ARBITRUM)}
        node.answers["eth_simulateV1"] = block_of({}, {})
    client = ChainClient("arbitrum", [node.url for node in nodes], ARBITRUM)
    ask = {"sender": alice.address, "to": alice.address}
    datas = [b"", b"\x01"]
    alone = [client.simulate(data=data, **ask) for data in datas]
    assert client.simulate_many(datas=datas, **ask) == alone


def test_a_revert_is_heard_without_the_node_that_is_silent(nodes, open_world):
    world, client = open_world, client_of(nodes)
    burn = token.encode_burn_order(OrderItem(9, world.alice.address, 1))
    ask = {"sender": world.issuer.address, "to": world.address}
    assert client.simulate_many(datas=[mint(world)], **ask) != [None]
    nodes[2].silent.set()
    since = time.monotonic()
    assert client.simulate_many(datas=[burn], **ask) == [None]
    assert time.monotonic() - since < LIMITS.answer_seconds / 2


def test_a_call_that_reverts_in_the_block_has_no_estimate_and_tells_its_reason_alone(
    nodes, open_world
):
    world, client = open_world, client_of(nodes)
    ask = {"sender": world.issuer.address, "to": world.address}
    burn = token.encode_burn_order(OrderItem(9, world.alice.address, 1))
    fine, reverting = client.simulate_many(datas=[mint(world), burn], **ask)
    assert fine is not None
    assert reverting is None
    with pytest.raises(CallReverted):
        client.simulate(data=burn, **ask)


def test_when_no_node_answers_no_call_has_an_estimate(nodes, wallets):
    alice = wallets["alice"]
    for node in nodes:
        node.answers["eth_chainId"] = 503
    client = client_of(nodes)
    ask = {"sender": alice.address, "to": alice.address}
    assert client.simulate_many(datas=[b"", b"\x01"], **ask) == [None, None]
    assert client.simulate_many(datas=[], **ask) == []

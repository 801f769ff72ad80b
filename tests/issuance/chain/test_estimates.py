"""Many calls estimated in one request: a quorum for each by itself, and no word about the others."""

from issuance.chain.client import ChainClient


def test_of_many_calls_only_the_one_without_a_quorum_stays_without_an_estimate(nodes, wallets):
    """One node is silent, and one calls a single call of the batch refused."""
    alice = wallets["alice"]
    nodes[0].answers["eth_chainId"] = 503

    def refuses_one(call, tag):
        if call["data"] == "0x02":
            return {"error": {"code": 3, "message": "execution reverted"}}
        return nodes[1].truth("eth_estimateGas", call, tag)

    nodes[1].answers["eth_estimateGas"] = refuses_one
    client = ChainClient("anvil", [node.url for node in nodes], 31337)
    datas = [b"", b"\x02", b"\x01"]
    found = client.simulate_many(sender=alice.address, to=alice.address, datas=datas)
    assert found[1] is None
    for data, gas in ((b"", found[0]), (b"\x01", found[2])):
        assert gas == client.simulate(sender=alice.address, to=alice.address, data=data)


def test_when_no_node_answers_no_call_has_an_estimate(nodes, wallets):
    alice = wallets["alice"]
    for node in nodes:
        node.answers["eth_chainId"] = 503
    client = ChainClient("anvil", [node.url for node in nodes], 31337)
    ask = {"sender": alice.address, "to": alice.address}
    assert client.simulate_many(datas=[b"", b"\x01"], **ask) == [None, None]
    assert client.simulate_many(datas=[], **ask) == []

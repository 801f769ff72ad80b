"""A deployment whose nodes could fool it is told so before it begins."""

import pytest

from issuance.chain.readiness import check_networks

GOOD = ["https://one.example", "https://two.example.org", "https://three.example.net"]


@pytest.fixture(autouse=True)
def production(settings):
    settings.DEVELOPMENT = False
    settings.CHAIN_IDS = {"base": 8453}
    settings.CHAIN_GAS_BUDGETS_WEI = {"base": 10**17}


@pytest.mark.parametrize(
    ("urls", "ids"),
    [
        pytest.param(GOOD, [], id="three-operators"),
        pytest.param(GOOD[:2], ["issuance.E001"], id="two-nodes"),
        pytest.param([*GOOD[:2], GOOD[0]], ["issuance.E002"], id="one-of-them-twice"),
        pytest.param(
            [f"https://{name}.provider.example/secret" for name in ("a", "b", "c")],
            ["issuance.W001"],
            id="one-operator",
        ),
        pytest.param(
            [*GOOD[:2], "http://three.example.net/secret"], ["issuance.E004"], id="in-the-clear"
        ),
        pytest.param(["http://127.0.0.1:1"] * 3, ["issuance.E002"], id="an-own-node-twice"),
        pytest.param(
            [*GOOD[:2], "http://127.0.0.1:8545"], [], id="an-own-node-beside-two-operators"
        ),
    ],
)
def test_each_fault_of_a_network_has_its_id(settings, urls, ids):
    settings.CHAIN_RPC_URLS = {"base": urls}
    found = check_networks()
    assert [message.id for message in found] == ids
    assert "secret" not in f"{found}"


def test_a_network_needs_a_chain_id_and_a_budget(settings):
    settings.CHAIN_RPC_URLS = {"ethereum": GOOD}
    assert [message.id for message in check_networks()] == ["issuance.E003", "issuance.W002"]


def test_a_developers_machine_may_have_one_node(settings):
    settings.DEVELOPMENT = True
    settings.CHAIN_RPC_URLS = {"anvil": ["http://127.0.0.1:8545"]}
    assert check_networks() == []

"""Our view of an existing ERC-3643 token, against T-REX 4.1.6 from npm on a real node."""

import json
import time
from dataclasses import dataclass

import pytest
from eth_utils.crypto import keccak

from bench.gas_peers import MODULES
from issuance.chain import erc3643, standards
from issuance.chain.client import ChainClient
from issuance.chain.errors import CallReverted
from issuance.chain.standards import Carried, Cure, Deed, Erc3643Standard, Execution
from issuance.chain.types import (
    AddressFrozen,
    HolderEntry,
    HolderSet,
    Log,
    OrderBurned,
    OrderItem,
    OrderMinted,
    RedeemCancelled,
    RedeemRequested,
    RulesChanged,
    Transferred,
)
from issuance.chain.wallets import Wallet
from tests.issuance import trex
from tests.issuance.chain.conftest import SHARE, key

ANY = 7


@dataclass(frozen=True)
class Existing:
    """An attached token's parties: our agent, the redemption wallet, one verified holder."""

    suite: trex.Suite
    client: ChainClient
    standard: Erc3643Standard
    agent: Wallet
    redemption: Wallet
    alice: Wallet
    stranger: Wallet

    @property
    def reader(self) -> erc3643.Erc3643Reader:
        return erc3643.Erc3643Reader(self.client, self.suite.address)

    def run(self, wallet: Wallet, data: bytes) -> tuple[Log, ...]:
        """Send one call; raises CallReverted when its simulation reverts."""
        tx_hash = wallet.send(self.client, to=self.suite.address, data=data)
        deadline = time.monotonic() + 20
        while (receipt := self.client.receipt(tx_hash)) is None:
            assert time.monotonic() < deadline, "not mined"
            time.sleep(0.01)
        return receipt.logs

    def own(self, logs: tuple[Log, ...]) -> list[Log]:
        return [log for log in logs if log.address.lower() == self.suite.address.lower()]

    def order(self, amount: int = 5 * SHARE, order_id: int = ANY) -> OrderItem:
        return OrderItem(order_id, self.alice.address, amount)

    def mint(self, order: OrderItem) -> list[Log]:
        return self.own(self.run(self.agent, self.standard.encode_mint([order])))


@pytest.fixture
def existing(anvil) -> Existing:
    suite = trex.deploy(anvil)
    names = ("agent", "redemption", "alice", "stranger")
    people = {name: trex.wallet(anvil, key(f"trex {name}")) for name in names}
    suite.appoint(people["agent"].address)
    suite.verify(people["redemption"].address, people["alice"].address)
    client = ChainClient("anvil", [anvil.url], anvil.chain_id)
    standard = Erc3643Standard(suite.address, people["redemption"].address)
    return Existing(suite=suite, client=client, standard=standard, **people)


def carries(logs: list[Log], deed: Deed, *orders: OrderItem) -> dict[str, Carried]:
    return {logs[0].tx_hash: Carried(deed=deed, orders=orders)}


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_every_selector_and_topic_is_one_of_the_published_token_or_its_registry():
    known = set()
    for path, name in (
        ("token/Token.sol", "Token"),
        ("registry/implementation/IdentityRegistry.sol", "IdentityRegistry"),
        ("proxy/TokenProxy.sol", "TokenProxy"),
        ("proxy/authority/TREXImplementationAuthority.sol", "TREXImplementationAuthority"),
    ):
        folder = MODULES / "@tokenysolutions" / "t-rex" / "artifacts" / "contracts" / path
        for entry in json.loads((folder / f"{name}.json").read_text())["abi"]:
            types = ",".join(item["type"] for item in entry.get("inputs", ()))
            known.add(keccak(text=f"{entry.get('name')}({types})"))
    selectors = [each for each in vars(erc3643).values() if type(each) is bytes]
    topics = [erc3643.TRANSFER, erc3643.ADDRESS_FROZEN, *erc3643.RULE_CHANGES, *erc3643.OTHER_NAMES]
    assert selectors
    assert {each[:4] for each in known} >= set(selectors)
    assert {f"0x{each.hex()}" for each in known} >= set(topics)


def test_it_says_of_itself_what_it_cannot_promise(existing):
    standard = existing.standard
    assert (standard.exactly_once_on_chain, standard.has_attested_cap) == (False, False)
    assert standard.executed(existing.client, [ANY]) == {ANY: Execution.UNKNOWABLE}
    assert standard.orders_per_transaction_max == 1
    two = [existing.order(), existing.order(order_id=8)]
    with pytest.raises(ValueError, match="too many values"):
        standard.encode_mint(two)
    with pytest.raises(ValueError, match="too many values"):
        standard.encode_burn(two)


def test_an_unknown_standard_is_refused():
    class Row:
        standard, address, redemption_wallet = "ERC20", "0x", ""

    with pytest.raises(ValueError, match="no such token standard"):
        standards.standard_of(Row())


def test_a_mint_of_ours_is_read_as_its_order_and_as_a_movement(existing):
    order = existing.order()
    logs = existing.mint(order)
    events = existing.standard.events(logs, carried=carries(logs, Deed.MINT, order))
    (minted,) = only(events, OrderMinted)
    (moved,) = only(events, Transferred)
    assert (minted.order_id, minted.account, minted.amount) == (ANY, order.account, order.amount)
    assert (moved.sender, moved.receiver) == (erc3643.NOBODY, order.account)
    state = existing.standard.holder(existing.client, order.account)
    assert (state.balance, state.permitted, state.country) == (order.amount, True, 756)
    assert existing.standard.reserves(existing.client).supply == order.amount


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(lambda _logs, _order: {}, id="no transaction of ours"),
        pytest.param(
            lambda logs, order: carries(logs, Deed.BURN, order), id="a transaction for a burn"
        ),
        pytest.param(
            lambda logs, order: carries(
                logs, Deed.MINT, OrderItem(ANY, order.account, order.amount + 1)
            ),
            id="another amount",
        ),
        pytest.param(
            lambda logs, order: carries(
                logs, Deed.MINT, OrderItem(ANY, f"0x{'11' * 20}", order.amount)
            ),
            id="another wallet",
        ),
    ],
)
def test_a_mint_that_our_transaction_does_not_explain_is_nobodys(existing, told):
    order = existing.order()
    logs = existing.mint(order)
    events = existing.standard.events(logs, carried=told(logs, order))
    assert [event.order_id for event in only(events, OrderMinted)] == [0]


def test_a_second_mint_in_our_transaction_is_nobodys(existing):
    order = existing.order()
    (log,) = existing.mint(order)
    events = existing.standard.events([log, log], carried=carries([log], Deed.MINT, order))
    assert [event.order_id for event in only(events, OrderMinted)] == [ANY, 0]


def test_tokens_sent_to_the_redemption_wallet_meet_the_oldest_order_of_that_size(existing):
    order = existing.order(2 * SHARE)
    existing.mint(existing.order())
    step = existing.standard.holder_step(order)
    assert step.name == "transfer"
    logs = existing.own(existing.run(existing.alice, step.data))
    logs += existing.own(existing.run(existing.alice, step.data))
    awaited = [existing.order(SHARE, 4), order, existing.order(2 * SHARE, 9)]
    events = existing.standard.events(logs, carried={}, awaited=awaited)
    assert [event.order_id for event in only(events, RedeemRequested)] == [ANY, 9]
    again = existing.standard.events(logs, carried={}, awaited=awaited[:1])
    assert [event.order_id for event in only(again, RedeemRequested)] == [0, 0]
    assert len(awaited) == 3, "the caller's list stays as it was"


def test_a_burn_takes_from_the_redemption_wallet_and_names_the_holder(existing):
    order = existing.order(2 * SHARE)
    existing.mint(existing.order())
    existing.run(existing.alice, existing.standard.holder_step(order).data)
    logs = existing.own(existing.run(existing.agent, existing.standard.encode_burn([order])))
    events = existing.standard.events(logs, carried=carries(logs, Deed.BURN, order))
    (burned,) = only(events, OrderBurned)
    assert (burned.order_id, burned.account, burned.amount) == (ANY, order.account, 2 * SHARE)
    assert existing.reader.balance(existing.redemption.address) == 0
    assert existing.reader.supply() == 3 * SHARE
    unknown = existing.standard.events(logs, carried={})
    assert [(e.order_id, e.account) for e in only(unknown, OrderBurned)] == [
        (0, existing.redemption.address)
    ]


def test_a_burn_of_a_holders_own_tokens_is_nobodys_even_in_our_transaction(existing):
    order = existing.order()
    existing.mint(order)
    burn = erc3643.encode_burn(account=order.account, amount=order.amount)
    logs = existing.own(existing.run(existing.agent, burn))
    events = existing.standard.events(logs, carried=carries(logs, Deed.BURN, order))
    assert [event.order_id for event in only(events, OrderBurned)] == [0]


def test_returned_tokens_name_their_order_and_any_other_way_out_is_a_change_of_rules(existing):
    order = existing.order()
    existing.mint(order)
    existing.run(existing.alice, existing.standard.holder_step(order).data)
    logs = existing.own(existing.run(existing.agent, existing.standard.encode_return(order)))
    events = existing.standard.events(logs, carried=carries(logs, Deed.RETURN, order))
    assert [(e.order_id, e.account) for e in only(events, RedeemCancelled)] == [
        (ANY, order.account)
    ]
    assert only(events, RulesChanged) == []
    stolen = existing.standard.events(logs, carried={})
    assert [event.name for event in only(stolen, RulesChanged)] == ["EscrowMoved"]


def test_the_registry_refuses_a_stranger_and_the_refusal_is_final(existing):
    order = OrderItem(ANY, existing.stranger.address, SHARE)
    with pytest.raises(CallReverted) as refusal:
        existing.run(existing.agent, existing.standard.encode_mint([order]))
    assert existing.standard.cure(refusal.value) == (Cure.REJECT, "chain_not_permitted")
    assert not existing.standard.holder(existing.client, order.account).permitted


def test_the_issuers_own_rules_refuse_and_the_refusal_is_final(existing):
    existing.suite.trex.bar(756)
    with pytest.raises(CallReverted) as refusal:
        existing.mint(existing.order())
    assert existing.standard.cure(refusal.value) == (Cure.REJECT, "chain_compliance_refused")


def test_a_key_that_is_no_agent_any_more_waits_for_a_person(existing):
    existing.suite.call("removeAgent(address)", existing.agent.address)
    with pytest.raises(CallReverted) as refusal:
        existing.mint(existing.order())
    assert existing.standard.cure(refusal.value) == (Cure.WAIT, "chain_role_missing")
    assert existing.standard.cure(CallReverted("Error", ("something new",))) == (
        Cure.WAIT,
        "chain_refused",
    )


def test_we_refuse_what_such_a_contract_would_mint_paused_or_frozen(existing):
    standard, client, order = existing.standard, existing.client, existing.order()
    assert standard.obstacle(client, order, Deed.MINT) is None
    entry = HolderEntry(order.account, 756, 0, permitted=False)
    logs = existing.own(existing.run(existing.agent, standard.encode_holders([entry])))
    existing.mint(order)  # the contract itself does not mind
    frozen = standard.obstacle(client, order, Deed.MINT)
    assert standard.cure(frozen) == (Cure.REJECT, "chain_frozen")
    assert standard.obstacle(client, order, Deed.BURN) is None
    existing.suite.call("pause()")
    existing.mint(order)  # nor this
    paused = standard.obstacle(client, order, Deed.MINT)
    assert standard.cure(paused) == (Cure.WAIT, "chain_paused")
    ours = {logs[0].tx_hash: Carried(deed=Deed.REGISTER, holders=[entry])}
    (written,) = only(standard.events(logs, carried=ours), HolderSet)
    assert (written.account, written.country, written.permitted) == (order.account, 756, False)
    assert only(standard.events(logs, carried={}), HolderSet) == []
    assert [e.frozen for e in only(standard.events(logs, carried={}), AddressFrozen)] == [True]


@pytest.mark.parametrize(
    ("signature", "name"),
    [
        pytest.param("pause()", "Paused", id="paused"),
        pytest.param("addAgent(address)", "AgentAdded", id="agent added"),
        pytest.param("setIdentityRegistry(address)", "IdentityRegistryAdded", id="registry"),
        pytest.param("transferOwnership(address)", "OwnershipTransferred", id="owner"),
    ],
)
def test_whoever_changes_agents_registry_or_pause_is_noticed(existing, signature, name):
    values = [] if signature.endswith("()") else [existing.stranger.address]
    first = existing.client.head().number + 1
    existing.suite.call(signature, *values)
    head = existing.client.head().number
    logs = existing.client.logs(address=existing.suite.address, first=first, last=head)
    events = existing.standard.events(logs, carried={})
    assert [event.name for event in only(events, RulesChanged)] == [name]


def test_an_address_that_is_no_such_token_is_not_read_as_one(existing):
    reader = erc3643.Erc3643Reader(existing.client, existing.alice.address)
    for question in (reader.supply, reader.version, reader.identity_registry):
        with pytest.raises(CallReverted) as refusal:
            question()
        assert refusal.value.name == "NotThisToken"

"""The whole pipeline on an attached T-REX token: what it does, and what it must not be trusted with."""

import pytest
from django.utils import timezone

from core.errors import StateConflict
from core.models import Breaker, Event
from core.units import parse_quantity
from custody import queries as custody_queries
from custody.models import Break
from issuance import queries, services
from issuance.chain import erc3643
from issuance.chain.wallets import Wallet as Key
from issuance.invariants import check_all
from issuance.models import (
    Attempt,
    ChainTransaction,
    Holder,
    Holding,
    Order,
    Recovery,
    TokenLog,
)
from issuance.pipeline import advance, recover
from issuance.policy import WalletNotRegistered
from issuance.services import unknowable
from issuance.states import OrderType, RecoveryCause
from kyc.models import Investor
from tests.core.conftest import make_client
from tests.crash import worker
from tests.issuance import kept, trex_stage
from tests.issuance.stage import OPERATOR, secret


@pytest.fixture
def stage(anvil, transactional_db) -> trex_stage.TRexStage:  # noqa: ARG001 - asked for its effect
    return trex_stage.build(anvil)


@pytest.fixture
def ready(anvil, transactional_db) -> trex_stage.TRexStage:  # noqa: ARG001 - asked for its effect
    return kept.bring("T-REX", anvil, lambda: trex_stage.build(anvil).ready())


def fresh(order):
    return Order.objects.select_related("wallet", "token").get(pk=order.pk)


def status(order):
    return fresh(order).status


def minted(stage, quantity):
    order = stage.order(quantity)
    stage.until(lambda: status(order) == "COMPLETED")
    return order


def position(stage):
    return custody_queries.position(stage.fund.pk)


def is_halted(stage):
    return Breaker.objects.filter(name=queries.token_breaker(stage.token), status="OPEN").exists()


def mints_to(stage, account):
    """Creations of tokens on chain, whoever made them."""
    head = stage.node.head().number
    logs = stage.node.logs(address=stage.token.address, first=0, last=head)
    return [
        log
        for log in logs
        if log.topics[0] == erc3643.TRANSFER
        and erc3643.account_of(log.topics[1]) == erc3643.NOBODY
        and erc3643.account_of(log.topics[2]) == account
    ]


def test_a_wallet_is_registered_once_the_issuers_own_registry_has_verified_it(stage):
    for _ in range(3):
        stage.tick(blocks=1)
        stage.hurry()
    assert Holder.objects.get().status == "PENDING"
    with pytest.raises(WalletNotRegistered):
        stage.order("1")
    stage.ready()
    holder = Holder.objects.get()
    assert (holder.permitted, holder.country) == (True, 756)
    assert not ChainTransaction.objects.exists(), "the registry is not ours to write"


def test_a_mint_completes_by_its_own_receipt_and_each_order_has_a_transaction_of_its_own(ready):
    orders = [ready.order("100"), ready.order("100"), ready.order("0.5")]
    ready.until(lambda: all(status(order) == "COMPLETED" for order in orders))
    assert ChainTransaction.objects.filter(kind="MINT").count() == 3
    assert len({fresh(order).tx_hash for order in orders}) == 3
    assert ready.reader.supply() == position(ready).backing == parse_quantity("200.5")
    logs = TokenLog.objects.filter(kind="ORDER_MINTED")
    assert {log.order_id for log in logs} == {order.pk for order in orders}
    assert len(logs) == len(orders)
    assert not is_halted(ready)
    assert check_all() == []


def test_a_redemption_comes_in_by_the_holders_own_transfer_and_is_burned(ready):
    minted(ready, "600")
    order = ready.order("100", OrderType.REDEEM)
    ready.send_back(order)
    ready.until(lambda: status(order) == "COMPLETED")
    assert ready.reader.supply() == position(ready).backing == parse_quantity("500")
    assert position(ready).free == parse_quantity("500")
    assert ready.reader.balance(ready.redemption.address) == 0
    assert not is_halted(ready)
    assert check_all() == []


def test_the_holders_step_is_a_plain_transfer_and_the_token_says_what_it_cannot_promise(ready):
    api = make_client(ready.institution)
    minted(ready, "600")
    order = ready.order("100", OrderType.REDEEM)
    step = api.get(f"/v1/orders/{order.public_id}").json()["next_action"]
    data = erc3643.encode_transfer(receiver=ready.redemption.address, amount=order.quantity)
    assert step == {
        "type": "transfer",
        "contract": ready.token.address,
        "calldata": f"0x{data.hex()}",
        "chain_id": ready.node.chain_id,
    }
    token = api.get(f"/v1/tokens/{ready.token.public_id}").json()
    assert (token["standard"], token["exactly_once_on_chain"]) == ("erc3643", False)
    (shown,) = api.get("/v1/reserves").json()["data"][0]["tokens"]
    assert (shown["exactly_once_on_chain"], shown["cap"]) == (False, None)


def test_a_refused_redemption_gets_its_tokens_back(ready, settings):
    minted(ready, "10")
    settings.ORDER_APPROVAL_ABOVE_UNITS = 0
    order = ready.order("4", OrderType.REDEEM)
    ready.send_back(order)
    ready.until(lambda: status(order) == "AWAITING_APPROVAL")
    services.reject_order(order_id=order.pk, actor=OPERATOR, reason="no", now=timezone.now())
    ready.until(lambda: status(order) == "REJECTED")
    assert ready.reader.balance(ready.wallet.address) == parse_quantity("10")
    assert not is_halted(ready)


def test_tokens_that_match_no_redemption_open_a_break(ready):
    minted(ready, "10")
    order = ready.order("4", OrderType.REDEEM)
    ready.send_back(order, amount=order.quantity + 1)
    ready.until(Break.objects.exists)
    assert status(order) == "AWAITING_TOKENS"


def test_a_wallet_struck_off_the_registry_ends_the_order_and_frees_the_shares(ready):
    order = ready.order("10")
    ready.suite.strike(ready.wallet.address)
    ready.until(lambda: status(order) == "REJECTED")
    assert fresh(order).reason_code == "chain_not_permitted"
    assert position(ready).free == parse_quantity("1000")
    assert not ChainTransaction.objects.exists()
    assert check_all() == []


def test_a_frozen_wallet_ends_the_order_although_the_contract_would_mint_to_it(ready):
    order = ready.order("10")
    ready.suite.call("setAddressFrozen(address,bool)", ready.wallet.address, True)
    ready.until(lambda: status(order) == "REJECTED")
    assert fresh(order).reason_code == "chain_frozen"
    assert mints_to(ready, ready.wallet.address) == []


def test_a_paused_token_mints_nothing_and_halts(ready):
    ready.suite.call("pause()")
    order = ready.order("10")
    ready.tick()
    assert fresh(order).reason_code == "chain_paused"
    ready.until(lambda: is_halted(ready))
    assert status(order) == "QUEUED"
    assert mints_to(ready, ready.wallet.address) == []


def test_an_investor_who_leaves_good_standing_is_frozen_and_thawed_again(ready):
    Investor.objects.update(status="SUSPENDED")
    ready.until(lambda: Holder.objects.get().permitted is False)
    assert ready.reader.is_frozen(ready.wallet.address)
    Investor.objects.update(status="APPROVED")
    ready.until(lambda: Holder.objects.get().permitted is True)
    assert not ready.reader.is_frozen(ready.wallet.address)
    assert not is_halted(ready)


def test_a_freeze_that_is_not_ours_is_never_thawed(stage):
    stage.suite.verify(stage.wallet.address)
    stage.suite.call("setAddressFrozen(address,bool)", stage.wallet.address, True)
    stage.anvil.mine(5)
    for _ in range(6):
        stage.tick(blocks=1)
        stage.hurry()
    assert Holder.objects.get().status == "PENDING"
    assert stage.reader.is_frozen(stage.wallet.address)


@pytest.mark.parametrize(
    ("signature", "values"),
    [
        pytest.param("mint(address,uint256)", ["holder", 5], id="a mint nobody ordered"),
        pytest.param("burn(address,uint256)", ["holder", 5], id="a burn nobody ordered"),
        pytest.param("addAgent(address)", ["holder"], id="another agent"),
        pytest.param("setCompliance(address)", ["compliance"], id="another compliance"),
    ],
)
def test_what_somebody_else_does_at_the_token_halts_it(ready, signature, values):
    minted(ready, "10")
    if "compliance" in values:
        values = [ready.suite.replacement_compliance()]
    given = [ready.wallet.address if each == "holder" else each for each in values]
    ready.suite.call(signature, *given)
    ready.until(lambda: is_halted(ready))
    assert not Holding.objects.filter(escrowed__lt=0).exists()
    assert "events are missing" not in Breaker.objects.get(status="OPEN").reason


@pytest.mark.parametrize(
    "point",
    ["assign.numbered", "sign.saved", "broadcast.sent", "settle.precommit", "follow.precommit"],
)
def test_a_worker_killed_anywhere_leaves_one_mint(ready, point):
    order = ready.order("10")
    code = worker.run(ready, lambda: status(order) == "COMPLETED", kill_at=point)
    assert worker.was_killed(code)
    worker.expire_leases()
    ready.until(lambda: status(order) == "COMPLETED")
    assert len(mints_to(ready, ready.wallet.address)) == 1
    assert ready.reader.supply() == position(ready).backing == order.quantity
    assert check_all() == []


def test_a_mint_by_bytes_we_lost_waits_for_a_person_and_is_never_repeated(ready, monkeypatch):
    """The dearer form of our own call was sent by a database that is gone: its nonce is used up."""
    monkeypatch.setattr(advance, "DEATH_AFTER", advance.LOOK_EVERY * 0)
    order = ready.order("10")
    ready.anvil.rpc("evm_setAutomine", False)
    ready.tick()
    row = ChainTransaction.objects.get(kind="MINT")
    raw = Attempt.objects.get(chain_transaction=row)
    ready.anvil.rpc("anvil_dropTransaction", raw.tx_hash)
    ready.anvil.rpc("evm_setAutomine", True)
    Key(secret("ISSUER")).send(ready.node, to=row.to_address, data=bytes(row.calldata))
    ready.until(lambda: fresh(order).reason_code == unknowable.REASON, rounds=300)
    assert status(order) == "CHECKING"
    assert is_halted(ready)
    for _ in range(5):
        ready.tick(blocks=1)
        ready.hurry()
    assert len(mints_to(ready, ready.wallet.address)) == 1
    (candidate,) = unknowable.candidates(fresh(order))
    with pytest.raises(unknowable.EvidenceMissing):
        unknowable.rule_order(
            order_id=order.pk, executed_in="0x00", reason="", actor=OPERATOR, now=timezone.now()
        )
    unknowable.rule_order(
        order_id=order.pk,
        executed_in=candidate.tx_hash,
        reason="same wallet, same quantity, our key",
        actor=OPERATOR,
        now=timezone.now(),
    )
    assert (status(order), fresh(order).tx_hash) == ("COMPLETED", candidate.tx_hash)
    assert unknowable.candidates(fresh(order)) == []
    assert check_all() == []


def test_after_lost_commits_every_open_order_waits_and_another_ruling_signs_it_again(ready):
    order = ready.order("10")
    unknowable.suspect_orders(order_ids=[order.pk], now=timezone.now())
    assert (status(order), fresh(order).reason_code) == ("CHECKING", unknowable.REASON)
    assert is_halted(ready)
    assert position(ready).backing == order.quantity, "where a mint that happened needs them"
    ready.hurry()
    ready.tick()
    assert status(order) == "CHECKING"
    unknowable.rule_order(
        order_id=order.pk, executed_in="", reason="none", actor=OPERATOR, now=timezone.now()
    )
    assert status(order) == "QUEUED"
    with pytest.raises(StateConflict):
        unknowable.rule_order(
            order_id=order.pk, executed_in="", reason="none", actor=OPERATOR, now=timezone.now()
        )
    assert Event.objects.filter(object_id=order.pk, actor=str(OPERATOR)).exists()


def test_a_recovery_leaves_every_open_order_to_a_person(ready, settings):
    # A small in-flight window, so that the fences are soon final.
    settings.CHAIN_IN_FLIGHT_MAX = {"anvil": 2}
    order = ready.order("10")
    services.begin_recovery(
        network="anvil",
        cause=RecoveryCause.OPERATOR,
        reason="as after a failover",
        now=timezone.now(),
    )

    def is_over():
        recover.recover_due(world=ready.world, now=timezone.now())
        return Recovery.objects.get().status == "DONE"

    ready.until(is_over)
    assert (status(order), fresh(order).reason_code) == ("CHECKING", unknowable.REASON)
    ready.hurry()
    ready.tick(blocks=1)
    assert (status(order), mints_to(ready, ready.wallet.address)) == ("CHECKING", [])


def test_a_reverted_mint_is_proven_not_to_have_happened_and_signed_again(ready):
    order = ready.order("10")
    ready.anvil.rpc("evm_setAutomine", False)
    ready.tick()
    assert status(order) == "SUBMITTED"
    ready.suite.owner.anvil.rpc(
        "eth_sendTransaction",
        {
            "from": ready.suite.owner.account,
            "to": ready.suite.trex.registry,
            "gas": hex(1_000_000),
            "maxFeePerGas": hex(10**12),
            "maxPriorityFeePerGas": hex(10**11),
            "data": ready.suite.struck(ready.wallet.address),
        },
    )
    ready.anvil.mine(1)
    ready.anvil.rpc("evm_setAutomine", True)
    ready.until(lambda: fresh(order).requeues == 1 or status(order) == "REJECTED", rounds=300)
    assert ChainTransaction.objects.get(kind="MINT").status == "FINAL_REVERTED"
    ready.until(lambda: status(order) == "REJECTED")
    assert fresh(order).reason_code == "chain_not_permitted"
    assert position(ready).free == parse_quantity("1000")
    assert not is_halted(ready)
    assert check_all() == []

"""The watch: what it halts, what it lets wait, and what it only tells."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Breaker
from issuance import services
from issuance.chain.client import ChainClient
from issuance.chain.finality import FinalityPolicy, policy_of
from issuance.models import ChainTransaction, GasAccount, NetworkLook, NodeScore, Order
from issuance.pipeline import watch
from issuance.services import nodes as node_services
from issuance.services.nodes import FinalityStalled, GasAccountsEmpty, GasBudgetSpent
from issuance.states import ChainTransactionStatus, SignerRole
from tests.issuance.chain.nodes import Liar
from tests.issuance.chain.test_pool import forked
from tests.issuance.stage import NETWORK

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nodes(stage):
    """The stage's chain, told of by three nodes."""
    made = [Liar(stage.anvil.url) for _ in range(3)]
    yield made
    for node in made:
        node.stop()


def behind(stage, nodes, **options) -> ChainClient:
    """Put the stage behind the three nodes."""
    client = ChainClient(NETWORK, [node.url for node in nodes], stage.anvil.chain_id, **options)
    stage.world = replace(stage.world, chain_for=lambda _: client)
    return client


def look(stage, *, later: int = 0):
    return watch.watch(
        network=NETWORK, world=stage.world, now=timezone.now() + timedelta(seconds=later)
    )


def lane(stage, role=SignerRole.ISSUER, **options):
    return services.pick_lane(token=stage.token, role=role, **options)


def test_a_calm_network_has_scores_and_balances_and_no_alarm(stage, nodes):
    behind(stage, nodes)
    stage.anvil.mine(5)
    seen = look(stage)
    assert seen.alarm == ""
    row = NetworkLook.of(network=NETWORK)
    assert row is not None
    assert (row.alarm, row.waits) == ("", False)
    assert row.finalized == stage.anvil.block_number("finalized")
    scores = NodeScore.of(network=NETWORK)
    assert [(each.label, each.state) for each in scores] == [
        (f"{NETWORK}[{place}]", "ok") for place in range(3)
    ]
    assert {each.head for each in scores} == {stage.anvil.block_number()}
    for signer in node_services.gas_accounts(network=NETWORK):
        account = GasAccount.objects.get(signer=signer)
        assert account.balance_wei == stage.anvil.balance(signer.address)
        assert not account.is_empty
    assert lane(stage)


def test_rows_are_written_every_few_seconds_and_not_at_every_tick(stage):
    now = timezone.now()
    watch.watch_networks(world=stage.world, now=now)
    first = NetworkLook.objects.get().seen_at
    watch.watch_networks(world=stage.world, now=now + timedelta(seconds=2))
    assert NetworkLook.objects.get().seen_at == first
    watch.watch_networks(world=stage.world, now=now + timedelta(seconds=6))
    assert NetworkLook.objects.get().seen_at > first


def test_two_final_blocks_of_one_height_halt_the_network_and_nothing_new_is_numbered(stage, nodes):
    behind(stage, nodes)
    stage.anvil.mine(5)
    nodes[1].answers["eth_getBlockByNumber"] = forked(nodes[1])
    assert look(stage).alarm == "finality_disagreement"
    breaker = Breaker.objects.get(name=f"issuance.{NETWORK}")
    assert (breaker.status, breaker.reason.partition(":")[0]) == ("OPEN", "finality_disagreement")
    assert NodeScore.objects.count() == 3


def test_unreachable_nodes_are_an_alarm_and_no_halt(stage, nodes):
    behind(stage, nodes)
    for node in nodes:
        node.answers["eth_chainId"] = 503
    assert look(stage).alarm == "chain_unreachable"
    assert not Breaker.objects.filter(status="OPEN").exists()
    assert lane(stage)


def test_stalled_finality_lets_new_work_wait_and_ends_by_itself(stage, nodes):
    policy = FinalityPolicy(stall_seconds=600)
    behind(stage, nodes, finality=policy)
    stage.anvil.mine(5)
    assert look(stage).alarm == ""
    assert look(stage, later=900).alarm == "finality_stalled"
    with pytest.raises(FinalityStalled):
        lane(stage)
    assert lane(stage, SignerRole.COMPLIANCE, urgent=True)
    assert not Breaker.objects.filter(status="OPEN").exists()
    stage.anvil.mine(5)
    assert look(stage).alarm == ""
    assert lane(stage)


def test_a_clock_that_differs_from_the_chains_is_told_and_stops_nothing(stage, nodes):
    behind(stage, nodes, finality=FinalityPolicy(stall_seconds=600))
    stage.anvil.mine(5)
    assert look(stage, later=-45).alarm == "clock_skewed"
    assert look(stage, later=150).alarm == "clock_skewed"
    skew = NetworkLook.objects.get().clock_skew_seconds
    assert skew is not None
    assert skew < -100
    assert lane(stage)
    assert look(stage, later=10).alarm == ""


def test_a_key_without_gas_takes_nothing_new_and_the_others_of_its_chain_go_on(stage):
    issuer = lane(stage)
    stage.anvil.set_balance(issuer.address, 1)
    look(stage)
    with pytest.raises(GasAccountsEmpty):
        lane(stage)
    # A stop may use the last of it.
    assert lane(stage, urgent=True) == issuer
    assert lane(stage, SignerRole.COMPLIANCE)
    stage.anvil.set_balance(issuer.address, 10**18)
    look(stage)
    assert lane(stage) == issuer


def test_a_spent_budget_stops_new_work_while_what_is_under_way_is_finished(ready, settings):
    ready.anvil.automine(on=False)
    order = ready.order("5")
    ready.tick()
    row = ChainTransaction.objects.get(order_bindings__order=order)
    assert row.status == ChainTransactionStatus.SENT
    attempt = row.attempts_signed.get()
    exposure = row.gas_limit * attempt.max_fee_wei
    before = node_services.gas_spent(network=NETWORK, now=timezone.now())
    assert before > exposure
    settings.CHAIN_GAS_BUDGETS_WEI = {NETWORK: before}
    assert look(ready).alarm == "gas_budget_spent"
    with pytest.raises(GasBudgetSpent):
        lane(ready)
    waiting = ready.order("3")
    ready.until(lambda: _status(order) == "COMPLETED")
    assert _status(waiting) == "QUEUED"
    row.refresh_from_db()
    assert row.gas_used is not None
    assert row.gas_price_wei is not None
    assert 0 < row.gas_used * row.gas_price_wei < exposure
    # What was only exposed is no longer counted, so there is room again.
    assert look(ready).alarm == ""
    ready.until(lambda: _status(waiting) == "COMPLETED")
    day_after = timezone.now() + timedelta(hours=25)
    assert node_services.gas_spent(network=NETWORK, now=day_after) == 0


def _status(order: Order) -> str:
    order.refresh_from_db()
    return order.status


def test_a_base_fee_above_the_ceiling_stops_new_work_and_ends_by_itself(ready):
    ready.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(600 * 10**9))
    ready.anvil.mine()
    order = ready.order("5")
    ready.tick()
    assert _status(order) == "QUEUED"
    assert not ChainTransaction.objects.filter(order_bindings__order=order).exists()
    ready.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    ready.until(lambda: _status(order) == "COMPLETED")


@pytest.mark.parametrize(
    ("chain_id", "depth", "stall"),
    [
        pytest.param(1, 0, 1_500, id="ethereum"),
        pytest.param(8_453, 0, 2_400, id="base"),
        pytest.param(137, 64, 600, id="polygon"),
        pytest.param(43_114, 0, 120, id="avalanche"),
        pytest.param(31_337, 0, 0, id="a-chain-on-demand"),
        pytest.param(99_999, 0, 2_400, id="a-chain-nobody-knows"),
    ],
)
def test_each_chain_has_its_policy(chain_id, depth, stall):
    policy = policy_of(chain_id)
    assert (policy.depth, policy.stall_seconds) == (depth, stall)
    # Settings may ask for more, never for less.
    assert policy_of(chain_id, depth=1).depth == max(depth, 1)
    assert policy_of(chain_id, depth=200).depth == 200

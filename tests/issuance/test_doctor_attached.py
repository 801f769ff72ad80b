"""The doctor on an issuer's own ERC-3643 token: healthy, and each thing that may be wrong with it."""

import pytest
from django.utils import timezone

from issuance.chain.wallets import Wallet as Key
from issuance.models import Order, Signer, Token
from issuance.pipeline import doctor
from issuance.states import SignerRole
from tests.issuance import kept, trex_stage
from tests.issuance.stage import secret


@pytest.fixture
def ready(anvil, transactional_db) -> trex_stage.TRexStage:  # noqa: ARG001 - asked for its effect
    return kept.bring("T-REX", anvil, lambda: trex_stage.build(anvil).ready())


def examine(stage):
    return doctor.examine(client=stage.node, nodes=[stage.node], key_for=None, now=timezone.now())


def told(stage):
    return [(each.code, each.weight) for each in examine(stage)]


def test_a_healthy_attached_token_has_no_finding(ready):
    assert examine(ready) == []


def test_an_address_without_a_contract_is_named(ready):
    Token.objects.filter(pk=ready.token.pk).update(address=Key(secret("nobody")).address)
    assert told(ready) == [("bytecode_mismatch", "stops")]


def test_a_key_that_is_no_agent_any_more_is_named_and_a_halted_one_is_not(ready):
    issuer = Signer.objects.get(role=SignerRole.ISSUER)
    ready.suite.call("removeAgent(address)", issuer.address)
    (found,) = examine(ready)
    assert (found.code, found.weight) == ("chain_role_missing", "stops")
    assert f"issuer {issuer.address}" in found.says
    Signer.objects.filter(pk=issuer.pk).update(halted=True, halted_reason="retired")
    assert told(ready) == [("lane_halted", "stops")]


def test_a_paused_token_is_named_as_the_orders_that_wait_for_it(ready):
    ready.suite.call("pause()")
    order = ready.order("10")
    ready.hurry()
    ready.tick()
    assert told(ready) == [(Order.objects.get(pk=order.pk).reason_code, "stops")]


def test_rules_that_changed_since_it_was_attached_are_named(ready):
    ready.suite.call("setCompliance(address)", ready.suite.replacement_compliance())
    (found,) = examine(ready)
    assert (found.code, found.weight) == ("rules_changed", "stops")
    assert "compliance is 0x" in found.says


@pytest.mark.parametrize("fault", ["struck off", "frozen"])
def test_a_redemption_wallet_that_can_receive_nothing_is_named(ready, fault):
    wallet = ready.redemption.address
    if fault == "frozen":
        ready.suite.call("setAddressFrozen(address,bool)", wallet, True)
    else:
        ready.suite.strike(wallet)
    (found,) = examine(ready)
    assert (found.code, found.weight) == ("redemption_wallet_unfit", "stops")
    assert wallet in found.says

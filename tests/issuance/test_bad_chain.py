"""A contract that is not as it should be: nothing is signed that would fail, and the order says why."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from core import breakers
from core.errors import HaltActive
from core.models import Breaker
from core.units import parse_quantity
from custody import queries as custody_queries
from custody.providers.custodian import CustodianUnavailable
from issuance import queries, services
from issuance.chain import roles
from issuance.chain import token as calls
from issuance.chain.wallets import Wallet as Key
from issuance.invariants import check_all
from issuance.models import ChainTransaction, Order, Token
from tests.issuance.stage import OPERATOR, let_pass, secret


def fresh(order):
    return Order.objects.get(pk=order.pk)


def call(stage, who, data):
    Key(secret(who)).send(stage.node, to=stage.token.address, data=data)


def refused(stage, code):
    """An order that is neither lost nor signed for, and says why."""
    order = stage.order("10")
    stage.tick()
    assert (fresh(order).status, fresh(order).reason_code) == ("QUEUED", code)
    assert not ChainTransaction.objects.filter(kind="MINT").exists(), "no nonce was spent on it"
    assert custody_queries.position(stage.fund.pk).reserved == order.quantity
    return order


def completes(stage, order):
    stage.until(lambda: fresh(order).status == "COMPLETED")
    assert stage.reader.supply() == parse_quantity("10")
    assert check_all() == []


def announced(stage, *kinds):
    now = timezone.now()
    services.announce_change(
        token_id=stage.token.pk,
        kinds=kinds,
        reason="a test of it",
        until=now + timedelta(hours=1),
        actor=OPERATOR,
        now=now,
    )


def test_a_paused_token_keeps_the_order_until_it_resumes(ready):
    admin = Key(secret("DEPLOYER")).address
    announced(ready, f"ROLE_CHANGED:GIVEN:PAUSER:{admin}")
    # Our own pauser's nonces are ours to give out.
    call(ready, "DEPLOYER", calls.encode_grant_role(role=roles.PAUSER, account=admin))
    call(ready, "DEPLOYER", calls.encode_pause(calls.PAUSE_MINT))
    order = refused(ready, "chain_mint_is_paused")
    call(ready, "DEPLOYER", calls.encode_unpause(calls.PAUSE_MINT))
    ready.hurry()
    completes(ready, order)


def test_a_key_whose_role_was_taken_signs_nothing_until_it_has_it_again(ready):
    issuer = Key(secret("ISSUER")).address
    limits = [f"MINT_LIMIT_SET:{issuer}:{shares}" for shares in ("0", "1000000")]
    both = [f"ROLE_CHANGED:{each}:ISSUER:{issuer}" for each in ("TAKEN", "GIVEN")]
    announced(ready, *both, *limits)
    taken = calls.encode_revoke_role(role=roles.ISSUER, account=issuer)
    call(ready, "DEPLOYER", taken)
    order = refused(ready, "chain_access_control_unauthorized_account")
    given = calls.encode_grant_role(role=roles.ISSUER, account=issuer)
    call(ready, "DEPLOYER", given)
    ready.hurry()
    completes(ready, order)


def test_a_role_that_nobody_said_would_change_halts_the_token(ready):
    issuer = Key(secret("ISSUER")).address
    call(ready, "DEPLOYER", calls.encode_revoke_role(role=roles.ISSUER, account=issuer))
    ready.until(Breaker.objects.filter(status="OPEN").exists)
    with pytest.raises(HaltActive):
        breakers.require_closed(queries.token_breaker(ready.token))


def silenced(stage):
    """The custodian does not answer from now on; returns how to let it."""
    honest = stage.world

    def attest(*_):
        raise CustodianUnavailable("It does not answer.")

    stage.world = replace(honest, attest=attest)
    return honest


def test_a_stale_attestation_mints_nothing_until_the_custodian_answers(ready):
    call(ready, "DEPLOYER", calls.encode_set_max_age(1))
    honest = silenced(ready)
    ready.anvil.increase_time(2 * 60)
    ready.anvil.mine(1)
    order = refused(ready, "chain_attestation_stale")
    ready.settle("1")  # another figure is wanted
    ready.world = honest
    completes(ready, order)


def test_a_cap_that_the_chain_holds_lower_than_our_rows_is_the_one_that_counts(ready):
    ready.settle("5000")
    silenced(ready)
    order = ready.order("2000")
    Token.objects.filter(pk=ready.token.pk).update(attested_units=10**30)
    ready.tick()
    assert (fresh(order).status, fresh(order).reason_code) == ("QUEUED", "chain_cap_exceeded")
    assert not ChainTransaction.objects.filter(kind="MINT").exists()


def test_another_contract_at_the_address_halts_the_token_and_loses_nothing(ready):
    code = ready.anvil.rpc("eth_getCode", ready.token.address, "latest")
    ready.anvil.rpc("anvil_setCode", ready.token.address, "0x")
    ready.until(Breaker.objects.filter(status="OPEN").exists)
    breaker = Breaker.objects.get(status="OPEN")
    assert breaker.name == queries.token_breaker(ready.token)
    assert breaker.reason.startswith("bytecode_mismatch")
    with pytest.raises(HaltActive):
        ready.order("10")
    ready.anvil.rpc("anvil_setCode", ready.token.address, code)
    let_pass(breaker.name)
    completes(ready, ready.order("10"))

"""A deployment is refused unless it is exactly what was asked for."""

from dataclasses import replace

import pytest

from issuance.chain import roles, token
from issuance.chain.deploy import deploy_token, implementation_of, verify_token
from issuance.chain.errors import BytecodeMismatch, CallReverted, GasAccountEmpty, RoleMissing
from issuance.chain.signer import LocalSigner, SignerPolicy
from tests.issuance.chain.conftest import CHINA, SWITZERLAND, key, plan_for


def test_a_new_token_has_its_rules_from_its_first_block(world):
    assert implementation_of(world.client, world.address) == world.deployment.implementation
    verify_token(client=world.client, address=world.address, plan=world.plan)
    first = world.deployment.block_number
    assert world.reader.is_restricted(CHINA, at=first)
    assert world.reader.has_role(roles.ISSUER, world.issuer.address, at=first)
    assert world.reader.supply() == 0
    logs = world.client.logs(address=world.address, first=first, last=first)
    assert {log.tx_hash for log in logs} == {world.deployment.tx_hash}


def test_the_deployer_keeps_no_role(world, deployer):
    for role in roles.NAMES:
        assert not world.reader.has_role(role, deployer.address)


@pytest.mark.parametrize(
    "changes",
    [{"restricted": (CHINA, SWITZERLAND)}, {"max_age_minutes": 5}, {"issuer": "0x" + "11" * 20}],
)
def test_a_token_that_differs_from_the_plan_is_refused(world, changes):
    with pytest.raises(RoleMissing):
        verify_token(
            client=world.client, address=world.address, plan=replace(world.plan, **changes)
        )


def test_foreign_code_at_the_address_is_refused(world):
    for address in (world.deployment.implementation, world.alice.address):
        with pytest.raises(BytecodeMismatch):
            verify_token(client=world.client, address=address, plan=world.plan)
    world.anvil.rpc("anvil_setCode", world.deployment.implementation, "0x6000")
    with pytest.raises(BytecodeMismatch, match="not our token"):
        verify_token(client=world.client, address=world.address, plan=world.plan)


def test_one_account_for_issuer_and_attestor_cannot_be_deployed(client, deployer, wallets):
    plan = replace(plan_for(wallets), attestor=wallets["issuer"].address)
    with pytest.raises(CallReverted, match="RolesConflict"):
        deploy_token(client=client, signer=deployer, plan=plan)


def test_a_deployer_without_gas_money_is_told_so(client, wallets):
    poor = LocalSigner(key("poor"), policies=SignerPolicy(frozenset()))
    with pytest.raises(GasAccountEmpty):
        deploy_token(client=client, signer=poor, plan=plan_for(wallets))


def test_reads_at_a_past_block_see_the_past(open_world):
    before = open_world.mint((1, open_world.alice, 5)).block_number - 1
    assert open_world.reader.supply(at=before) == 0
    assert open_world.reader.supply() == 5
    assert not open_world.reader.is_executed(1, at=before)
    assert token.TokenReader(open_world.client, open_world.address).is_executed(1)

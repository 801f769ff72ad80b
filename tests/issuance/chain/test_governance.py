"""A timelock administers the token: upgrades are announced, proved, and keep the books."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector as selector

from issuance.chain import roles, token
from issuance.chain.deploy import (
    deploy_facade,
    deploy_implementation,
    deploy_timelock,
    deploy_token,
    encode_upgrade,
    implementation_of,
    verify_timelock,
    verify_token,
)
from issuance.chain.errors import BytecodeMismatch, CallReverted, RoleMissing, SignerRefused
from issuance.chain.fees import GWEI
from issuance.chain.signer import LocalSigner, Permission, SignerPolicy
from issuance.chain.timelock import Operation, TimelockPlan, TimelockReader
from issuance.chain.types import Fees, UnsignedCall
from tests.issuance.chain.conftest import SHARE, YEAR, World, key, plan_for

DELAY = 3_600


@pytest.fixture
def locked(anvil, client, deployer, wallets):
    """A token whose admin and upgrader is a timelock; admin proposes, pauser carries out."""
    timelock_plan = TimelockPlan(DELAY, (wallets["admin"].address,), (wallets["pauser"].address,))
    deployed = deploy_timelock(client=client, signer=deployer, plan=timelock_plan)
    plan = replace(plan_for(wallets), admin=deployed.address, upgrader=deployed.address)
    deployment = deploy_token(client=client, signer=deployer, plan=plan)
    world = World(anvil=anvil, client=client, plan=plan, deployment=deployment, **wallets)
    world.attest(1_000 * SHARE)
    world.register(world.alice, world.bob)
    world.mint((1, world.alice, 7 * SHARE))
    return world


def send(world, wallet, data):
    return world.mined(wallet.send(world.client, to=world.plan.admin, data=data))


def wait(world, seconds):
    world.anvil.increase_time(seconds)
    world.anvil.mine()


def test_an_upgrade_waits_and_keeps_every_book(locked, deployer):
    before = [locked.reader.holder(w.address) for w in (locked.alice, locked.bob)]
    fresh = deploy_implementation(client=locked.client, signer=deployer)
    assert fresh != implementation_of(locked.client, locked.address)
    upgrade = Operation(locked.address, encode_upgrade(fresh))
    reader = TimelockReader(locked.client, locked.plan.admin)
    assert reader.ready_at(upgrade) is None
    send(locked, locked.admin, upgrade.encode_schedule(delay_seconds=DELAY))
    assert reader.ready_at(upgrade) == locked.now() + DELAY
    with pytest.raises(CallReverted, match="TimelockUnexpectedOperationState"):
        send(locked, locked.pauser, upgrade.encode_execute())
    wait(locked, DELAY + 1)
    send(locked, locked.pauser, upgrade.encode_execute())
    assert implementation_of(locked.client, locked.address) == fresh
    assert reader.ready_at(upgrade) is None
    verify_token(client=locked.client, address=locked.address, plan=locked.plan)
    after = [locked.reader.holder(w.address) for w in (locked.alice, locked.bob)]
    assert after == before
    assert locked.reader.is_executed(1)
    locked.mint((2, locked.bob, SHARE))


def test_without_the_timelock_nobody_upgrades_or_administers(locked, deployer):
    fresh = deploy_implementation(client=locked.client, signer=deployer)
    for wallet in (locked.admin, locked.issuer, locked.pauser):
        with pytest.raises(CallReverted, match="AccessControlUnauthorizedAccount"):
            locked.run(wallet, encode_upgrade(fresh))
        with pytest.raises(CallReverted, match="AccessControlUnauthorizedAccount"):
            locked.run(wallet, token.encode_unpause(1))


def test_a_cancelled_announcement_is_never_carried_out(locked):
    grant = token.encode_grant_role(role=roles.ISSUER, account=locked.bob.address)
    operation = Operation(locked.address, grant)
    send(locked, locked.admin, operation.encode_schedule(delay_seconds=DELAY))
    send(locked, locked.admin, operation.encode_cancel())
    wait(locked, DELAY + 1)
    with pytest.raises(CallReverted, match="TimelockUnexpectedOperationState"):
        send(locked, locked.pauser, operation.encode_execute())


def test_a_shorter_delay_or_a_stranger_is_refused_by_the_timelock(locked):
    operation = Operation(locked.address, token.encode_unpause(1))
    with pytest.raises(CallReverted, match="TimelockInsufficientDelay"):
        send(locked, locked.admin, operation.encode_schedule(delay_seconds=DELAY - 1))
    with pytest.raises(CallReverted, match="AccessControlUnauthorizedAccount"):
        send(locked, locked.issuer, operation.encode_schedule(delay_seconds=DELAY))


def test_a_timelock_that_differs_from_the_plan_is_refused(locked):
    plan = TimelockPlan(DELAY, (locked.admin.address,), (locked.pauser.address,))
    address = locked.plan.admin
    verify_timelock(client=locked.client, address=address, plan=plan)
    bob = (locked.bob.address,)
    for other in (
        replace(plan, delay_seconds=DELAY + 1),
        replace(plan, proposers=bob),
        replace(plan, executors=bob),
    ):
        with pytest.raises(RoleMissing):
            verify_timelock(client=locked.client, address=address, plan=other)
    with pytest.raises(RoleMissing, match="another administrator"):
        verify_timelock(client=locked.client, address=address, plan=plan, outsiders=(address,))
    with pytest.raises(BytecodeMismatch, match="not our timelock"):
        verify_timelock(client=locked.client, address=locked.address, plan=plan)


def test_a_proposers_key_signs_announcements_only(locked):
    timelock = locked.plan.admin
    permission = Permission(locked.client.chain_id, "PROPOSER", timelock)
    signer = LocalSigner(key("admin"), policies=SignerPolicy(frozenset({permission})))
    operation = Operation(locked.address, token.encode_unpause(1))

    def call(to, data):
        return UnsignedCall(locked.client.chain_id, 0, to, data, 100_000, Fees(GWEI, GWEI))

    for data in (operation.encode_schedule(delay_seconds=DELAY), operation.encode_cancel()):
        assert signer.sign(call(timelock, data)).sender == signer.address
    for to, data in (
        (timelock, operation.encode_execute()),
        (locked.address, token.encode_unpause(1)),
    ):
        with pytest.raises(SignerRefused):
            signer.sign(call(to, data))


def test_the_facade_is_ours_and_bound_to_its_token(open_world, deployer):
    address = deploy_facade(
        client=open_world.client, signer=deployer, token=open_world.address, kyc_seconds=YEAR
    )
    bound = open_world.client.call(to=address, data=selector("getTokenBound()"))
    assert int.from_bytes(bound) == int(open_world.address, 16)
    verified = selector("isVerified(address)") + encode(["address"], [open_world.alice.address])
    assert int.from_bytes(open_world.client.call(to=address, data=verified)) == 1

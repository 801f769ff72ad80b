"""Tokens are deployed, verified and upgraded by commands that refuse whatever differs."""

import json

import pytest

from issuance.chain import roles
from issuance.chain.deploy import encode_upgrade, implementation_of
from issuance.chain.timelock import TimelockPlan
from issuance.chain.token import TokenReader, encode_revoke_role
from issuance.models import Token
from issuance.pipeline import launch
from issuance.pipeline.launch import signers_of
from issuance.pipeline.upgrades import create_timelock
from tests.issuance.sites import refusal, run
from tests.issuance.stage import NETWORK

DELAY = 600


def test_a_deployed_token_is_in_the_address_book_and_verifies(site):
    made = run("deploy_token", **site.options)
    entry = site.entry()
    assert (entry.proxy, entry.chain_id) == (made["contract"], site.node.chain_id)
    assert entry.implementation == implementation_of(site.node, entry.proxy)
    assert run("verify_token", **site.options) == {
        "contract": entry.proxy,
        "implementation": entry.implementation,
        "mint_limit": "1000000",
        "verified": True,
    }


def test_a_mint_limit_is_enforced_by_the_contract_and_kept_in_the_book(site):
    made = run("deploy_token", mint_limit="2500.5", **site.options)
    assert made["mint_limit"] == run("verify_token", **site.options)["mint_limit"] == "2500.5"
    assert site.entry().plan.mint_limit == 25005 * 10**17
    issuer = signers_of(site.node.chain_id)["ISSUER"]
    allowed = TokenReader(site.node, made["contract"]).mint_allowance(issuer)
    assert allowed.limit == allowed.available == 25005 * 10**17
    assert run("deploy_token", **site.options)["mint_limit"] == "2500.5"


@pytest.mark.parametrize(
    "shares", ["0", "-5", "1e6", "a million", "79228162515"], ids=lambda text: f"of {text}"
)
def test_a_mint_limit_the_contract_cannot_keep_is_refused_before_anything_is_sent(site, shares):
    head = site.node.head().number
    assert "mint_limit_invalid" in refusal("deploy_token", mint_limit=shares, **site.options)
    assert site.node.head().number == head
    assert not Token.objects.exists()


def test_an_interrupted_launch_is_taken_up_where_it_stopped(site):
    keys = signers_of(site.node.chain_id)
    plan = launch._plan(launch.Launch(underlying_symbol=site.symbol, network=NETWORK), keys)
    left_behind = launch._deploy(site.node, plan, keys["DEPLOYER"])
    sent = site.deployments()
    other = refusal("deploy_token", max_age_minutes=5, **site.options)
    assert "address_book_differs" in other
    assert run("deploy_token", **site.options)["contract"] == left_behind.proxy
    assert site.deployments() == sent  # no second contract


def test_an_interrupted_launch_under_a_timelock_is_taken_up_with_the_timelock_it_made(site):
    timelock = create_timelock(
        network=NETWORK,
        plan=TimelockPlan(DELAY, (site.proposer.address,), (site.executor.address,)),
    )
    wanted = launch.Launch(underlying_symbol=site.symbol, network=NETWORK, admin=timelock)
    keys = signers_of(site.node.chain_id)
    left_behind = launch._deploy(site.node, launch._plan(wanted, keys), keys["DEPLOYER"])
    sent = site.deployments()
    people = {
        "proposer": [site.proposer.address.lower()],
        "executor": [site.executor.address.lower()],
    }
    other = refusal("deploy_token", timelock_delay=DELAY - 1, **people, **site.options)
    assert other == f"role_missing: the timelock waits {DELAY} s"
    made = run("deploy_token", timelock_delay=DELAY, **people, **site.options)
    assert made["contract"] == left_behind.proxy
    assert site.deployments() == sent  # no second timelock, no second token


@pytest.mark.parametrize(
    "options",
    [{"admin": "0x12"}, {"attestor": "nobody"}, {"timelock_delay": 5, "proposer": ["0x12"]}],
    ids=["admin", "attestor", "proposer"],
)
def test_what_is_no_address_is_refused_before_anything_is_sent(site, options):
    head, people = site.node.head().number, {"executor": [site.executor.address]}
    more = people if "proposer" in options else {}
    assert "address_invalid" in refusal("deploy_token", **site.options, **options, **more)
    assert site.node.head().number == head


def test_no_hot_key_becomes_a_tokens_admin_outside_development(site, settings):
    settings.DEVELOPMENT = False
    head = site.node.head().number
    assert "admin_missing" in refusal("deploy_token", **site.options)
    assert site.node.head().number == head
    assert not Token.objects.exists()


def test_a_role_that_was_taken_is_noticed(site):
    run("deploy_token", **site.options)
    entry = site.entry()
    take = encode_revoke_role(role=roles.PAUSER, account=entry.plan.pauser)
    site.send(site.deployer(), entry.proxy, take)
    assert "role_missing: PAUSER" in refusal("verify_token", **site.options)


def test_foreign_code_is_refused(site):
    run("deploy_token", **site.options)
    site.anvil.rpc("anvil_setCode", site.entry().implementation, "0x6000")
    assert "bytecode_mismatch" in refusal("verify_token", **site.options)
    assert "bytecode_mismatch" in refusal("upgrade_token", **site.options)
    site.anvil.rpc("anvil_setCode", site.entry().proxy, "0x6000")
    assert "is not our proxy" in refusal("verify_token", **site.options)


def test_an_upgrade_nobody_recorded_is_noticed_and_a_proved_one_is_recorded(site):
    run("deploy_token", **site.options)
    before = site.entry()
    prepared = run("upgrade_token", **site.options)
    assert (prepared["to"], prepared["schedule"]) == (before.proxy, "")
    fresh = prepared["implementation"]
    assert "address_book_differs" in refusal("upgrade_token", finish=fresh, **site.options)
    site.send(site.deployer(), before.proxy, bytes.fromhex(prepared["execute"][2:]))
    assert "address_book_differs" in refusal("verify_token", **site.options)
    stranger = before.implementation
    assert "address_book_differs" in refusal("upgrade_token", finish=stranger, **site.options)
    assert "address_invalid" in refusal("upgrade_token", finish="0x12", **site.options)
    done = run("upgrade_token", finish=fresh.lower(), **site.options)
    assert done["implementation"] == fresh
    assert run("verify_token", **site.options)["implementation"] == fresh
    assert encode_upgrade(fresh).hex() == prepared["execute"][2:]


def test_a_token_under_a_timelock_is_upgraded_by_announcement(site):
    made = run(
        "deploy_token",
        timelock_delay=DELAY,
        proposer=[site.proposer.address],
        executor=[site.executor.address],
        **site.options,
    )
    timelock = site.entry().plan.admin
    reader = TokenReader(site.node, made["contract"])
    assert reader.has_role(roles.ADMIN, timelock)
    assert reader.has_role(roles.UPGRADER, timelock)
    assert not reader.has_role(roles.ADMIN, site.deployer().address)
    prepared = run("upgrade_token", **site.options)
    assert (prepared["to"], prepared["delay_seconds"]) == (timelock, DELAY)
    site.send(site.proposer, timelock, bytes.fromhex(prepared["schedule"][2:]))
    site.anvil.increase_time(DELAY + 1)
    site.send(site.executor, timelock, bytes.fromhex(prepared["execute"][2:]))
    run("upgrade_token", finish=prepared["implementation"], **site.options)
    assert run("verify_token", **site.options)["verified"] is True


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"proposer": ["0x" + "11" * 20]}, "belong to --timelock-delay"),
        ({"timelock_delay": 5}, "needs seconds"),
        ({"timelock_delay": 5, "admin": "0x" + "11" * 20}, "exclude each other"),
    ],
)
def test_a_timelock_described_in_part_is_refused(site, options, reason):
    assert reason in refusal("deploy_token", **site.options, **options)
    assert not Token.objects.exists()


def test_a_token_that_is_not_in_service_or_not_in_the_book_is_refused(site):
    for command in ("verify_token", "upgrade_token"):
        assert "token_unknown" in refusal(command, **site.options)
    run("deploy_token", **site.options)
    path = next((site.keys_dir / "addresses").glob("*.json"))
    path.write_text("{}")
    assert "not_in_address_book" in refusal("verify_token", **site.options)
    for broken in ("[]", "no JSON", json.dumps({f"s{site.symbol}": {"plan": {}}})):
        path.write_text(broken)
        assert "address_book_differs" in refusal("verify_token", **site.options)


def test_a_wiped_chain_under_kept_keys_is_refused(site):
    run("deploy_token", **site.options)
    site.anvil.rpc("anvil_setCode", site.entry().proxy, "0x")
    assert "bytecode_mismatch" in refusal("verify_token", **site.options)

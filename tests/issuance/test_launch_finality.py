"""A token is in service once its creation is final, wherever reorganisations put that meanwhile."""

from io import StringIO

import pytest
from django.utils import timezone

from core.models import Breaker
from issuance.chain import creations, deploy, registry
from issuance.chain.errors import AddressBookDiffers, ChainUnreachable, NotInAddressBook
from issuance.chain.signer import Permission
from issuance.models import ChainCursor, Token, TokenLog
from issuance.pipeline import follow, launch
from issuance.pipeline.launch import begun_creations, signers_of
from issuance.pipeline.world import from_settings
from tests.issuance.sites import refusal, run


def left_waiting(site):
    """A launch that ran out of time above finality; what it left in the address book."""
    told = StringIO()
    late = refusal("deploy_token", **site.options | {"stderr": told}, wait_seconds=0)
    assert late.startswith("creation_not_final: ")
    entry = site.entry()
    assert f"{entry.tx_hash} in block {entry.block_number}; newest final block" in late
    assert "Run the same command again" in late
    assert told.getvalue().startswith("waiting for finality: 0x")
    return entry


def begun(site):
    return begun_creations(chain_id=site.node.chain_id, undertaking=f"s{site.symbol}")


def followed(site):
    """The follower on what is final; the reason of the halt, if it halts."""
    site.anvil.mine(3)
    follow.follow_all(world=from_settings(), now=timezone.now())
    assert TokenLog.objects.filter(kind="ROLE_CHANGED").exists(), "it has seen the roles"
    return [each.reason for each in Breaker.objects.filter(status="OPEN")]


def test_a_token_is_registered_once_its_creation_is_final_and_not_before(site):
    entry = left_waiting(site)
    assert not Token.objects.exists()
    issuer = signers_of(site.node.chain_id)["ISSUER"]
    policy = registry.policy_file().policy_of(issuer)
    assert Permission(site.node.chain_id, "ISSUER", entry.proxy) not in policy.permissions
    sent = site.deployments()
    made = run("deploy_token", **site.options)
    assert (made["contract"], made["deployed"]) == (entry.proxy, True)
    token = Token.objects.get()
    assert token.deployed_block == entry.block_number <= site.node.finalized().number
    assert site.deployments() == sent, "nothing was created twice"
    assert begun(site).all() == []


def test_a_creation_that_a_reorganisation_moves_is_registered_where_it_is_final(site):
    entry = left_waiting(site)
    raws = [each.raw for each in begun(site).all()]
    site.anvil.mine(1)
    site.anvil.reorg(3, [(raw, place + 1) for place, raw in enumerate(raws)])
    moved = site.node.receipt(entry.tx_hash).block_number
    assert moved == entry.block_number + 1
    run("deploy_token", **site.options)
    token = Token.objects.get()
    assert token.deployed_block == moved == site.entry().block_number
    assert ChainCursor.objects.get().block == moved - 1
    assert followed(site) == []


def test_a_creation_that_a_reorganisation_drops_is_sent_again_and_is_the_same_contract(site):
    entry = left_waiting(site)
    site.anvil.reorg(2)
    assert site.node.code(entry.proxy) == b""
    assert site.deployments() == 0
    run("deploy_token", **site.options)
    token = Token.objects.get()
    assert token.address == entry.proxy
    assert token.deployed_block == site.node.receipt(entry.tx_hash).block_number
    assert site.deployments() == 2
    assert followed(site) == []


def test_a_creation_whose_nonce_went_to_something_else_is_struck_and_made_anew(site, monkeypatch):
    monkeypatch.setattr(creations, "_AGAIN_SECONDS", 0.01)
    entry = left_waiting(site)
    site.anvil.reorg(2)
    for _ in range(2):
        site.send(site.deployer(), site.deployer().address, b"")
    site.anvil.mine(3)
    assert refusal("deploy_token", **site.options).startswith("creation_dead: ")
    with pytest.raises(NotInAddressBook):
        site.entry()
    assert not Token.objects.exists()
    assert run("deploy_token", **site.options)["contract"] != entry.proxy
    assert site.deployments() == 4


def test_an_entry_that_nothing_of_ours_could_bring_back_is_refused_at_once(site):
    left_waiting(site)
    begun(site).clear()
    site.anvil.reorg(2)
    assert refusal("deploy_token", **site.options).startswith("bytecode_mismatch: ")
    assert not Token.objects.exists()


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"sIBIT": [{}]}'], ids=["text", "list", "row"])
def test_a_broken_file_of_creations_is_refused_and_nothing_is_created(site, text):
    path = site.keys_dir / "creations" / f"{site.node.chain_id}.json"
    path.parent.mkdir()
    path.write_text(text)
    assert "address_book_differs" in refusal("deploy_token", **site.options)
    assert site.deployments() == 0
    with pytest.raises(AddressBookDiffers):
        begun(site).all()


def under_a_timelock(site):
    people = {"proposer": [site.proposer.address], "executor": [site.executor.address]}
    return site.options | people | {"timelock_delay": 600}


def test_a_launch_that_died_between_its_contracts_goes_on_with_those_it_made(site, monkeypatch):
    def unreachable(**_):
        raise ChainUnreachable("the node went away")

    monkeypatch.setattr(launch, "deploy_token", unreachable)
    assert "chain_unreachable" in refusal("deploy_token", **under_a_timelock(site))
    assert site.deployments() == 1, "the timelock"
    monkeypatch.undo()
    run("deploy_token", **under_a_timelock(site))
    assert site.deployments() == 3, "the timelock, the code and the token, each once"


def test_a_timelock_that_a_reorganisation_drops_comes_back_with_its_token(site):
    options = under_a_timelock(site)
    late = refusal("deploy_token", **options | {"stderr": StringIO()}, wait_seconds=0)
    assert late.startswith("creation_not_final: ")
    entry = site.entry()
    site.anvil.reorg(3)
    assert site.node.code(entry.plan.admin) == b""
    made = run("deploy_token", **options)
    assert made["contract"] == entry.proxy
    assert site.deployments() == 3
    assert site.node.code(entry.plan.admin) != b""


def test_an_upgrade_that_died_before_its_announcement_goes_on_with_the_code_it_sent(
    site, monkeypatch
):
    run("deploy_token", **site.options)
    sent = site.deployments()

    def unreachable(*_):
        raise ChainUnreachable("the node went away")

    monkeypatch.setattr(deploy, "_proved", unreachable)
    assert "chain_unreachable" in refusal("upgrade_token", **site.options)
    monkeypatch.undo()
    run("upgrade_token", **site.options)
    assert site.deployments() == sent + 1
    run("upgrade_token", **site.options)
    assert site.deployments() == sent + 2, "a new upgrade is another one"

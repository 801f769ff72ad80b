"""The doctor on keys that were halted: what stops work, what is to be done, and what is over."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from issuance import services
from issuance.chain import roles
from issuance.chain import token as calls
from issuance.chain.errors import KeystoreUnreadable
from issuance.chain.signer import LocalSigner, Permission, SignerPolicy
from issuance.chain.wallets import Wallet as Key
from issuance.models import ChainTransaction, Signer
from issuance.pipeline import doctor
from issuance.states import SignerRole
from tests.issuance.stage import NETWORK, OPERATOR, TEST, secret


def examine(stage, **changes):
    given = {"client": stage.node, "nodes": [stage.node], "key_for": stage.world.key_for}
    return doctor.examine(now=timezone.now(), **given | changes)


def told(found):
    return [(each.code, each.weight) for each in found]


def quiet(stage):
    stage.until(lambda: not ChainTransaction.objects.filter(final_at=None).exists())
    return Signer.objects.get(role=SignerRole.ISSUER)


def call(stage, data):
    Key(secret("DEPLOYER")).send(stage.node, to=stage.token.address, data=data)
    stage.anvil.mine(1)


def successor(stage):
    """Another issuing key with ether and the role, ready to number."""
    key = Key(secret("second issuer"))
    stage.anvil.set_balance(key.address, 10**20)
    permission = Permission(stage.anvil.chain_id, "ISSUER", stage.token.address)
    policy = SignerPolicy(frozenset({permission}))
    stage.signers[key.address] = LocalSigner(secret("second issuer"), policies=policy)
    call(stage, calls.encode_grant_role(role=roles.ISSUER, account=key.address))
    services.register_signer(
        network=NETWORK,
        chain_id=stage.anvil.chain_id,
        address=key.address,
        role=SignerRole.ISSUER,
        chain_nonce=0,
        actor=TEST,
        now=timezone.now(),
    )


def halt(signer):
    services.halt_signer(signer_id=signer.pk, reason="retired", actor=OPERATOR, now=timezone.now())


def key_for(stage, gone):
    """As the world has it, but for one key that was destroyed and one that has no file here."""

    def find(address):
        if address == gone:
            raise KeystoreUnreadable("destroyed")
        return stage.world.key_for(address)

    return find


def test_a_key_that_was_retired_and_replaced_is_healthy_though_it_has_no_role_gas_or_file(ready):
    old = quiet(ready)
    successor(ready)
    halt(old)
    call(ready, calls.encode_revoke_role(role=roles.ISSUER, account=old.address))
    ready.anvil.set_balance(old.address, 0)
    assert examine(ready, key_for=None) == []
    found = examine(ready, key_for=key_for(ready, old.address))
    assert [each for each in found if old.address in each.subject] == []


def test_a_replaced_key_that_may_still_act_is_to_be_looked_at_and_stops_nothing(ready):
    old = quiet(ready)
    successor(ready)
    halt(old)
    (found,) = examine(ready, key_for=None)
    assert (found.code, found.weight) == ("lane_halted", "look")
    assert "retired" in found.says
    assert "revokes the role" in found.do


def test_a_replaced_key_whose_transactions_are_under_way_is_waited_for(ready):
    quiet(ready)
    ready.anvil.automine(on=False)
    ready.order("10")
    ready.tick()
    old = Signer.objects.get(role=SignerRole.ISSUER)
    assert ChainTransaction.objects.filter(signer=old, final_at=None).exists()
    successor(ready)
    halt(old)
    found = [
        each for each in examine(ready, key_for=None) if each.subject == f"issuer {old.address}"
    ]
    assert told(found) == [("lane_halted", "look")]
    assert "under way" in found[0].says


def test_the_only_key_of_a_role_stops_work_while_it_is_halted_and_the_advice_can_be_typed(
    ready, monkeypatch
):
    only = quiet(ready)
    halt(only)
    (found,) = examine(ready, key_for=None)
    assert (found.code, found.weight) == ("lane_halted", "stops")
    assert "retired" in found.says
    printed = re.search(r"manage\.py (\S+) (.*--resume)", found.do)
    assert printed is not None
    command, arguments = printed[1], printed[2].split()
    monkeypatch.setattr("sys.stdin", StringIO("guessed\n"))
    with pytest.raises(CommandError, match="sign_in_refused"):
        call_command(command, *arguments, "--password-stdin")
    assert {"--network", NETWORK, "--address", only.address} <= set(arguments)

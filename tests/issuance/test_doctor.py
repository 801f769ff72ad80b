"""The doctor names every bad input by the pipeline's own word, on a real chain, and writes nothing."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from core import services as core_services
from core.models import Event
from issuance import queries
from issuance.chain import registry, roles
from issuance.chain import token as calls
from issuance.chain.client import ChainClient
from issuance.chain.errors import CallReverted
from issuance.chain.fees import FeePolicy
from issuance.chain.keystore import generate_keystore
from issuance.chain.signer import LocalSigner, Permission, SignerPolicy
from issuance.chain.standards import standard_of
from issuance.chain.types import OrderItem
from issuance.chain.wallets import Wallet as Key
from issuance.models import ChainTransaction, NetworkGate, Order, Signer, Token
from issuance.pipeline import doctor
from issuance.states import NetworkStatus, SignerRole
from tests.issuance.stage import NETWORK, OPERATOR, secret


def examine(stage, *, client=None, nodes=None, key_for=None, now=None):
    return doctor.examine(
        client=client or stage.node,
        nodes=nodes or [client or stage.node],
        key_for=key_for or stage.world.key_for,
        now=now or timezone.now(),
    )


def codes(stage, **changes) -> list[str]:
    return [finding.code for finding in examine(stage, **changes)]


def send(stage, name: str, data: bytes) -> None:
    key = Key(secret(name))
    key.send(stage.node, to=stage.token.address, data=data)
    # As if the lane had numbered it: a foreign nonce would begin a recovery.
    Signer.objects.filter(address=key.address).update(next_nonce=F("next_nonce") + 1)


def reason_of_a_waiting_order(stage) -> str:
    """What the pipeline itself says of a mint order now."""
    order = stage.order("10")
    stage.hurry()
    stage.tick()
    return Order.objects.get(pk=order.pk).reason_code


def address_of(role: SignerRole) -> str:
    return Signer.objects.get(role=role).address


def test_a_healthy_network_has_no_finding_and_looking_changes_nothing(ready):
    ready.until(lambda: not ChainTransaction.objects.filter(final_at=None).exists())
    before = (Event.objects.count(), list(Token.objects.values()), list(Signer.objects.values()))
    assert examine(ready) == []
    after = (Event.objects.count(), list(Token.objects.values()), list(Signer.objects.values()))
    assert before == after


def test_a_node_of_another_chain_is_named(ready):
    other = ChainClient(NETWORK, [ready.anvil.url], 1)
    found = examine(ready, client=other)
    assert "chain_id_mismatch" in [each.code for each in found]
    assert found[0].weight == "stops"


def test_a_node_that_does_not_answer_is_named_and_the_others_go_on(ready):
    dead = ChainClient(NETWORK, ["http://127.0.0.1:9"], ready.anvil.chain_id)
    found = examine(ready, nodes=[ready.node, dead])
    assert [(each.code, each.weight, each.subject) for each in found] == [
        ("chain_unreachable", "look", "node 2 of 2")
    ]


def test_two_nodes_that_call_different_blocks_final_are_named(ready, start_chain):
    liar = start_chain(chain_id=ready.anvil.chain_id)
    ready.anvil.mine(3)
    liar.mine(3)
    other = ChainClient(NETWORK, [liar.url], liar.chain_id)
    assert "finality_disagreement" in codes(ready, nodes=[ready.node, other])


@pytest.mark.parametrize("address", ["an account", "another contract"])
def test_an_address_without_our_code_is_named(ready, address):
    other = ready.wallet.address
    if address == "another contract":
        other = "0x" + "c0de" * 10
        ready.anvil.rpc("anvil_setCode", other, "0x6001600101")
    Token.objects.filter(pk=ready.token.pk).update(address=other)
    assert "bytecode_mismatch" in codes(ready)


def test_a_key_without_its_role_is_named_as_the_orders_that_wait_for_it(ready):
    issuer = address_of(SignerRole.ISSUER)
    send(ready, "DEPLOYER", calls.encode_revoke_role(role=roles.ISSUER, account=issuer))
    assert reason_of_a_waiting_order(ready) in codes(ready)


def test_a_paused_token_is_named_as_the_orders_that_wait_for_it(ready):
    send(ready, "PAUSER", calls.encode_pause(calls.PAUSE_MINT))
    waiting = reason_of_a_waiting_order(ready)
    assert waiting == "chain_mint_is_paused"
    assert waiting in codes(ready)
    send(ready, "PAUSER", calls.encode_pause(calls.PAUSE_TRANSFER))
    assert "chain_transfer_is_paused" in codes(ready)


def test_a_stale_attestation_is_named_as_the_contract_names_it(ready):
    ready.anvil.rpc("evm_increaseTime", 3 * 86_400)
    ready.anvil.mine(1)
    found = codes(ready, now=timezone.now() + timedelta(days=3))
    assert contract_code(ready, "10") == "chain_attestation_stale"
    assert "chain_attestation_stale" in found


def test_orders_above_the_cap_are_named_as_the_contract_names_them(ready):
    ready.settle("1000")
    ready.order("1500")
    assert contract_code(ready, "1500") == "chain_cap_exceeded"
    assert "chain_cap_exceeded" in codes(ready)


def contract_code(stage, shares: str) -> str:
    """The order code of the contract's own refusal of a mint."""
    item = OrderItem(77, stage.wallet.address, int(shares) * 10**18)
    with pytest.raises(CallReverted) as refusal:
        stage.node.simulate(
            sender=address_of(SignerRole.ISSUER),
            to=stage.token.address,
            data=calls.encode_mint_batch([item]),
        )
    return standard_of(stage.token).cure(refusal.value)[1]


def test_a_price_above_the_ceiling_is_named(ready):
    poor = ChainClient(
        NETWORK, [ready.anvil.url], ready.anvil.chain_id, fee_policy=FeePolicy(max_fee=1)
    )
    assert "fee_ceiling" in codes(ready, client=poor)


def test_an_empty_gas_account_is_named(ready):
    ready.anvil.set_balance(address_of(SignerRole.COMPLIANCE), 0)
    found = [each for each in examine(ready) if each.code == "gas_account_empty"]
    assert [each.weight for each in found] == ["stops"]
    assert address_of(SignerRole.COMPLIANCE) in found[0].subject


def test_a_corrupt_key_file_is_named(ready, tmp_path, settings):
    (tmp_path / "password").write_text("secret")
    settings.SIGNER_KEYSTORES = str(tmp_path)
    settings.SIGNER_PASSWORD_FILE = str(tmp_path / "password")
    for signer in Signer.objects.all():
        (tmp_path / f"{signer.address.lower()}.json").write_text("{broken")
    assert set(codes(ready, key_for=registry.signer_for)) == {"keystore_unreadable"}


@pytest.mark.parametrize("text", ["{broken", "{}"], ids=["that is not JSON", "without the keys"])
def test_a_policy_file_that_lets_no_key_sign_is_named(ready, tmp_path, settings, text):
    (tmp_path / "password").write_text("secret")
    settings.SIGNER_KEYSTORES = str(tmp_path)
    settings.SIGNER_PASSWORD_FILE = str(tmp_path / "password")
    names = ("ISSUER", "COMPLIANCE", "PAUSER")
    for name in names:
        generate_keystore(tmp_path, password="secret", key=secret(name))
    (tmp_path / "policy.json").write_text(text)
    issuer = address_of(SignerRole.ISSUER)
    found = [each for each in examine(ready, key_for=registry.signer_for) if issuer in each.subject]
    assert [(each.code, each.weight) for each in found] == [("signer_refused", "stops")]


def test_a_signer_that_signs_with_another_key_is_named(ready):
    class Impostor:
        """Says it is the issuer and signs with a key of its own."""

        def __init__(self, address: str) -> None:
            self.address = address
            permission = Permission(ready.anvil.chain_id, "ISSUER", address)
            policy = SignerPolicy(frozenset({permission}))
            self._other = LocalSigner(secret("thief"), policies=policy)

        def sign(self, unsigned):
            from issuance.chain.signing import sign_with  # noqa: PLC0415 - beside its only use

            return sign_with(self._other._key, unsigned)

    ready.until(lambda: not ChainTransaction.objects.filter(final_at=None).exists())
    assert set(codes(ready, key_for=Impostor)) == {"wrong_signature"}


def test_a_halt_and_a_recovery_are_named(ready):
    name = queries.token_breaker(ready.token)
    core_services.halt(name=name, reason="drill 7", actor=OPERATOR, now=timezone.now())
    NetworkGate.objects.filter(network=NETWORK).update(status=NetworkStatus.RECOVERING)
    found = {each.code: each for each in examine(ready)}
    assert "drill 7" in found["halt_active"].says
    assert found["recovering"].weight == "stops"


def test_a_nonce_we_never_gave_out_and_one_nobody_fills_are_named(ready):
    ready.until(lambda: not ChainTransaction.objects.filter(final_at=None).exists())
    issuer = Signer.objects.get(role=SignerRole.ISSUER)
    Signer.objects.filter(pk=issuer.pk).update(next_nonce=0)
    assert "nonce_ahead" in codes(ready)
    Signer.objects.filter(pk=issuer.pk).update(next_nonce=issuer.next_nonce + 2)
    assert "nonce_gap" in codes(ready)


def test_the_lowest_nonce_that_waits_too_long_is_named(ready):
    ready.anvil.automine(on=False)
    ready.order("10")
    ready.tick()
    found = examine(ready, now=timezone.now() + timedelta(minutes=6))
    stuck = [each for each in found if each.code == "stuck_nonce"]
    assert len(stuck) == 1
    assert "Stuck work" in stuck[0].do


def test_the_command_tells_people_and_machines_and_its_exit_code_counts(ready):
    ready.until(lambda: not ChainTransaction.objects.filter(final_at=None).exists())
    out = io.StringIO()
    call_command("chain", "doctor", "--without-keys", stdout=out)
    assert out.getvalue() == "anvil: healthy\n"
    ready.anvil.set_balance(address_of(SignerRole.ISSUER), 0)
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("chain", "doctor", "--network", "anvil", "--without-keys", stdout=out)
    assert ended.value.code == 1
    assert "gas_account_empty" in out.getvalue()
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("chain", "doctor", "--json", "--without-keys", stdout=out)
    (row,) = json.loads(out.getvalue())
    assert (row["code"], row["network"], row["weight"]) == ("gas_account_empty", "anvil", "stops")

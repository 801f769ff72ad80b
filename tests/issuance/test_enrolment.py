"""enrol_signer: a key proves itself before it gets a permission or a lane."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from eth_utils.crypto import keccak

from issuance.chain import registry
from issuance.chain.permissions import Permission
from issuance.models import Signer, Token
from tests.issuance import paper as papers
from tests.issuance.chain.key_services import Vault, Web3Signer, served

pytestmark = pytest.mark.django_db(transaction=True)
VAULT = Vault(keccak(text="a vault"))


@pytest.fixture
def place(anvil, settings, tmp_path):
    """Where keys are, a token on record, and a chain."""
    settings.SIGNER_KEYSTORES = str(tmp_path)
    settings.CHAIN_RPC_URLS = {"anvil": [anvil.url]}
    settings.CHAIN_IDS = {"anvil": anvil.chain_id}
    return papers.build()


def enrol(**changes):
    said = StringIO()
    terms = {"network": "anvil", "address": VAULT.address, "role": "ISSUER"} | changes
    call_command("enrol_signer", stdout=said, **terms)
    return json.loads(said.getvalue())


def test_a_key_that_proves_itself_gets_its_permissions_and_a_lane_beside_the_first(place, settings):
    with served(Web3Signer(VAULT)) as url:
        settings.SIGNER_BACKENDS = {VAULT.address: f"web3signer:{url}"}
        assert enrol() == {"role": "issuer", "address": VAULT.address, "next_nonce": 0}
        assert enrol() == {"role": "issuer", "address": VAULT.address, "next_nonce": 0}
    assert Signer.objects.filter(role="ISSUER").count() == 2
    policy = registry.policy_file().policy_of(VAULT.address)
    contract = place.token.address
    chain_id = settings.CHAIN_IDS["anvil"]
    assert Permission(chain_id, "ISSUER", contract) in policy.permissions


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        pytest.param("ISSUER", {("ERC3643_ISSUER", papers.ADDRESS)}, id="issuer"),
        pytest.param("COMPLIANCE", {("ERC3643_COMPLIANCE", None)}, id="compliance"),
        pytest.param("PAUSER", set(), id="pauser"),
    ],
)
def test_at_an_attached_token_a_key_may_sign_that_standards_calls_alone(
    place, settings, role, wanted
):
    Token.objects.filter(pk=place.token.pk).update(
        standard="ERC3643", attested_units=0, attested_as_of=None, redemption_wallet=papers.ADDRESS
    )
    with served(Web3Signer(VAULT)) as url:
        settings.SIGNER_BACKENDS = {VAULT.address: f"web3signer:{url}"}
        enrol(role=role)
    granted = registry.policy_file().policy_of(VAULT.address).permissions
    at_token = [each for each in granted if each.contract == place.token.address]
    assert {(each.role, each.wallet) for each in at_token} == wanted


@pytest.mark.usefixtures("place")
def test_a_key_that_signs_as_somebody_else_gets_neither_lane_nor_contract(settings):
    service = Web3Signer(VAULT)
    service.liar = Vault(keccak(text="somebody else"))
    with served(service) as url:
        settings.SIGNER_BACKENDS = {VAULT.address: f"web3signer:{url}"}
        with pytest.raises(CommandError, match="wrong_signature"):
            enrol()
    assert not Signer.objects.filter(address=VAULT.address).exists()
    granted = registry.policy_file().policy_of(VAULT.address).permissions
    assert all(each.contract is None for each in granted)


@pytest.mark.usefixtures("place")
def test_a_key_service_that_is_away_refuses_by_code(settings):
    settings.SIGNER_BACKENDS = {VAULT.address: "web3signer:http://127.0.0.1:9"}
    with pytest.raises(CommandError, match="signer_unreachable"):
        enrol()


@pytest.mark.usefixtures("place")
def test_a_key_plays_one_role_on_a_chain(settings):
    with served(Web3Signer(VAULT)) as url:
        settings.SIGNER_BACKENDS = {VAULT.address: f"web3signer:{url}"}
        enrol()
        with pytest.raises(CommandError, match="state_conflict"):
            enrol(role="COMPLIANCE")

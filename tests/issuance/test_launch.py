"""create_signers and deploy_token: keys once, a token once, and refusals with a code."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction

from config.devstack.launch import BlocksOnDemand
from custody import ledger
from custody.models import Custodian
from issuance.chain import registry
from issuance.chain.signer import Permission
from issuance.models import Signer, Token
from tests.custody import rows as custody_rows

pytestmark = pytest.mark.django_db(transaction=True)
ATTESTOR = "0x52908400098527886E0F7030069857D2E4169EE7"


@pytest.fixture
def keystores(settings, tmp_path, light_keys):  # noqa: ARG001 - asked for its effect
    (tmp_path / "password").write_text("a password for the tests")
    settings.SIGNER_KEYSTORES = str(tmp_path / "keys")
    settings.SIGNER_PASSWORD_FILE = str(tmp_path / "password")


@pytest.fixture
def fund():
    fund = custody_rows.make_fund()
    custodian = custody_rows.make_custodian(attestor_address=ATTESTOR)
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=fund, custody_account=custody_rows.make_account(custodian))
    return fund


def run(command, **options):
    said = StringIO()
    call_command(command, stdout=said, **options)
    return json.loads(said.getvalue())


@pytest.mark.usefixtures("keystores", "fund")
def test_a_token_is_deployed_once_and_its_keys_may_call_it_alone(anvil):
    signers = run("create_signers", network="anvil")
    assert run("create_signers", network="anvil") == signers
    assert set(signers) == {"deployer", "issuer", "compliance", "pauser"}
    assert {row.address for row in Signer.objects.all()} == {
        signers["issuer"],
        signers["compliance"],
        signers["pauser"],
    }
    anvil.set_balance(signers["deployer"], 10**20)
    waiting = BlocksOnDemand(anvil.url)
    first = run("deploy_token", stderr=waiting, fund="IBIT", network="anvil")
    assert "waiting for finality: 0x" in waiting.getvalue()
    assert run("deploy_token", fund="IBIT", network="anvil") == first | {"deployed": False}
    token = Token.objects.get()
    assert (first["contract"], first["deployed"]) == (token.address, True)
    assert token.attestor_address == ATTESTOR
    policy = registry.policy_file().policy_of(signers["issuer"])
    assert Permission(anvil.chain_id, "ISSUER", token.address) in policy.permissions


@pytest.mark.usefixtures("anvil", "keystores", "fund")
def test_a_token_without_keys_is_refused():
    with pytest.raises(CommandError, match="signers_missing"):
        run("deploy_token", fund="IBIT", network="anvil")
    assert not Token.objects.exists()


@pytest.mark.usefixtures("anvil", "keystores", "fund")
def test_a_token_without_an_attestor_is_refused():
    Custodian.objects.update(attestor_address="")
    run("create_signers", network="anvil")
    with pytest.raises(CommandError, match="attestor_missing"):
        run("deploy_token", fund="IBIT", network="anvil")


@pytest.mark.usefixtures("anvil", "keystores", "fund")
def test_an_unknown_fund_or_network_is_refused():
    run("create_signers", network="anvil")
    with pytest.raises(CommandError, match="unknown_fund"):
        run("deploy_token", fund="DOGE", network="anvil")
    with pytest.raises(CommandError, match="network_unknown"):
        run("deploy_token", fund="IBIT", network="base")

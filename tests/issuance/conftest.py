"""The stage of issuance's tests."""

import pytest
from django.db import transaction

from custody import ledger
from issuance.chain import keystore
from issuance.chain.wallets import Wallet
from tests.custody import rows as custody_rows
from tests.issuance import kept, sites
from tests.issuance import stage as stages


@pytest.fixture
def stage(anvil, transactional_db) -> stages.Stage:  # noqa: ARG001 - asked for its effect
    """A token on a chain of one's own, and an investor with 1,000 settled shares."""
    return stages.build(anvil)


@pytest.fixture
def ready(anvil, transactional_db) -> stages.Stage:  # noqa: ARG001 - asked for its effect
    """The stage with the wallet registered and the cap attested, both final."""
    return kept.bring("ready", anvil, lambda: stages.build(anvil).ready())


@pytest.fixture
def light_keys(monkeypatch) -> None:
    """Key files that cost a thief nothing; what the product's cost, chain/test_signer.py says."""
    monkeypatch.setattr(keystore, "SCRYPT_COST", 2)


@pytest.fixture
def site(anvil, transactional_db, settings, tmp_path, light_keys) -> sites.Site:  # noqa: ARG001 - asked for its effect
    """Keys with ether and a fund in custody; nothing deployed yet."""
    password = tmp_path / "password"
    password.write_text(sites.PASSWORD)
    settings.CHAIN_RPC_URLS = {stages.NETWORK: [anvil.url]}
    settings.CHAIN_IDS = {stages.NETWORK: anvil.chain_id}
    settings.SIGNER_KEYSTORES = str(tmp_path / "keys")
    settings.SIGNER_PASSWORD_FILE = str(password)
    fund = custody_rows.make_fund()
    attestor = Wallet(stages.secret("attestor")).address
    account = custody_rows.make_account(custody_rows.make_custodian(attestor_address=attestor))
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=fund, custody_account=account)
    return sites.Site(anvil, fund, tmp_path / "keys")

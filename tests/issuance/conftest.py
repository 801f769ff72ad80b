"""The stage of issuance's tests."""

import pytest

from issuance.chain import keystore
from tests.issuance import kept
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

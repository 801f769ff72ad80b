"""attach_token: an existing T-REX token is taken into service once, and whatever does not fit is refused."""

import json
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction

from bench.gas_peers import Sender, TRex
from config.devstack.anvil import Anvil
from core.units import parse_quantity
from custody import ledger
from custody import queries as custody_queries
from custody.models import Custodian, CustodyAccount, Fund
from issuance.chain import registry
from issuance.chain.signer import Permission
from issuance.invariants import check_all
from issuance.models import ChainCursor, Token
from tests.custody import rows as custody_rows
from tests.issuance import trex
from tests.issuance.stage import make_wallet, settle

pytestmark = pytest.mark.django_db(transaction=True)
REDEMPTION = "0x52908400098527886E0F7030069857D2E4169EE7"
HOLDER = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
SHARE = 10**18


@dataclass
class Scene:
    """An issuer with a T-REX token, a fund in custody and our keys appointed as agents."""

    suite: trex.Suite
    fund: Fund
    account: CustodyAccount
    keys: dict[str, str]
    options: dict[str, object] = field(default_factory=dict)

    def attach(self, **changes):
        said = StringIO()
        self.suite.anvil.mine(5)
        call_command("attach_token", stdout=said, **(self.options | changes))
        return json.loads(said.getvalue())

    def refused(self, **changes) -> str:
        with pytest.raises(CommandError) as refusal:
            self.attach(**changes)
        assert not Token.objects.exists()
        for address in self.keys.values():
            permissions = registry.policy_file().policy_of(address).permissions
            assert {each.contract for each in permissions} == {None}
        return str(refusal.value).partition(":")[0]


@pytest.fixture
def scene(anvil: Anvil, settings, tmp_path, light_keys) -> Scene:  # noqa: ARG001 - asked for its effect
    (tmp_path / "password").write_text("a password for the tests")
    settings.SIGNER_KEYSTORES = str(tmp_path / "keys")
    settings.SIGNER_PASSWORD_FILE = str(tmp_path / "password")
    fund = custody_rows.make_fund()
    account = custody_rows.make_account(custody_rows.make_custodian())
    with transaction.atomic(durable=True):
        ledger.open_fund(fund=fund, custody_account=account)
    said = StringIO()
    call_command("create_signers", stdout=said, network="anvil")
    keys = json.loads(said.getvalue())
    suite = trex.deploy(anvil)
    suite.appoint(keys["issuer"], keys["compliance"])
    suite.verify(REDEMPTION, HOLDER)
    options = {
        "standard": "erc3643",
        "fund": "IBIT",
        "network": "anvil",
        "address": suite.address.lower(),
        "redemption_wallet": REDEMPTION,
        "from_block": 0,
        "other_agent": [suite.owner.account],
    }
    return Scene(suite, fund, account, keys, options)


def backer(scene, shares):
    investor = custody_rows.make_investor()
    settle(scene.fund, scene.account, investor, shares)
    return investor


def test_a_token_without_supply_is_attached_and_its_keys_may_do_what_they_must(scene):
    report = scene.attach()
    token = Token.objects.get()
    assert report == {
        "id": token.public_id,
        "symbol": "BENCH",
        "network": "anvil",
        "contract": scene.suite.address,
        "standard": "erc3643",
        "exactly_once_on_chain": False,
        "supply": "0",
        "redemption_wallet": REDEMPTION,
    }
    assert (token.standard, token.address) == ("ERC3643", scene.suite.address)
    assert token.watched["identity_registry"] == scene.suite.trex.registry
    assert set(token.watched) >= {"owner", "compliance", "implementation"}
    chain_id = scene.suite.anvil.chain_id
    for role, wallet in (("ISSUER", REDEMPTION), ("COMPLIANCE", None)):
        policy = registry.policy_file().policy_of(scene.keys[role.lower()])
        wanted = Permission(chain_id, f"ERC3643_{role}", token.address, wallet)
        assert wanted in policy.permissions
    assert scene.attach() == report, "a second run finds it and changes nothing"
    assert check_all() == []


def test_tokens_that_exist_already_need_settled_shares_of_a_named_investor(scene):
    scene.suite.call("mint(address,uint256)", HOLDER, 40 * SHARE)
    assert scene.refused() == "insufficient_shares"
    poor = backer(scene, "39")
    assert scene.refused(backed_by=poor.public_id) == "insufficient_shares"
    assert scene.refused(backed_by="inv_nobody") == "not_found"
    rich = backer(scene, "100")
    assert scene.attach(backed_by=rich.public_id)["supply"] == "40"
    token = Token.objects.get()
    position = custody_queries.position(scene.fund.pk)
    assert (token.opening_units, position.backing) == (40 * SHARE, 40 * SHARE)
    assert position.free == parse_quantity("99")
    assert ChainCursor.objects.get().block < token.opening_block
    assert check_all() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"address": HOLDER}, "bytecode_mismatch", id="no contract there"),
        pytest.param({"address": "0x12"}, "address_invalid", id="no address"),
        pytest.param({"network": "mars"}, "network_unknown", id="no such network"),
        pytest.param({"fund": "MARS"}, "unknown_fund", id="no such fund"),
        pytest.param({"other_agent": []}, "role_missing", id="an agent nobody named"),
        pytest.param(
            {"redemption_wallet": "0x" + "77" * 20},
            "redemption_wallet_unfit",
            id="redemption wallet not verified",
        ),
    ],
)
def test_whatever_does_not_fit_is_refused_with_its_code(scene, changes, code):
    assert scene.refused(**changes) == code


def test_another_contract_at_the_address_is_refused(scene):
    registry_of_it = scene.suite.trex.registry
    assert scene.refused(address=registry_of_it) in {"call_reverted", "standard_unsupported"}


def test_a_key_that_is_no_agent_is_refused(scene):
    scene.suite.call("removeAgent(address)", scene.keys["compliance"])
    assert scene.refused() == "role_missing"


def test_a_redemption_wallet_that_holds_tokens_or_is_frozen_is_refused(scene):
    scene.suite.call("setAddressFrozen(address,bool)", REDEMPTION, True)
    assert scene.refused() == "redemption_wallet_unfit"
    scene.suite.call("setAddressFrozen(address,bool)", REDEMPTION, False)
    scene.suite.call("mint(address,uint256)", REDEMPTION, SHARE)
    assert scene.refused() == "redemption_wallet_unfit"


def test_an_investors_wallet_or_our_own_key_is_no_redemption_wallet(scene):
    make_wallet(custody_rows.make_investor(), HOLDER)
    assert scene.refused(redemption_wallet=HOLDER) == "redemption_wallet_unfit"
    issuer = scene.keys["issuer"]
    scene.suite.verify(issuer)
    assert scene.refused(redemption_wallet=issuer) == "redemption_wallet_unfit"


def test_a_history_that_does_not_add_up_is_refused(scene):
    scene.suite.call("mint(address,uint256)", HOLDER, 40 * SHARE)
    after = int(scene.suite.anvil.rpc("eth_blockNumber"), 16) + 1
    rich = backer(scene, "100")
    code = scene.refused(backed_by=rich.public_id, from_block=after)
    assert code == "history_incomplete"


def test_another_number_of_decimals_is_refused(scene, monkeypatch):
    owner = Sender(scene.suite.anvil, scene.suite.owner.account)
    monkeypatch.setattr("bench.gas_peers.DECIMALS", 6)
    other = TRex(owner)
    owner.call(other.address, "addAgent(address)", scene.keys["issuer"])
    owner.call(other.address, "addAgent(address)", scene.keys["compliance"])
    assert scene.refused(address=other.address) == "standard_unsupported"


def test_a_network_without_keys_is_refused(anvil, settings, tmp_path):
    settings.SIGNER_KEYSTORES = str(tmp_path / "none")
    Custodian.objects.all().delete()
    with pytest.raises(CommandError, match="signers_missing"):
        call_command(
            "attach_token",
            standard="erc3643",
            fund="IBIT",
            network="anvil",
            address=HOLDER,
            redemption_wallet=REDEMPTION,
            from_block=0,
        )
    assert anvil.chain_id


# --- verify_token, later ------------------------------------------------------------------------


def verify(scene) -> dict[str, Any]:
    said = StringIO()
    # What was changed above the last finalized block is not seen yet.
    scene.suite.anvil.mine(70)
    call_command("verify_token", stdout=said, fund="IBIT", network="anvil")
    report: dict[str, Any] = json.loads(said.getvalue())
    return report


def freeze_the_redemption_wallet(scene):
    scene.suite.call("setAddressFrozen(address,bool)", REDEMPTION, True)


def strike_the_redemption_wallet(scene):
    scene.suite.strike(REDEMPTION)


def dismiss_our_key(scene):
    scene.suite.call("removeAgent(address)", scene.keys["issuer"])


def replace_the_compliance(scene):
    scene.suite.call("setCompliance(address)", scene.suite.replacement_compliance())


def remove_the_contract(scene):
    scene.suite.anvil.rpc("anvil_setCode", scene.suite.address, "0x")


def test_an_attached_token_is_verified_by_what_it_was_attached_with(scene):
    scene.attach()
    token = Token.objects.get()
    report = verify(scene)
    assert report.pop("block") > token.opening_block
    assert report == {
        "contract": token.address,
        "standard": "erc3643",
        "exactly_once_on_chain": False,
        "watched": token.watched,
        "verified": True,
    }


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        pytest.param(freeze_the_redemption_wallet, "redemption_wallet_unfit", id="wallet frozen"),
        pytest.param(strike_the_redemption_wallet, "redemption_wallet_unfit", id="wallet struck"),
        pytest.param(dismiss_our_key, "role_missing", id="a key of ours is no agent"),
        pytest.param(replace_the_compliance, "rules_changed: compliance", id="another compliance"),
        pytest.param(remove_the_contract, "bytecode_mismatch", id="no contract any more"),
    ],
)
def test_an_attached_token_that_differs_is_refused_with_its_code(scene, change, refusal):
    scene.attach()
    change(scene)
    with pytest.raises(CommandError, match=f"^{refusal}"):
        verify(scene)

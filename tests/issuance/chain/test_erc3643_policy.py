"""What a hot key may sign at an existing ERC-3643 token, where the agent's role allows everything."""

from dataclasses import replace

import pytest

from issuance.chain import erc3643
from issuance.chain.errors import SignerRefused
from issuance.chain.signer import LocalSigner, Permission, PolicyFile, SignerPolicy
from issuance.chain.types import Fees, UnsignedCall
from tests.issuance.chain.conftest import SHARE, key

CONTRACT, ESCROW, HOLDER = (f"0x{pair * 20}" for pair in ("c0", "e5", "a1"))
MINT = erc3643.encode_mint(account=HOLDER, amount=SHARE)
BURN = erc3643.encode_burn(account=ESCROW, amount=SHARE)
RETURN = erc3643.encode_forced_transfer(sender=ESCROW, receiver=HOLDER, amount=SHARE)
SEIZE = erc3643.encode_forced_transfer(sender=HOLDER, receiver=ESCROW, amount=SHARE)
FREEZE = erc3643.encode_freezes({HOLDER: True})
ISSUER = Permission(31_337, "ERC3643_ISSUER", CONTRACT, ESCROW)
COMPLIANCE = Permission(31_337, "ERC3643_COMPLIANCE", CONTRACT)


def sign(permission: Permission, data: bytes) -> None:
    policies = SignerPolicy(frozenset({permission}))
    call = UnsignedCall(31_337, 7, CONTRACT, data, 200_000, Fees(20, 2))
    LocalSigner(key("issuer"), policies=policies).sign(call)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(MINT, id="mint"),
        pytest.param(BURN, id="burn of escrow"),
        pytest.param(RETURN, id="return of escrow"),
    ],
)
def test_the_issuing_key_mints_and_settles_what_lies_in_the_redemption_wallet(data):
    sign(ISSUER, data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(erc3643.encode_burn(account=HOLDER, amount=1), id="burn of a holder"),
        pytest.param(SEIZE, id="seizure from a holder"),
        pytest.param(BURN[:4] + b"\x01" + BURN[5:], id="dirt before the address"),
        pytest.param(BURN[:4], id="no argument"),
        pytest.param(FREEZE, id="freeze"),
        pytest.param(erc3643.encode_transfer(receiver=HOLDER, amount=1), id="transfer"),
    ],
)
def test_the_issuing_key_takes_nobody_elses_tokens(data):
    with pytest.raises(SignerRefused):
        sign(ISSUER, data)


def test_a_permission_without_a_wallet_takes_nobodys_tokens():
    with pytest.raises(SignerRefused):
        sign(replace(ISSUER, wallet=None), BURN)


def test_the_compliance_key_only_freezes():
    sign(COMPLIANCE, FREEZE)
    for data in (MINT, BURN, SEIZE):
        with pytest.raises(SignerRefused):
            sign(COMPLIANCE, data)


def test_the_wallet_is_kept_in_the_policy_file(tmp_path):
    address = LocalSigner(key("issuer"), policies=SignerPolicy(frozenset())).address
    PolicyFile(tmp_path).permit(address, [ISSUER, COMPLIANCE])
    assert PolicyFile(tmp_path).policy_of(address).permissions == {ISSUER, COMPLIANCE}

"""Keys in files, what they may sign, and bytes that must be what was asked for."""

import json
import stat
from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_keys.datatypes import PrivateKey

from issuance.chain import attestation as attestations
from issuance.chain import registry, token
from issuance.chain.errors import (
    KeystoreUnreadable,
    NetworkUnknown,
    SignerRefused,
    WrongSignature,
)
from issuance.chain.keystore import generate_keystore, keystore_addresses, keystore_path
from issuance.chain.signer import (
    DEPLOYER,
    GAS_MAX,
    LocalSigner,
    Permission,
    PolicyFile,
    SignerPolicy,
)
from issuance.chain.signing import sign_with, verify_signed
from issuance.chain.types import Attestation, Fees, OrderItem, UnsignedCall
from issuance.chain.wallets import Wallet
from tests.issuance.chain.conftest import key

CONTRACT = "0x" + "c0" * 20
OTHER = "0x" + "0c" * 20
MINT = token.encode_mint_batch([OrderItem(1, OTHER, 1)])
CALL = UnsignedCall(31_337, 7, CONTRACT, MINT, 100_000, Fees(20, 2))
ISSUER = Permission(31_337, "ISSUER", CONTRACT)


def signer(*permissions: Permission) -> LocalSigner:
    return LocalSigner(key("issuer"), policies=SignerPolicy(frozenset(permissions)))


def test_a_permitted_call_is_signed_by_the_keys_address():
    signed = signer(ISSUER).sign(CALL)
    assert signed.sender == Account.recover_transaction(signed.raw) == signer().address
    assert (signed.nonce, signed.hash[:2], len(signed.hash)) == (7, "0x", 66)
    assert signer(ISSUER).sign(CALL).raw == signed.raw


@pytest.mark.parametrize("to", [CONTRACT, None])
def test_our_encoding_is_eth_accounts_byte_for_byte(to):
    call = replace(CALL, to=to, nonce=0, fees=Fees(2**70, 0))
    fields = {
        "type": 2,
        "chainId": 31_337,
        "nonce": 0,
        "gas": 100_000,
        "maxFeePerGas": 2**70,
        "maxPriorityFeePerGas": 0,
        "value": 0,
        "data": MINT,
    }
    theirs = Account.from_key(key("issuer")).sign_transaction(
        fields if to is None else fields | {"to": Account.from_key(b"\x01" * 32).address}
    )
    if to is not None:
        call = replace(call, to=Account.from_key(b"\x01" * 32).address)
    assert sign_with(PrivateKey(key("issuer")), call).raw == bytes(theirs.raw_transaction)
    assert sign_with(PrivateKey(key("issuer")), call).hash == f"0x{bytes(theirs.hash).hex()}"


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 1},
        {"to": OTHER},
        {"to": None},
        {"data": token.encode_set_holders([])},
        {"data": token.encode_transfer(to=OTHER, amount=1)},
        {"data": b""},
        {"gas": GAS_MAX + 1},
        {"value": 1},
    ],
)
def test_whatever_no_permission_covers_is_refused(changes):
    with pytest.raises(SignerRefused):
        signer(ISSUER).sign(replace(CALL, **changes))


def test_a_key_without_permissions_signs_nothing():
    with pytest.raises(SignerRefused):
        signer().sign(CALL)


def test_a_deployer_may_create_contracts_on_its_chain_only():
    create = replace(CALL, to=None, data=b"\x60\x00", gas=1_000_000)
    deployer = signer(Permission(31_337, DEPLOYER))
    assert deployer.sign(create).sender == deployer.address
    for forbidden in (replace(create, chain_id=1), CALL):
        with pytest.raises(SignerRefused):
            deployer.sign(forbidden)


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 1},
        {"nonce": 8},
        {"to": OTHER},
        {"to": None},
        {"data": MINT + b"\x00"},
        {"gas": 100_001},
        {"fees": Fees(21, 2)},
        {"fees": Fees(20, 1)},
        {"value": 1},
    ],
)
def test_bytes_with_any_other_field_are_refused(changes):
    signed = sign_with(PrivateKey(key("issuer")), replace(CALL, **changes))
    with pytest.raises(WrongSignature):
        verify_signed(signed.raw, unsigned=CALL, sender=signer().address)


def test_bytes_signed_by_another_key_are_refused():
    signed = sign_with(PrivateKey(key("other")), CALL)
    with pytest.raises(WrongSignature, match="signed by"):
        verify_signed(signed.raw, unsigned=CALL, sender=Account.from_key(key("issuer")).address)


@pytest.mark.parametrize(
    "raw", [b"", b"\x02", b"\x02" + b"\xcc" + b"\x80" * 12, b"\x02\xc0", b"garbage" * 20]
)
def test_bytes_that_are_no_transaction_are_refused(raw):
    with pytest.raises(WrongSignature):
        verify_signed(raw, unsigned=CALL, sender=OTHER)


def test_neither_key_nor_calldata_shows_in_a_repr():
    text = repr(signer(ISSUER)) + repr(CALL) + repr(signer(ISSUER).sign(CALL))
    assert key("issuer").hex() not in text
    assert MINT.hex() not in text


# --- key files and permissions -------------------------------------------------------------------
def test_a_generated_key_file_is_private_and_opens_with_its_password(tmp_path, settings):
    folder = tmp_path / "keys"
    address = generate_keystore(folder, password="correct horse", key=key("issuer"))
    assert keystore_addresses(folder) == [address] == [signer().address]
    path = keystore_path(folder, address)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["crypto"]["kdfparams"]["n"] == 2**15
    (tmp_path / "password").write_text("correct horse\n")
    settings.SIGNER_KEYSTORES = str(folder)
    settings.SIGNER_PASSWORD_FILE = str(tmp_path / "password")
    registry.policy_file().permit(address, [ISSUER])
    assert registry.signer_for(address).sign(CALL).raw == signer(ISSUER).sign(CALL).raw
    assert registry.signer_for(address.lower()) is registry.signer_for(address)
    (tmp_path / "password").write_text("battery staple")
    with pytest.raises(KeystoreUnreadable) as refusal:
        registry.signer_for(address)
    assert "battery" not in str(refusal.value)


def test_an_existing_key_file_is_never_replaced(tmp_path):
    generate_keystore(tmp_path, password="x", key=key("issuer"))
    with pytest.raises(FileExistsError):
        generate_keystore(tmp_path, password="x", key=key("issuer"))


@pytest.mark.parametrize("content", ["", "{}", "[]", "not json", '{"version": 9}'])
def test_a_corrupt_key_file_is_unreadable(tmp_path, settings, content):
    keystore_path(tmp_path, signer().address).write_text(content)
    (tmp_path / "password").write_text("x")
    settings.SIGNER_KEYSTORES = str(tmp_path)
    settings.SIGNER_PASSWORD_FILE = str(tmp_path / "password")
    with pytest.raises(KeystoreUnreadable):
        registry.signer_for(signer().address)


def test_a_key_file_under_another_address_is_refused(tmp_path, settings):
    address = generate_keystore(tmp_path, password="x", key=key("issuer"))
    keystore_path(tmp_path, address).rename(keystore_path(tmp_path, OTHER))
    (tmp_path / "password").write_text("x")
    settings.SIGNER_KEYSTORES = str(tmp_path)
    settings.SIGNER_PASSWORD_FILE = str(tmp_path / "password")
    with pytest.raises(KeystoreUnreadable, match="another address"):
        registry.signer_for(OTHER)


def test_without_settings_there_is_no_signer(settings):
    settings.SIGNER_KEYSTORES = ""
    with pytest.raises(KeystoreUnreadable):
        registry.signer_for(OTHER)


def test_permissions_are_added_and_read_afresh(tmp_path):
    policies = PolicyFile(tmp_path)
    ours = LocalSigner(key("issuer"), policies=policies)
    with pytest.raises(SignerRefused):
        ours.sign(CALL)
    policies.permit(ours.address, [ISSUER])
    policies.permit(ours.address, [Permission(31_337, DEPLOYER)])
    assert ours.sign(CALL).nonce == 7
    assert policies.policy_of(OTHER).permissions == frozenset()
    assert len(policies.policy_of(ours.address).permissions) == 2


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"\xff", id="no UTF-8"),
        pytest.param(
            json.dumps({signer().address: [{"role": "ISSUER"}]}).encode(), id="half an entry"
        ),
    ],
)
def test_a_broken_permission_list_permits_nothing(tmp_path, content):
    (tmp_path / "policy.json").write_bytes(content)
    ours = LocalSigner(key("issuer"), policies=PolicyFile(tmp_path))
    with pytest.raises(SignerRefused):
        ours.sign(CALL)


def test_an_unknown_network_is_refused_by_name(settings):
    settings.CHAIN_RPC_URLS = {"anvil": ["http://127.0.0.1:9"]}
    settings.CHAIN_IDS = {"anvil": 31_337}
    assert registry.networks() == ["anvil"]
    assert registry.client_for("anvil") is registry.client_for("anvil")
    for ask in (registry.client_for, registry.chain_id_of):
        with pytest.raises(NetworkUnknown) as refusal:
            ask("base")
        assert (refusal.value.code, refusal.value.field) == ("network_unknown", "/network")


# --- texts and figures ---------------------------------------------------------------------------
def test_a_wallet_signs_texts_as_browsers_do():
    wallet = Wallet(key("alice"))
    signature = wallet.personal_sign("hello")
    assert Account.recover_message(encode_defunct(text="hello"), signature=signature) == (
        wallet.address
    )


def test_the_attestation_digest_is_plain_eip_712():
    attestor = Account.from_key(key("attestor"))
    domain = attestations.TokenDomain("Sharemint IBIT", 31_337, CONTRACT)
    figure = Attestation(shares=1_000 * 10**18, as_of=1_800_000_000, report_hash="0x" + "ab" * 32)
    typed = encode_typed_data(
        {
            "name": domain.name,
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": domain.contract,
        },
        {
            "Attestation": [
                {"name": "shares", "type": "uint256"},
                {"name": "asOf", "type": "uint40"},
                {"name": "reportHash", "type": "bytes32"},
            ]
        },
        {"shares": figure.shares, "asOf": figure.as_of, "reportHash": bytes.fromhex("ab" * 32)},
    )
    signature = bytes(attestor.sign_message(typed).signature)
    assert attestations.recover(figure, domain, signature) == attestor.address
    assert Wallet(key("attestor")).sign_attestation(figure, domain) == signature
    other = replace(figure, shares=figure.shares + 1)
    assert attestations.recover(other, domain, signature) != attestor.address


@pytest.mark.parametrize("signature", [b"", b"\x00" * 65, b"\x01" * 64, b"\xff" * 65])
def test_a_broken_attestation_signature_is_refused(signature):
    domain = attestations.TokenDomain("Sharemint IBIT", 31_337, CONTRACT)
    figure = Attestation(1, 1, "0x" + "00" * 32)
    with pytest.raises(WrongSignature):
        attestations.recover(figure, domain, signature)


def test_a_key_may_fill_a_nonce_of_its_own_and_nobody_else_s():
    """What cancels a stuck call: to itself, without data; never another's account, never with value."""
    own = signer(ISSUER)
    fill = replace(CALL, to=own.address, data=b"", gas=60_000)
    assert own.sign(fill).sender == own.address
    for wrong in (
        replace(fill, to=CONTRACT),
        replace(fill, data=b"\x01"),
        replace(fill, value=1),
        replace(fill, chain_id=fill.chain_id + 1),
    ):
        with pytest.raises(SignerRefused):
            own.sign(wrong)

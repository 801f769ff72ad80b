"""Keys that lie elsewhere: what they sign is proven, and each way to fail has a code of its own."""

import json
import os
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from eth_account import Account

from issuance.chain import registry
from issuance.chain.errors import (
    SignerAnswerInvalid,
    SignerDenied,
    SignerError,
    SignerKeyMismatch,
    SignerKeyUnusable,
    SignerMisconfigured,
    SignerRefused,
    SignerThrottled,
    SignerUnreachable,
    WrongSignature,
)
from issuance.chain.keys import gcp, transport
from issuance.chain.keys.crc32c import crc32c
from issuance.chain.keys.curve import ORDER, canonical, signature_from_der
from issuance.chain.keys.transport import Transport
from issuance.chain.keys.uris import key_at
from issuance.chain.keys.web3signer import Web3SignerKey
from issuance.chain.signer import Key, Permission, PolicedSigner, SignerPolicy
from tests.issuance.chain.conftest import key
from tests.issuance.chain.key_services import (
    CloudKms,
    Vault,
    Web3Signer,
    foreign_spki,
    served,
)
from tests.issuance.chain.nodes import Node
from tests.issuance.chain.test_signer import CALL, CONTRACT, ISSUER

NAME = "projects/p/locations/europe-west6/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
VAULT = Vault(key("vault"))


def policed(source: Key, address: str = VAULT.address) -> PolicedSigner:
    return PolicedSigner(address, source, policies=SignerPolicy(frozenset({ISSUER})))


def proven(signer: PolicedSigner) -> bool:
    """It signs what is permitted, as an independent library sees it, and asks nothing otherwise."""
    signed = signer.sign(CALL)
    with pytest.raises(SignerRefused):
        signer.sign(replace(CALL, chain_id=1))
    return bool(Account.recover_transaction(signed.raw) == signer.address)


# --- the curve -----------------------------------------------------------------------------------
def test_a_high_s_is_lowered_and_what_is_out_of_range_refused():
    assert canonical(5, ORDER - 7) == (5, 7)
    assert canonical(5, 7) == (5, 7)
    for r, s in [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (-1, 1)]:
        with pytest.raises(SignerAnswerInvalid):
            canonical(r, s)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"garbage",
        encode_dss_signature(5, 7)[:-1],
        encode_dss_signature(5, 7) + b"\x00",
        b"\x30\x06\x02\x01\x05\x02\x02\x07",
    ],
    ids=["empty", "a tag", "garbage", "cut off", "trailing", "wrong length"],
)
def test_malformed_der_is_refused(der):
    with pytest.raises(SignerAnswerInvalid):
        signature_from_der(der)


def test_crc32c_is_castagnolis():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"\x00" * 32) == 0x8A9136AA


# --- Google Cloud KMS ----------------------------------------------------------------------------
def gcp_at(url, address=VAULT.address, token=lambda: "t"):
    return policed(
        gcp.GcpKey(address, NAME, transport=Transport(url, label="Cloud KMS"), token=token),
        address,
    )


@pytest.mark.parametrize("high", [False, True], ids=["low s", "high s"])
def test_a_key_in_cloud_kms_signs_what_its_policy_permits(high):
    service = CloudKms(NAME, Vault(key("vault"), high=high))
    with served(service) as url:
        signer = gcp_at(url)
        assert proven(signer)
        assert proven(signer)
    assert service.asked == 3  # its public key once, two signatures, nothing for what was refused


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"signatureCrc32c": "1"}, SignerAnswerInvalid),
        ({"signatureCrc32c": None}, SignerAnswerInvalid),
        ({"verifiedDigestCrc32c": False}, SignerAnswerInvalid),
        ({"name": NAME[:-1] + "2"}, SignerAnswerInvalid),
        ({"pemCrc32c": "1"}, SignerAnswerInvalid),
        ({"algorithm": "EC_SIGN_P256_SHA256"}, SignerKeyMismatch),
        ({"signature": "not base64!"}, SignerAnswerInvalid),
        ({"signature": ""}, SignerAnswerInvalid),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_an_answer_of_cloud_kms_that_fails_a_check_is_discarded(changes, error):
    with served(CloudKms(NAME, VAULT, **changes)) as url, pytest.raises(error):
        gcp_at(url).sign(CALL)


def test_a_cloud_key_of_another_curve_or_address_is_refused():
    pem = foreign_spki(Encoding.PEM).decode()
    other_curve = CloudKms(NAME, VAULT, pem=pem, pemCrc32c=str(crc32c(pem.encode())))
    for service, address in ((other_curve, VAULT.address), (CloudKms(NAME, VAULT), CONTRACT)):
        with served(service) as url, pytest.raises(SignerKeyMismatch):
            gcp_at(url, address).sign(CALL)


@pytest.mark.parametrize(
    ("status", "word", "error"),
    [
        (401, "UNAUTHENTICATED", SignerDenied),
        (403, "PERMISSION_DENIED", SignerDenied),
        (404, "NOT_FOUND", SignerKeyUnusable),
        (400, "FAILED_PRECONDITION", SignerKeyUnusable),
        (400, "INVALID_ARGUMENT", SignerAnswerInvalid),
        (429, "RESOURCE_EXHAUSTED", SignerThrottled),
        (500, "INTERNAL", SignerUnreachable),
        (503, "UNAVAILABLE", SignerUnreachable),
        (302, "", SignerAnswerInvalid),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_each_refusal_of_cloud_kms_has_the_code_an_operator_needs(status, word, error):
    said = {"error": {"code": status, "message": "project secret-project", "status": word}}

    def answer(*_):
        return status, json.dumps(said).encode()

    with served(answer) as url, pytest.raises(error) as refusal:
        gcp_at(url).sign(CALL)
    assert "secret-project" not in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"[", b"[]", b"x" * (transport.ANSWER_BYTES_MAX + 1)],
    ids=["empty", "cut off", "a list", "too long"],
)
def test_a_garbled_answer_of_cloud_kms_is_refused(content):
    with served(lambda *_: (200, content)) as url, pytest.raises(SignerAnswerInvalid):
        gcp_at(url).sign(CALL)


# --- web3signer ----------------------------------------------------------------------------------
def web3signer_at(url, address=VAULT.address):
    return policed(Web3SignerKey(address, transport=Transport(url, label="web3signer")), address)


@pytest.mark.parametrize("high", [False, True], ids=["low s", "high s"])
def test_a_key_in_web3signer_signs_what_its_policy_permits(high):
    with served(Web3Signer(Vault(key("else")), Vault(key("vault"), high=high))) as url:
        assert proven(web3signer_at(url))


def test_a_web3signer_that_signs_with_another_key_is_refused():
    service = Web3Signer(VAULT)
    service.liar = Vault(key("else"))
    with served(service) as url, pytest.raises(WrongSignature):
        web3signer_at(url).sign(CALL)


def test_a_web3signer_without_our_key_is_unusable_until_it_has_it():
    service = Web3Signer(Vault(key("else")))
    with served(service) as url:
        signer = web3signer_at(url)
        with pytest.raises(SignerKeyUnusable):
            signer.sign(CALL)
        service.vaults |= Web3Signer(VAULT).vaults
        assert proven(signer)
        service.vaults.clear()
        with pytest.raises(SignerKeyUnusable):
            signer.sign(CALL)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, b"0x" + b"11" * 64), SignerAnswerInvalid),
        ((200, b"not hex"), SignerAnswerInvalid),
        ((200, b"\xff\xfe"), SignerAnswerInvalid),
        ((200, b"0x" + b"ff" * 65), SignerAnswerInvalid),
        ((400, b""), SignerAnswerInvalid),
        ((403, b""), SignerDenied),
        ((404, b""), SignerKeyUnusable),
        ((429, b""), SignerThrottled),
        ((500, b""), SignerUnreachable),
    ],
    ids=["short", "not hex", "not text", "range", "400", "403", "404", "429", "500"],
)
def test_each_failure_of_web3signer_has_a_code(answer, error):
    honest = Web3Signer(VAULT)

    def serve(method, path, body):
        return answer if method == "POST" else honest(method, path, body)

    with served(serve) as url, pytest.raises(error):
        web3signer_at(url).sign(CALL)


def test_a_web3signer_that_is_away_or_stalls_is_unreachable(monkeypatch):
    monkeypatch.setattr(transport, "READ_SECONDS_MAX", 0.2)

    def stall(*_):
        time.sleep(0.6)
        return 200, b"[]"

    with served(stall) as url, pytest.raises(SignerUnreachable):
        web3signer_at(url).sign(CALL)
    with pytest.raises(SignerUnreachable) as refusal:
        web3signer_at("http://user:secret@127.0.0.1:9").sign(CALL)
    assert "secret" not in str(refusal.value)


def test_an_answer_of_a_key_service_that_drips_ends_at_the_deadline(monkeypatch):
    monkeypatch.setattr(transport, "ANSWER_SECONDS_MAX", 0.3)
    slow = Node()
    slow.reply, slow.bytes_a_second = (200, b"0" * 60), 20
    asked = Transport(slow.url, label="web3signer")
    try:
        with pytest.raises(SignerUnreachable, match="too slow"):
            asked.ask("POST", "/", body={})
        slow.reply, slow.bytes_a_second = (200, b"[]"), 0
        assert asked.ask("POST", "/", body={}) == (200, b"[]")
    finally:
        slow.stop()


# --- by name -------------------------------------------------------------------------------------
def test_the_settings_say_where_a_key_lies(settings, tmp_path):
    settings.SIGNER_KEYSTORES = str(tmp_path)
    with served(Web3Signer(VAULT)) as url:
        settings.SIGNER_BACKENDS = {VAULT.address.lower(): f"web3signer:{url}"}
        signer = registry.signer_for(VAULT.address)
        with pytest.raises(SignerRefused):
            signer.sign(CALL)  # its policy stands beside the key files, and has no entry yet
        registry.policy_file().permit(VAULT.address, [Permission(31_337, "ISSUER", CONTRACT)])
        assert signer.sign(CALL).sender == VAULT.address
    assert registry.signer_for(VAULT.address.lower()) is signer
    assert "web3signer" not in repr(signer)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "vault:x",
        "awskms:",
        "awskms:key?regoin=eu-central-1",
        "awskms:key",
        "gcpkms:projects/p/cryptoKeys/k",
        "web3signer:ftp://h",
        "web3signer:https://h?password=x",
    ],
    ids=["empty", "kind", "no key", "misspelt", "no region", "no version", "scheme", "option"],
)
def test_a_key_named_wrongly_is_refused_by_code(uri, monkeypatch, tmp_path):
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SignerMisconfigured) as refusal:
        key_at(uri, address=VAULT.address)
    assert refusal.value.code == "signer_misconfigured"


@pytest.mark.parametrize("named", [[], {"0x1": 5}], ids=["a list", "a number"])
def test_backends_that_are_no_map_are_refused(settings, named):
    settings.SIGNER_BACKENDS = named
    with pytest.raises(SignerMisconfigured):
        registry.signer_for(VAULT.address)


def test_every_failure_has_a_code_of_its_own():
    kinds = SignerError.__subclasses__()
    assert len({kind.code for kind in kinds} | {SignerError.code}) == len(kinds) + 1

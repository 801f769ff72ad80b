"""A key in AWS KMS: against moto over HTTP, and against servers that fail in AWS's own words."""

import json
import os
import time
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from moto.kms.utils import ECDSAPrivateKey
from moto.server import ThreadedMotoServer

from issuance.chain.errors import (
    SignerAnswerInvalid,
    SignerDenied,
    SignerKeyMismatch,
    SignerKeyUnusable,
    SignerThrottled,
    SignerUnreachable,
    WrongSignature,
)
from issuance.chain.keys import aws
from issuance.chain.keys.curve import ORDER, address_of_der
from issuance.chain.keys.uris import key_at
from tests.issuance.chain.conftest import key
from tests.issuance.chain.key_services import Vault, served, sign_prehashed
from tests.issuance.chain.test_keys import VAULT, policed, proven
from tests.issuance.chain.test_signer import CALL


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def kms(moto, credentials, monkeypatch):  # noqa: ARG001 - asked for its effect
    """boto3 at moto's KMS, which is made to sign a digest as a digest."""
    monkeypatch.setattr(ECDSAPrivateKey, "sign", sign_prehashed)
    return aws.connect(region="eu-central-1", endpoint=moto)


def make_kms_key(kms, spec="ECC_SECG_P256K1"):
    made = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    return made["Arn"]


def test_a_key_in_aws_kms_signs_what_its_policy_permits(kms, moto):
    arn = make_kms_key(kms)
    address = address_of_der(kms.get_public_key(KeyId=arn)["PublicKey"])
    # Ten signatures: about half of them come with a high s.
    signer = policed(key_at(f"awskms:{arn}?endpoint={moto}", address=address), address)
    assert all(proven(signer) for _ in range(10))


def test_a_kms_key_of_another_curve_or_address_is_refused_before_it_signs(kms):
    ours = aws.AwsKey(VAULT.address, make_kms_key(kms), client=kms)
    other_curve = aws.AwsKey(VAULT.address, make_kms_key(kms, "ECC_NIST_P256"), client=kms)
    with pytest.raises(SignerKeyMismatch, match="belongs to"):
        policed(ours).sign(CALL)
    with pytest.raises(SignerKeyMismatch, match=r"secp256k1|ECC_NIST_P256"):
        policed(other_curve).sign(CALL)


def test_a_kms_key_that_is_missing_is_unusable(kms):
    with pytest.raises(SignerKeyUnusable, match="NotFoundException"):
        policed(aws.AwsKey(VAULT.address, "00000000-0000-0000-0000-000000000000", client=kms)).sign(
            CALL
        )


def aws_at(url, address=VAULT.address):
    return policed(
        aws.AwsKey(address, "k", client=aws.connect(region="eu-central-1", endpoint=url)), address
    )


def kms_answers(signature, vault=VAULT, spec="ECC_SECG_P256K1"):
    """A KMS in its own wire format whose signatures are what ``signature`` makes of a digest."""

    def answer(_method, _path, body):
        if "Message" not in body:
            return 200, json.dumps(
                {"PublicKey": b64encode(vault.spki()).decode(), "KeySpec": spec}
            ).encode()
        assert (body["MessageType"], body["SigningAlgorithm"]) == ("DIGEST", "ECDSA_SHA_256")
        return 200, json.dumps(
            {"Signature": b64encode(signature(b64decode(body["Message"]))).decode()}
        ).encode()

    return answer


@pytest.mark.parametrize("high", [False, True], ids=["low s", "high s"])
@pytest.mark.usefixtures("credentials")
def test_either_s_of_kms_becomes_the_low_one(high):
    vault = Vault(key("vault"), high=high)
    with served(kms_answers(vault.der)) as url:
        assert proven(aws_at(url))


@pytest.mark.parametrize(
    ("signature", "error"),
    [
        (Vault(key("another")).der, WrongSignature),
        (lambda digest: VAULT.der(digest[::-1]), WrongSignature),
        (lambda digest: VAULT.der(digest)[:-3], SignerAnswerInvalid),
        (lambda _: b"", SignerAnswerInvalid),
        (lambda _: encode_dss_signature(0, 1), SignerAnswerInvalid),
        (lambda _: encode_dss_signature(1, ORDER), SignerAnswerInvalid),
    ],
    ids=["another key", "another digest", "cut DER", "empty", "r is zero", "s is the order"],
)
@pytest.mark.usefixtures("credentials")
def test_a_signature_that_proves_nothing_is_refused(signature, error):
    with served(kms_answers(signature)) as url, pytest.raises(error):
        aws_at(url).sign(CALL)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "ThrottlingException", SignerThrottled),
        (400, "LimitExceededException", SignerThrottled),
        (400, "AccessDeniedException", SignerDenied),
        (400, "ExpiredTokenException", SignerDenied),
        (400, "UnrecognizedClientException", SignerDenied),
        (400, "DisabledException", SignerKeyUnusable),
        (400, "KMSInvalidStateException", SignerKeyUnusable),
        (400, "NotFoundException", SignerKeyUnusable),
        (400, "InvalidKeyUsageException", SignerKeyUnusable),
        (500, "KMSInternalException", SignerUnreachable),
        (500, "KeyUnavailableException", SignerUnreachable),
        (503, "DependencyTimeoutException", SignerUnreachable),
        (400, "SomethingNewException", SignerAnswerInvalid),
    ],
    ids=lambda each: str(each) if isinstance(each, str) else "",
)
@pytest.mark.usefixtures("credentials")
def test_each_refusal_of_kms_has_the_code_an_operator_needs(status, code, error):
    said = {"__type": code, "message": "arn:aws:iam::111122223333:role/secret may not"}

    def answer(*_):
        return status, json.dumps(said).encode()

    with served(answer) as url, pytest.raises(error) as refusal:
        aws_at(url).sign(CALL)
    assert code in str(refusal.value)
    assert "111122223333" not in str(refusal.value)


@pytest.mark.usefixtures("credentials")
def test_a_kms_that_hangs_up_stalls_or_is_away_is_unreachable(monkeypatch):
    monkeypatch.setattr(aws, "READ_SECONDS_MAX", 0.2)
    monkeypatch.setattr(aws, "ATTEMPTS_MAX", 1)

    def hang_up(*_):
        raise ConnectionAbortedError

    def stall(*_):
        time.sleep(0.6)
        return 200, b"{}"

    for answer in (hang_up, stall):
        with served(answer) as url, pytest.raises(SignerUnreachable):
            aws_at(url).sign(CALL)
    with pytest.raises(SignerUnreachable):
        aws_at("http://127.0.0.1:9").sign(CALL)


def test_kms_without_credentials_is_denied(monkeypatch, tmp_path):
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SignerDenied, match="NoCredentialsError"):
        aws_at("http://127.0.0.1:9").sign(CALL)

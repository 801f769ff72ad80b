"""A key in AWS KMS: spec ECC_SECG_P256K1, usage SIGN_VERIFY, asked to sign a digest."""

from typing import Any, Final, Protocol

from eth_utils.crypto import keccak

from issuance.chain.errors import (
    SignerAnswerInvalid,
    SignerDenied,
    SignerError,
    SignerKeyMismatch,
    SignerKeyUnusable,
    SignerMisconfigured,
    SignerThrottled,
    SignerUnreachable,
)
from issuance.chain.keys.curve import address_of_der, require_address, signature_from_der
from issuance.chain.keys.transport import CONNECT_SECONDS_MAX, READ_SECONDS_MAX
from issuance.chain.signing import payload_of, seal
from issuance.chain.types import UnsignedCall

ALGORITHM: Final = "ECDSA_SHA_256"
KEY_SPEC: Final = "ECC_SECG_P256K1"
# The first try and one more; the sweep asks again anyway.
ATTEMPTS_MAX: Final = 2

# https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html, and the common errors of all APIs.
_CODES: Final[dict[str, type[SignerError]]] = {
    "AccessDeniedException": SignerDenied,
    "ExpiredTokenException": SignerDenied,
    "IncompleteSignature": SignerDenied,
    "InvalidClientTokenId": SignerDenied,
    "InvalidSignatureException": SignerDenied,
    "MissingAuthenticationTokenException": SignerDenied,
    "NotAuthorized": SignerDenied,
    "OptInRequired": SignerDenied,
    "UnrecognizedClientException": SignerDenied,
    "LimitExceededException": SignerThrottled,
    "RequestLimitExceeded": SignerThrottled,
    "ThrottlingException": SignerThrottled,
    "TooManyRequestsException": SignerThrottled,
    "DisabledException": SignerKeyUnusable,
    "InvalidArnException": SignerKeyUnusable,
    "InvalidKeyUsageException": SignerKeyUnusable,
    "KMSInvalidStateException": SignerKeyUnusable,
    "NotFoundException": SignerKeyUnusable,
}


class KmsClient(Protocol):
    """The two calls of boto3's KMS client that are used."""

    def sign(self, **asked: Any) -> dict[str, Any]: ...  # noqa: ANN401 - boto3 has no types
    def get_public_key(self, **asked: Any) -> dict[str, Any]: ...  # noqa: ANN401 - as above


class AwsKey:
    """One KMS key, by its id or ARN, that must belong to ``address``."""

    def __init__(self, address: str, key_id: str, *, client: KmsClient) -> None:
        self._address = address
        self._key_id = key_id
        self._client = client
        self._is_known = False

    def sign(self, unsigned: UnsignedCall) -> bytes:
        """Raises SignerError with the code that says what an operator must do."""
        if not self._is_known:
            self._require_key()
        answer = self._ask(
            self._client.sign,
            Message=keccak(payload_of(unsigned)),
            MessageType="DIGEST",
            SigningAlgorithm=ALGORITHM,
        )
        signature = answer.get("Signature")
        if not isinstance(signature, bytes):
            raise SignerAnswerInvalid("AWS KMS: no signature")
        r, s = signature_from_der(signature)
        return seal(unsigned, r=r, s=s, sender=self._address)

    def _require_key(self) -> None:
        """Once: that this is the key whose address is configured."""
        answer = self._ask(self._client.get_public_key)
        if answer.get("KeySpec") not in {KEY_SPEC, None}:
            raise SignerKeyMismatch(f"AWS KMS: the key is {answer['KeySpec']}, not {KEY_SPEC}")
        public = answer.get("PublicKey")
        if not isinstance(public, bytes):
            raise SignerAnswerInvalid("AWS KMS: no public key")
        require_address(address_of_der(public), self._address)
        self._is_known = True

    def _ask(self, call: Any, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3 has no types
        from botocore import exceptions  # noqa: PLC0415 - only with the extra `aws`

        try:
            answer: dict[str, Any] = call(KeyId=self._key_id, **asked)
        except exceptions.ClientError as error:
            raise _understood(error.response) from None
        except (
            exceptions.NoCredentialsError,
            exceptions.PartialCredentialsError,
            exceptions.CredentialRetrievalError,
            exceptions.TokenRetrievalError,
        ) as error:
            raise SignerDenied(f"AWS KMS: {type(error).__name__}") from None
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            # Unreachable, timed out, closed, or a certificate that is not to be trusted.
            raise SignerUnreachable(f"AWS KMS: {type(error).__name__}") from None
        except (exceptions.BotoCoreError, ValueError) as error:
            raise SignerAnswerInvalid(f"AWS KMS: {type(error).__name__}") from None
        return answer


def connect(*, region: str | None, endpoint: str | None) -> KmsClient:
    """A client with the usual credential chain (role, environment). Raises SignerMisconfigured."""
    try:
        import boto3  # noqa: PLC0415 - only with the extra `aws`
        from botocore.config import Config  # noqa: PLC0415 - as above
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as above
    except ImportError:
        raise SignerMisconfigured("awskms: needs boto3, the extra `aws`") from None
    config = Config(
        connect_timeout=CONNECT_SECONDS_MAX,
        read_timeout=READ_SECONDS_MAX,
        retries={"total_max_attempts": ATTEMPTS_MAX, "mode": "standard"},
    )
    try:
        client: KmsClient = boto3.session.Session().client(
            "kms", region_name=region, endpoint_url=endpoint, config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise SignerMisconfigured(f"awskms: {type(error).__name__}") from None
    return client


def _understood(response: dict[str, Any]) -> SignerError:
    """The service's words may name accounts and roles: only its code is passed on."""
    code = str(response.get("Error", {}).get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    known = _CODES.get(code)
    if known is None:
        # KMSInternalException, DependencyTimeoutException, KeyUnavailableException: later, perhaps.
        is_broken = status >= 500 or code == "KeyUnavailableException"  # noqa: PLR2004 - HTTP
        known = SignerUnreachable if is_broken else SignerAnswerInvalid
    return known(f"AWS KMS: {code or status}")

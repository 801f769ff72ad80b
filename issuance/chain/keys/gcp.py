"""A key in Google Cloud KMS: EC_SIGN_SECP256K1_SHA256, over REST, with its integrity checks.

The algorithm's name speaks of SHA-256, but the service signs whatever 32 bytes it is given as the
digest; we give it the keccak-256.
"""

import json
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from eth_utils.crypto import keccak

from issuance.chain.errors import (
    SignerAnswerInvalid,
    SignerDenied,
    SignerError,
    SignerKeyMismatch,
    SignerKeyUnusable,
    SignerMisconfigured,
    SignerUnreachable,
)
from issuance.chain.keys.crc32c import crc32c
from issuance.chain.keys.curve import address_of_pem, require_address, signature_from_der
from issuance.chain.keys.transport import READ_SECONDS_MAX, Transport, parse, refusal
from issuance.chain.signing import payload_of, seal
from issuance.chain.types import UnsignedCall

ENDPOINT: Final = "https://cloudkms.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/cloudkms"
ALGORITHM: Final = "EC_SIGN_SECP256K1_SHA256"
_LABEL: Final = "Cloud KMS"


class GcpKey:
    """One key version by its resource name, that must belong to ``address``.

    ``token`` gives an OAuth access token and may raise SignerError.
    """

    def __init__(
        self, address: str, name: str, *, transport: Transport, token: Callable[[], str]
    ) -> None:
        self._address = address
        self._name = name
        self._transport = transport
        self._token = token
        self._is_known = False

    def sign(self, unsigned: UnsignedCall) -> bytes:
        """Raises SignerError with the code that says what an operator must do."""
        if not self._is_known:
            self._require_key()
        digest = keccak(payload_of(unsigned))
        body = {
            "digest": {"sha256": b64encode(digest).decode()},
            "digestCrc32c": str(crc32c(digest)),
        }
        answer = self._ask("POST", f"/v1/{self._name}:asymmetricSign", body)
        if answer.get("verifiedDigestCrc32c") is not True:
            raise SignerAnswerInvalid(f"{_LABEL}: it did not check what it was asked to sign")
        der = _bytes(answer, "signature")
        _require_checksum(answer, "signatureCrc32c", der)
        r, s = signature_from_der(der)
        return seal(unsigned, r=r, s=s, sender=self._address)

    def _require_key(self) -> None:
        """Once: that this is the key whose address is configured."""
        answer = self._ask("GET", f"/v1/{self._name}/publicKey", None)
        if answer.get("algorithm") != ALGORITHM:
            raise SignerKeyMismatch(
                f"{_LABEL}: the key is {answer.get('algorithm')}, not {ALGORITHM}"
            )
        pem = str(answer.get("pem", "")).encode()
        _require_checksum(answer, "pemCrc32c", pem)
        require_address(address_of_pem(pem), self._address)
        self._is_known = True

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token()}"}
        status, content = self._transport.ask(method, path, body=body, headers=headers)
        if status != HTTPStatus.OK:
            raise _understood(status, content)
        answer = parse(_LABEL, content)
        if not isinstance(answer, dict) or answer.get("name") != self._name:
            raise SignerAnswerInvalid(f"{_LABEL}: the answer of another key")
        return answer


def token_source() -> Callable[[], str]:
    """Access tokens from the usual places (workload identity, service account).

    Raises SignerMisconfigured or SignerDenied.
    """
    try:
        import google.auth  # noqa: PLC0415 - only with the extra `gcp`
        from google.auth.exceptions import (  # noqa: PLC0415 - as above
            DefaultCredentialsError,
            GoogleAuthError,
        )
        from google.auth.transport.urllib3 import Request  # noqa: PLC0415 - as above
    except ImportError:
        raise SignerMisconfigured("gcpkms: needs google-auth, the extra `gcp`") from None
    import urllib3  # noqa: PLC0415 - beside its only use

    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except DefaultCredentialsError:
        raise SignerDenied(f"{_LABEL}: no credentials") from None
    pool = urllib3.PoolManager(retries=False, timeout=READ_SECONDS_MAX)
    request = Request(pool)  # type: ignore[no-untyped-call]  # it is half typed

    def token() -> str:
        if not credentials.valid:
            try:
                credentials.refresh(request)  # type: ignore[no-untyped-call]  # as above
            except GoogleAuthError as error:
                kind = SignerUnreachable if error.retryable else SignerDenied
                raise kind(f"{_LABEL}: {type(error).__name__}") from None
        return str(credentials.token)

    return token


def _understood(status: int, content: bytes) -> SignerError:
    """Its words may name projects and accounts: only its status is passed on."""
    try:
        code = str(json.loads(content)["error"]["status"])
    except (ValueError, KeyError, TypeError):
        code = ""
    if code == "FAILED_PRECONDITION":
        return SignerKeyUnusable(f"{_LABEL}: {code}: disabled or destroyed")
    return refusal(f"{_LABEL} {code}".rstrip(), status)


def _require_checksum(answer: dict[str, Any], name: str, content: bytes) -> None:
    """Google's rule: discard an answer whose checksum is missing or differs."""
    if str(answer.get(name)) != str(crc32c(content)):
        raise SignerAnswerInvalid(f"{_LABEL}: {name} does not match")


def _bytes(answer: dict[str, Any], name: str) -> bytes:
    try:
        return b64decode(str(answer[name]), validate=True)
    except (KeyError, NotBase64, ValueError):
        raise SignerAnswerInvalid(f"{_LABEL}: no {name}") from None

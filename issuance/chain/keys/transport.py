"""HTTP to a key service: short deadlines, small answers, no redirect, nothing resent by itself."""

import json
from http import HTTPStatus
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from issuance.chain.errors import (
    SignerAnswerInvalid,
    SignerDenied,
    SignerError,
    SignerKeyUnusable,
    SignerMisconfigured,
    SignerThrottled,
    SignerUnreachable,
)

CONNECT_SECONDS_MAX: Final = 2.0
READ_SECONDS_MAX: Final = 5.0
# For the whole answer, however slowly it drips; below the lease of a work row.
ANSWER_SECONDS_MAX: Final = 10.0
ANSWER_BYTES_MAX: Final = 256 * 1024
_CONNECTIONS_MAX: Final = 4
_CHUNK: Final = 16 * 1024
_BY_STATUS: Final[dict[int, type[SignerError]]] = {
    HTTPStatus.BAD_REQUEST: SignerAnswerInvalid,
    HTTPStatus.UNAUTHORIZED: SignerDenied,
    HTTPStatus.FORBIDDEN: SignerDenied,
    HTTPStatus.NOT_FOUND: SignerKeyUnusable,
    HTTPStatus.TOO_MANY_REQUESTS: SignerThrottled,
}


class Transport:
    """One key service. Its URL may hold a secret, so no error and no repr shows it.

    ``files`` names PEM files: ``ca`` to verify the service, ``cert`` and ``key`` to show ourselves.
    """

    def __init__(self, url: str, *, label: str, files: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SignerMisconfigured(f"{label}: no http(s) address")
        self.label = label
        self._url = url.rstrip("/")
        given = files or {}
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS_MAX,
            retries=False,
            timeout=Timeout(connect=CONNECT_SECONDS_MAX, read=READ_SECONDS_MAX),
            ca_certs=given.get("ca"),
            cert_file=given.get("cert"),
            key_file=given.get("key"),
        )

    def __repr__(self) -> str:
        return f"Transport({self.label})"

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """One request; status and body. Raises SignerUnreachable or SignerAnswerInvalid."""
        try:
            response = self._pool.request(
                method,
                f"{self._url}{path}",
                body=None if body is None else json.dumps(body).encode(),
                headers={"Content-Type": "application/json"} | (headers or {}),
                redirect=False,
                preload_content=False,
            )
            content = self._read(response)
        except (HTTPError, OSError, ValueError) as error:  # their texts show the address
            raise SignerUnreachable(f"{self.label}: {type(error).__name__}") from None
        return response.status, content

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        until, content, whole = monotonic() + ANSWER_SECONDS_MAX, bytearray(), False
        try:
            while chunk := response.read1(_CHUNK):
                content += chunk
                if len(content) > ANSWER_BYTES_MAX:
                    raise SignerAnswerInvalid(f"{self.label}: the answer is too long")
                if monotonic() > until:
                    raise SignerUnreachable(f"{self.label}: too slow")
            whole = True
        finally:
            # A connection with an unread rest must not serve the next request.
            response.release_conn() if whole else response.close()
        return bytes(content)


def refusal(label: str, status: int) -> SignerError:
    """What a status other than 200 means, as an error to raise."""
    kind = _BY_STATUS.get(status)
    if kind is None:
        broken = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        kind = SignerUnreachable if broken else SignerAnswerInvalid
    return kind(f"{label}: HTTP {status}")


def parse(label: str, content: bytes) -> Any:  # noqa: ANN401 - what a service said; the caller checks
    """The JSON of an answer. Raises SignerAnswerInvalid."""
    try:
        return json.loads(content)
    except ValueError:
        raise SignerAnswerInvalid(f"{label}: not JSON") from None

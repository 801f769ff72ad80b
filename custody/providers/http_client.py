"""The client of a custodian that speaks the sandbox's small JSON protocol over HTTP."""

import http.client
import json
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from core.units import QuantityInvalid, Units, format_quantity, parse_quantity
from custody.providers.custodian import (
    AttestationRequest,
    CustodianFile,
    CustodianRefused,
    CustodianUnavailable,
    Instruction,
    SignedAttestation,
)

TIMEOUT_SECONDS = 5
ANSWER_BYTES_MAX = 16_000_000
_OK, _REFUSED, _FAULT = 200, 400, 500


class HttpCustodian:
    """One custodian at ``url``, addressed with a bearer secret."""

    def __init__(self, *, url: str, secret: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("a custodian's URL is http:// or https:// with a host")
        self._host, self._port = parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._encrypted = parts.scheme == "https"
        self._headers = {
            "Authorization": f"Bearer {secret}",
            "Content-Type": "application/json",
            "Connection": "close",
        }

    def advise(self, deposit: Instruction) -> None:
        """As CustodianClient.advise."""
        self._call("POST", "/advices", asdict(deposit) | _shares(deposit.quantity))

    def instruct(self, delivery: Instruction) -> None:
        """As CustodianClient.instruct."""
        self._call("POST", "/instructions", asdict(delivery) | _shares(delivery.quantity))

    def files(self, *, after: int) -> list[CustodianFile]:
        """As CustodianClient.files."""
        answer = self._call("GET", f"/files?after={after}")
        try:
            return [
                CustodianFile(sequence=int(each["sequence"]), raw=str(each["content"]).encode())
                for each in answer["files"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise CustodianUnavailable("The list of files is not readable.") from error

    def attest(self, request: AttestationRequest) -> SignedAttestation:
        """As CustodianClient.attest."""
        body = asdict(request) | {"shares": format_quantity(request.shares)}
        answer = self._call("POST", "/attestations", body)
        try:
            return SignedAttestation(
                shares=parse_quantity(answer["shares"]),
                as_of=int(answer["as_of"]),
                report=str(answer["report"]),
                report_hash=str(answer["report_hash"]),
                signature=str(answer["signature"]),
                signer_address=str(answer["signer_address"]),
            )
        except (KeyError, TypeError, ValueError, QuantityInvalid) as error:
            raise CustodianUnavailable("The attestation is not readable.") from error

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        kind = http.client.HTTPSConnection if self._encrypted else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=TIMEOUT_SECONDS)
        payload = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, self._path + path, body=payload, headers=self._headers)
            response = connection.getresponse()
            raw = response.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise CustodianUnavailable from error
        finally:
            connection.close()
        return _read(response.status, raw)


def _read(status: int, raw: bytes) -> dict[str, Any]:
    if _REFUSED <= status < _FAULT:
        raise CustodianRefused(f"It answered {status}.")
    if status != _OK:
        raise CustodianUnavailable(f"It answered {status}.")
    try:
        answer = json.loads(raw)
    except ValueError as error:
        raise CustodianUnavailable("It did not answer JSON.") from error
    if not isinstance(answer, dict):
        raise CustodianUnavailable("It did not answer an object.")
    return answer


def _shares(quantity: Units) -> dict[str, str]:
    return {"quantity": format_quantity(quantity)}

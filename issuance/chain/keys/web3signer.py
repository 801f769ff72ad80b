"""A key in web3signer (Consensys), by its ETH1 HTTP API.

It is named by its public key, hashes with keccak-256 what it is given, and answers with the bytes
of r, s and v in hex.
"""

from http import HTTPStatus
from typing import Final

from issuance.chain.errors import SignerAnswerInvalid, SignerKeyUnusable
from issuance.chain.keys.curve import address_of_point, canonical
from issuance.chain.keys.transport import Transport, parse, refusal
from issuance.chain.signing import payload_of, seal
from issuance.chain.types import UnsignedCall

_LABEL: Final = "web3signer"
_POINT_BYTES: Final = 64
_SIGNATURE_BYTES: Final = 65
_WORD: Final = 32


class Web3SignerKey:
    """The key of ``address`` among those a web3signer has loaded."""

    def __init__(self, address: str, *, transport: Transport) -> None:
        self._address = address
        self._transport = transport
        self._identifier = ""

    def sign(self, unsigned: UnsignedCall) -> bytes:
        """Raises SignerError with the code that says what an operator must do."""
        identifier = self._identifier or self._find()
        body = {"data": f"0x{payload_of(unsigned).hex()}"}
        path = f"/api/v1/eth1/sign/{identifier}"
        content = self._ask("POST", path, body)
        signature = _unhex(content.decode("utf-8", "replace"))
        if len(signature) != _SIGNATURE_BYTES:
            raise SignerAnswerInvalid(f"{_LABEL}: {len(signature)} bytes are no signature")
        r = int.from_bytes(signature[:_WORD])
        s = int.from_bytes(signature[_WORD : 2 * _WORD])
        # Its v is not needed: the parity that gives our address is the right one.
        return seal(unsigned, **dict(zip("rs", canonical(r, s), strict=True)), sender=self._address)

    def _find(self) -> str:
        """The identifier of our address, asked once."""
        keys = parse(_LABEL, self._ask("GET", "/api/v1/eth1/publicKeys", None))
        if not isinstance(keys, list):
            raise SignerAnswerInvalid(f"{_LABEL}: no list of keys")
        for each in keys:
            point = _unhex(str(each))
            if len(point) == _POINT_BYTES and self._is_ours(point):
                self._identifier = f"0x{point.hex()}"
                return self._identifier
        raise SignerKeyUnusable(f"{_LABEL}: it holds no key of {self._address}")

    def _is_ours(self, point: bytes) -> bool:
        return address_of_point(point).lower() == self._address.lower()

    def _ask(self, method: str, path: str, body: dict[str, str] | None) -> bytes:
        status, content = self._transport.ask(method, path, body=body)
        if status == HTTPStatus.NOT_FOUND:
            # It may have reloaded its keys: ask for them anew next time.
            self._identifier = ""
        if status != HTTPStatus.OK:
            raise refusal(_LABEL, status)
        return content


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip().strip('"').removeprefix("0x"))
    except ValueError:
        raise SignerAnswerInvalid(f"{_LABEL}: not hex") from None

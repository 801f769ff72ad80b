"""Key services on loopback: real HTTP servers with keys of their own, honest or not."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from issuance.chain.keys.crc32c import crc32c
from issuance.chain.keys.curve import ORDER

Answer = tuple[int, bytes]
Answerer = Callable[[str, str, dict[str, Any]], Answer]


@contextmanager
def served(answer: Answerer) -> Iterator[str]:
    """A server on a free port of 127.0.0.1; yields its URL. The answerer may raise to hang up."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else {}
            try:
                status, content = answer(self.command, self.path, body)
            except ConnectionAbortedError:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError):  # who asked has stopped waiting
                self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Vault:
    """A secp256k1 key as a service holds it; ``high`` makes it sign with the higher s."""

    def __init__(self, secret: bytes, *, high: bool = False) -> None:
        self.key = PrivateKey(secret)
        self.high = high
        self._private = ec.derive_private_key(int.from_bytes(secret), ec.SECP256K1())

    @property
    def address(self) -> str:
        return self.key.public_key.to_checksum_address()

    def r_s(self, digest: bytes) -> tuple[int, int]:
        _, r, s = self.key.sign_msg_hash(digest).vrs
        return r, ORDER - s if self.high else s

    def der(self, digest: bytes) -> bytes:
        return encode_dss_signature(*self.r_s(digest))

    def spki(self, encoding: Encoding = Encoding.DER) -> bytes:
        return self._private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def foreign_spki(encoding: Encoding = Encoding.DER) -> bytes:
    """A key of another curve."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def sign_prehashed(self: Any, message: bytes, _: str) -> bytes:
    """What AWS documents for MessageType DIGEST; moto hashes the digest once more instead."""
    signature: bytes = self.private_key.sign(message, ec.ECDSA(Prehashed(SHA256())))
    return signature


class CloudKms:
    """Google's documented REST answers for one key version."""

    def __init__(self, name: str, vault: Vault, /, **changes: Any) -> None:
        self.name, self.vault, self.changes, self.asked = name, vault, changes, 0

    def __call__(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        self.asked += 1
        if (method, path) == ("GET", f"/v1/{self.name}/publicKey"):
            pem = self.vault.spki(Encoding.PEM).decode()
            answer = {
                "pem": pem,
                "algorithm": "EC_SIGN_SECP256K1_SHA256",
                "pemCrc32c": str(crc32c(pem.encode())),
                "name": self.name,
                "protectionLevel": "HSM",
            }
        elif (method, path) == ("POST", f"/v1/{self.name}:asymmetricSign"):
            digest = b64decode(body["digest"]["sha256"])
            der = self.vault.der(digest)
            answer = {
                "signature": b64encode(der).decode(),
                "signatureCrc32c": str(crc32c(der)),
                "verifiedDigestCrc32c": body["digestCrc32c"] == str(crc32c(digest)),
                "name": self.name,
                "protectionLevel": "HSM",
            }
        else:
            return 404, b"{}"
        known = {each: value for each, value in self.changes.items() if each in answer}
        return 200, json.dumps(answer | known).encode()


class Web3Signer:
    """The ETH1 API of Consensys' web3signer: it hashes with keccak-256 and answers r, s, v in hex."""

    def __init__(self, *vaults: Vault) -> None:
        self.vaults = {f"0x{vault.key.public_key.to_bytes().hex()}": vault for vault in vaults}
        self.liar: Vault | None = None

    def __call__(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        if (method, path) == ("GET", "/upcheck"):
            return 200, b"OK"
        if (method, path) == ("GET", "/api/v1/eth1/publicKeys"):
            return 200, json.dumps(list(self.vaults)).encode()
        identifier = path.removeprefix("/api/v1/eth1/sign/")
        vault = self.vaults.get(identifier)
        if method != "POST" or vault is None:
            return 404, b"Public Key not found"
        digest = keccak(bytes.fromhex(body["data"].removeprefix("0x")))
        r, s = (self.liar or vault).r_s(digest)
        parity = vault.key.sign_msg_hash(digest).vrs[0] ^ vault.high
        return 200, f"0x{r:064x}{s:064x}{27 + parity:02x}".encode()

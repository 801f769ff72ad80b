"""The token's roles, by the hashes the contract uses."""

from typing import Final

from eth_utils.crypto import keccak

ADMIN: Final = bytes(32)
ISSUER: Final = keccak(text="ISSUER")
ATTESTOR: Final = keccak(text="ATTESTOR")
COMPLIANCE: Final = keccak(text="COMPLIANCE")
PAUSER: Final = keccak(text="PAUSER")
UPGRADER: Final = keccak(text="UPGRADER")

NAMES: Final = {
    ADMIN: "ADMIN",
    ISSUER: "ISSUER",
    ATTESTOR: "ATTESTOR",
    COMPLIANCE: "COMPLIANCE",
    PAUSER: "PAUSER",
    UPGRADER: "UPGRADER",
}

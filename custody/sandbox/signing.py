"""The sandbox custodian's own key and the EIP-712 words it signs with it."""

import json
from dataclasses import dataclass

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from core.units import Units, format_quantity

_TYPES = {
    "Attestation": [
        {"name": "shares", "type": "uint256"},
        {"name": "asOf", "type": "uint40"},
        {"name": "reportHash", "type": "bytes32"},
    ]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is vouched for: units of one fund's shares behind one contract, at one moment."""

    isin: str
    token_name: str
    chain_id: int
    contract: str
    shares: Units
    held: Units
    as_of: int


class Attestor:
    """Signs figures with one private key (0x-hex)."""

    def __init__(self, key: str) -> None:
        self._account = Account.from_key(key)

    @property
    def address(self) -> str:
        """The checksummed address of the key."""
        return str(self._account.address)

    def sign(self, figure: Figure) -> dict[str, object]:
        """The answer to an attestation request: the figure, its report and the signature."""
        report = json.dumps(
            {
                "isin": figure.isin,
                "chain_id": str(figure.chain_id),
                "contract": figure.contract.lower(),
                "attested": format_quantity(figure.shares),
                "settled": format_quantity(figure.held),
                "as_of": str(figure.as_of),
            },
            sort_keys=True,
            separators=(",", ":"),
        )
        report_hash = keccak(text=report)
        words = encode_typed_data(
            domain_data={
                "name": figure.token_name,
                "version": "1",
                "chainId": figure.chain_id,
                "verifyingContract": figure.contract,
            },
            message_types=_TYPES,
            message_data={
                "shares": figure.shares,
                "asOf": figure.as_of,
                "reportHash": report_hash,
            },
        )
        signature = self._account.sign_message(words).signature
        return {
            "shares": format_quantity(figure.shares),
            "as_of": figure.as_of,
            "report": report,
            "report_hash": "0x" + report_hash.hex(),
            "signature": "0x" + bytes(signature).hex(),
            "signer_address": self.address,
        }

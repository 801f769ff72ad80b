"""A holder's own wallet, for demonstrations and tests; the service itself never holds such keys."""

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_keys.datatypes import PrivateKey

from issuance.chain import attestation as attestations
from issuance.chain.client import ChainClient
from issuance.chain.errors import CallReverted
from issuance.chain.signing import sign_with
from issuance.chain.token import encode_request_redeem, encode_transfer
from issuance.chain.types import Attestation, UnsignedCall

# Room above the estimate: state may change between the estimate and the block.
_GAS_MARGIN_PERCENT = 30


class Wallet:
    """One externally owned account that signs texts and sends its own transactions."""

    def __init__(self, key: bytes) -> None:
        self._account = Account.from_key(key)
        self._key = PrivateKey(key)

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    @property
    def address(self) -> str:
        """The EIP-55 address."""
        return str(self._account.address)

    def personal_sign(self, text: str) -> str:
        """The EIP-191 signature a browser wallet gives, as hex."""
        signed = self._account.sign_message(encode_defunct(text=text))
        return f"0x{bytes(signed.signature).hex()}"

    def sign_attestation(self, attestation: Attestation, domain: attestations.TokenDomain) -> bytes:
        """The EIP-712 signature a custodian's key would give."""
        digest = attestations.digest(attestation, domain)
        return bytes(self._account.unsafe_sign_hash(digest).signature)

    def send(
        self, client: ChainClient, *, to: str | None, data: bytes, gas: int | None = None
    ) -> str:
        """Sign and broadcast one call; returns its hash.

        Without ``gas`` the call is simulated first, so a refusal raises CallReverted and nothing
        is sent.
        """
        if gas is None:
            estimate = client.simulate(sender=self.address, to=to, data=data)
            gas = estimate * (100 + _GAS_MARGIN_PERCENT) // 100
        unsigned = UnsignedCall(
            chain_id=client.chain_id,
            nonce=client.nonce(self.address, at="pending"),
            to=to,
            data=data,
            gas=gas,
            fees=client.fees(),
        )
        signed = sign_with(self._key, unsigned)
        client.send(signed.raw)
        return signed.hash

    def request_redeem(
        self, client: ChainClient, *, contract: str, order_id: int, amount: int
    ) -> str:
        """Put tokens in escrow for a redeem order; returns the transaction's hash."""
        data = encode_request_redeem(order_id=order_id, amount=amount)
        return self.send(client, to=contract, data=data)

    def transfer(self, client: ChainClient, *, contract: str, to: str, amount: int) -> str:
        """Send tokens to another holder; returns the transaction's hash."""
        return self.send(client, to=contract, data=encode_transfer(to=to, amount=amount))

    def transfer_refusal(
        self, client: ChainClient, *, contract: str, to: str, amount: int
    ) -> CallReverted | None:
        """Why the token would refuse a transfer, None when it would not."""
        data = encode_transfer(to=to, amount=amount)
        try:
            client.simulate(sender=self.address, to=contract, data=data)
        except CallReverted as refusal:
            return refusal
        return None

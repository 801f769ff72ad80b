"""Calldata, reads and logs of an ERC-3643 core token (T-REX 4.x), by precomputed selectors.

The names are those of the ERC's interfaces (CC0). Nothing of T-REX itself is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from issuance.chain.errors import CallReverted
from issuance.chain.types import BlockTag, Chain

NOBODY = to_checksum_address(bytes(20))
_WORD = 32
_SELECTOR_BYTES = 4


def _selector(signature: str) -> bytes:
    return function_signature_to_4byte_selector(signature)


def _topic(signature: str) -> str:
    return f"0x{keccak(text=signature).hex()}"


_BALANCE_OF = _selector("balanceOf(address)")
_BATCH_SET_ADDRESS_FROZEN = _selector("batchSetAddressFrozen(address[],bool[])")
_BURN = _selector("burn(address,uint256)")
_COMPLIANCE = _selector("compliance()")
_DECIMALS = _selector("decimals()")
_FORCED_TRANSFER = _selector("forcedTransfer(address,address,uint256)")
_GET_FROZEN_TOKENS = _selector("getFrozenTokens(address)")
_GET_IMPLEMENTATION_AUTHORITY = _selector("getImplementationAuthority()")
_GET_TOKEN_IMPLEMENTATION = _selector("getTokenImplementation()")
_IDENTITY_REGISTRY = _selector("identityRegistry()")
_INVESTOR_COUNTRY = _selector("investorCountry(address)")
_IS_AGENT = _selector("isAgent(address)")
_IS_FROZEN = _selector("isFrozen(address)")
_IS_VERIFIED = _selector("isVerified(address)")
_MINT = _selector("mint(address,uint256)")
_NAME = _selector("name()")
_OWNER = _selector("owner()")
_PAUSED = _selector("paused()")
_SYMBOL = _selector("symbol()")
_TOTAL_SUPPLY = _selector("totalSupply()")
_TRANSFER = _selector("transfer(address,uint256)")
_VERSION = _selector("version()")

TRANSFER = _topic("Transfer(address,address,uint256)")
ADDRESS_FROZEN = _topic("AddressFrozen(address,bool,address)")
# What changes who may act or which rules hold, with the name an operator reads.
RULE_CHANGES = {
    _topic("Paused(address)"): "Paused",
    _topic("Unpaused(address)"): "Unpaused",
    _topic("AgentAdded(address)"): "AgentAdded",
    _topic("AgentRemoved(address)"): "AgentRemoved",
    _topic("OwnershipTransferred(address,address)"): "OwnershipTransferred",
    _topic("IdentityRegistryAdded(address)"): "IdentityRegistryAdded",
    _topic("ComplianceAdded(address)"): "ComplianceAdded",
    _topic("ImplementationAuthoritySet(address)"): "ImplementationAuthoritySet",
    _topic("UpdatedTokenInformation(string,string,uint8,string,address)"): "TokenInformation",
}
# Those that name an account; where there are two, as with owners, the new one is the last topic.
RULES_OF_ACCOUNTS = frozenset(
    {
        "AgentAdded",
        "AgentRemoved",
        "OwnershipTransferred",
        "IdentityRegistryAdded",
        "ComplianceAdded",
        "ImplementationAuthoritySet",
    }
)
_OTHERS = {
    _topic("Approval(address,address,uint256)"): "Approval",
    _topic("TokensFrozen(address,uint256)"): "TokensFrozen",
    _topic("TokensUnfrozen(address,uint256)"): "TokensUnfrozen",
    _topic("RecoverySuccess(address,address,address)"): "RecoverySuccess",
    _topic("Initialized(uint8)"): "Initialized",
}
OTHER_NAMES = _OTHERS

# What a hot key of each role may sign at such a token; the signer refuses everything else.
ISSUER_SELECTORS = frozenset({_MINT, _BURN, _FORCED_TRANSFER})
COMPLIANCE_SELECTORS = frozenset({_BATCH_SET_ADDRESS_FROZEN})


def encode_mint(*, account: str, amount: int) -> bytes:
    """Create tokens; the contract keeps no order id, so sending it twice mints twice."""
    return _MINT + encode(["address", "uint256"], [account, amount])


def encode_burn(*, account: str, amount: int) -> bytes:
    """Destroy tokens of one account."""
    return _BURN + encode(["address", "uint256"], [account, amount])


def encode_forced_transfer(*, sender: str, receiver: str, amount: int) -> bytes:
    """Move tokens without their holder, to a receiver the registry has verified."""
    return _FORCED_TRANSFER + encode(["address", "address", "uint256"], [sender, receiver, amount])


def encode_transfer(*, receiver: str, amount: int) -> bytes:
    """What a holder's wallet sends to move its own tokens."""
    return _TRANSFER + encode(["address", "uint256"], [receiver, amount])


def encode_freezes(frozen: Mapping[str, bool]) -> bytes:
    """Freeze or thaw accounts; account -> whether it is frozen from now on."""
    columns = [list(frozen), list(frozen.values())]
    return _BATCH_SET_ADDRESS_FROZEN + encode(["address[]", "bool[]"], columns)


def takes_only_from(data: bytes, *, wallet: str | None) -> bool:
    """Whether a call takes nobody's tokens, or only those of one account."""
    selector, arguments = data[:_SELECTOR_BYTES], data[_SELECTOR_BYTES:]
    if selector not in {_BURN, _FORCED_TRANSFER}:
        return True
    first = arguments[:_WORD]
    # The whole word: an address with dirt in front of it is another word to the contract's decoder.
    return wallet is not None and first == encode(["address"], [wallet])


def account_of(topic: str) -> str:
    """The address in a log's topic."""
    return to_checksum_address(f"0x{topic[-40:]}")


@dataclass(frozen=True, slots=True)
class Erc3643Reader:
    """Views of one token and its registry at a block; every method may raise ChainError."""

    chain: Chain
    address: str

    def supply(self, *, at: BlockTag = "latest") -> int:
        """Raw units in existence."""
        return self._int(_TOTAL_SUPPLY, at)

    def balance(self, account: str, *, at: BlockTag = "latest") -> int:
        """Raw units one account holds."""
        return self._int(_BALANCE_OF + encode(["address"], [account]), at)

    def frozen_tokens(self, account: str, *, at: BlockTag = "latest") -> int:
        """Raw units of the account that are frozen."""
        return self._int(_GET_FROZEN_TOKENS + encode(["address"], [account]), at)

    def is_frozen(self, account: str, *, at: BlockTag = "latest") -> bool:
        """Whether the account is frozen altogether."""
        return bool(self._int(_IS_FROZEN + encode(["address"], [account]), at))

    def is_paused(self, *, at: BlockTag = "latest") -> bool:
        """Whether holders' transfers are stopped; mints and burns by an agent are not."""
        return bool(self._int(_PAUSED, at))

    def is_agent(self, account: str, *, at: BlockTag = "latest") -> bool:
        """Whether the account may mint, burn and freeze."""
        return bool(self._int(_IS_AGENT + encode(["address"], [account]), at))

    def decimals(self, *, at: BlockTag = "latest") -> int:
        """Decimal places of a whole token."""
        return self._int(_DECIMALS, at)

    def identity_registry(self, *, at: BlockTag = "latest") -> str:
        """The contract that says who is verified."""
        return self._address(_IDENTITY_REGISTRY, at)

    def compliance(self, *, at: BlockTag = "latest") -> str:
        """The contract that says which movements the issuer's rules allow."""
        return self._address(_COMPLIANCE, at)

    def owner(self, *, at: BlockTag = "latest") -> str:
        """Who may change agents, registry and compliance."""
        return self._address(_OWNER, at)

    def name(self, *, at: BlockTag = "latest") -> str:
        """The token's name."""
        return self._text(_NAME, at)

    def symbol(self, *, at: BlockTag = "latest") -> str:
        """The token's symbol."""
        return self._text(_SYMBOL, at)

    def version(self, *, at: BlockTag = "latest") -> str:
        """The release of the core contracts, such as 4.1.6."""
        return self._text(_VERSION, at)

    def watched(self, *, at: BlockTag = "latest") -> dict[str, str]:
        """What must not change behind our back, by name; code of a T-REX proxy included."""
        facts = {
            "owner": self.owner(at=at),
            "identity_registry": self.identity_registry(at=at),
            "compliance": self.compliance(at=at),
        }
        try:
            authority = self._address(_GET_IMPLEMENTATION_AUTHORITY, at)
            facts["implementation_authority"] = authority
            facts["implementation"] = self._address(_GET_TOKEN_IMPLEMENTATION, at, to=authority)
        except CallReverted:  # not behind such a proxy
            facts["implementation"] = self.address
        return facts

    def is_verified(self, account: str, *, at: BlockTag = "latest") -> bool:
        """Whether the token's own registry has verified the account."""
        data = _IS_VERIFIED + encode(["address"], [account])
        return bool(self._int(data, at, to=self.identity_registry(at=at)))

    def country(self, account: str, *, at: BlockTag = "latest") -> int:
        """The account's country in the registry, ISO 3166-1; 0 when it has none."""
        data = _INVESTOR_COUNTRY + encode(["address"], [account])
        return self._int(data, at, to=self.identity_registry(at=at))

    def _int(self, data: bytes, at: BlockTag, *, to: str = "") -> int:
        answer = self.chain.call(to=to or self.address, data=data, at=at)
        if len(answer) != _WORD:  # no code at the address, or another contract
            raise CallReverted("NotThisToken", (to or self.address,), answer)
        return int.from_bytes(answer)

    def _address(self, data: bytes, at: BlockTag, *, to: str = "") -> str:
        return to_checksum_address(self._int(data, at, to=to).to_bytes(_WORD)[-20:])

    def _text(self, data: bytes, at: BlockTag) -> str:
        answer = self.chain.call(to=self.address, data=data, at=at)
        try:
            (text,) = decode(["string"], answer)
        except DecodingError as error:
            raise CallReverted("NotThisToken", (self.address,), answer) from error
        return str(text)

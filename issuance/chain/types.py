"""What crosses the border of this package: frozen values, hex hashes, EIP-55 addresses, ints.

Hashes are lower-case ``0x`` strings of 32 bytes, addresses are EIP-55 strings, quantities are raw
token units or wei, times are Unix seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from issuance.chain.remarks import SendAnswer as SendAnswer  # noqa: PLC0414 - part of this border
from issuance.chain.remarks import SendKind as SendKind  # noqa: PLC0414 - as above


@dataclass(frozen=True, slots=True)
class Head:
    """One block's header."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int
    gas_limit: int


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559 prices in wei per gas."""

    max_fee: int
    tip: int


@dataclass(frozen=True, slots=True)
class Log:
    """One log as the node reports it; ``removed`` is true when a reorganisation took it away."""

    address: str
    topics: tuple[str, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    index: int
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one mined transaction did, on the fork the node stands on."""

    tx_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    gas_price: int
    contract_address: str | None
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class UnsignedCall:
    """Everything a signature covers. ``to`` is None only when a contract is created."""

    chain_id: int
    nonce: int
    to: str | None
    data: bytes = field(repr=False)
    gas: int
    fees: Fees
    value: int = 0


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """The bytes to broadcast, their hash, and whom they are from."""

    raw: bytes = field(repr=False)
    hash: str
    sender: str
    nonce: int


@dataclass(frozen=True, slots=True)
class Attestation:
    """The custodian's signed figure: settled shares of one fund available to one token.

    Its EIP-712 struct is ``Attestation(uint256 shares,uint40 asOf,bytes32 reportHash)``.
    """

    shares: int
    as_of: int
    report_hash: str


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One order as the contract sees it: consumed at most once per token."""

    order_id: int
    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class HolderEntry:
    """A holder's standing to be written on chain. ``country`` is the ISO 3166-1 number."""

    account: str
    country: int
    kyc_expiry: int
    permitted: bool = True
    protocol: bool = False


@dataclass(frozen=True, slots=True)
class HolderState:
    """A holder's one slot, as read at a block."""

    balance: int
    frozen_amount: int
    country: int
    kyc_expiry: int
    permitted: bool
    frozen: bool
    protocol: bool


@dataclass(frozen=True, slots=True)
class Reserves:
    """Supply and the attested cap, as read at a block. ``max_age`` is in seconds."""

    supply: int
    cap: int
    as_of: int
    max_age: int
    mint_paused: bool
    transfer_paused: bool


@dataclass(frozen=True, slots=True)
class MintAllowance:
    """What one issuer may mint at a block, and in a day; raw units."""

    available: int
    limit: int


class RejectReason(IntEnum):
    """Why the contract skipped an order; mirrors the constants in EtfToken.sol."""

    NOT_PERMITTED = 1
    FROZEN = 2
    KYC_EXPIRED = 3
    COUNTRY_RESTRICTED = 4
    AMOUNT_ZERO = 5


# --- events of the token -------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class OrderMinted:
    """Tokens were created for one order."""

    log: Log
    order_id: int
    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """A mint was skipped; its id is still unused."""

    log: Log
    order_id: int
    account: str
    reason: RejectReason


@dataclass(frozen=True, slots=True)
class RedeemRequested:
    """A holder put tokens in escrow under an order id it claims to be its own."""

    log: Log
    order_id: int
    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class OrderBurned:
    """Escrowed tokens were destroyed for one order."""

    log: Log
    order_id: int
    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class RedeemCancelled:
    """Escrowed tokens went back to their holder; the id is still unused."""

    log: Log
    order_id: int
    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class Transferred:
    """ERC-20 Transfer; the zero address stands for creation and destruction."""

    log: Log
    sender: str
    receiver: str
    amount: int


@dataclass(frozen=True, slots=True)
class Attested:
    """A newer attestation set the cap."""

    log: Log
    attestor: str
    shares: int
    as_of: int
    report_hash: str


@dataclass(frozen=True, slots=True)
class HolderSet:
    """A holder's standing was written."""

    log: Log
    account: str
    country: int
    kyc_expiry: int
    permitted: bool
    protocol: bool


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """A role was given or taken; ``role`` is its name, or its hash when it is not one of ours."""

    log: Log
    role: str
    account: str
    granted: bool


@dataclass(frozen=True, slots=True)
class OrderRecovered:
    """A lost wallet's tokens went to another wallet of its holder; the lost one is shut."""

    log: Log
    order_id: int
    lost: str
    account: str
    amount: int
    frozen_amount: int


@dataclass(frozen=True, slots=True)
class TokensFrozen:
    """How many of an account's tokens are frozen from now on."""

    log: Log
    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class AddressFrozen:
    """An account was frozen altogether, or thawed."""

    log: Log
    account: str
    frozen: bool


@dataclass(frozen=True, slots=True)
class CountryRestricted:
    """A country (ISO 3166-1 number) was barred or cleared."""

    log: Log
    country: int
    restricted: bool


@dataclass(frozen=True, slots=True)
class MintLimitSet:
    """What an issuer may mint in a day was set; 0 when it lost its role."""

    log: Log
    issuer: str
    limit: int


@dataclass(frozen=True, slots=True)
class SplitScheduled:
    """From ``effective_at`` on one token stands for ``multiplier`` / 10^18 shares."""

    log: Log
    former: int
    multiplier: int
    effective_at: int


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """Somebody changed who may act at a token that is not ours alone, or moved its escrow."""

    log: Log
    name: str


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """Any other event of the token: its name and arguments from the ABI, all as text.

    The name is UNKNOWN when the contract's own code knows no such event.
    """

    log: Log
    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)


TokenEvent = (
    OrderMinted
    | OrderRejected
    | RedeemRequested
    | OrderBurned
    | RedeemCancelled
    | Transferred
    | Attested
    | HolderSet
    | RoleChanged
    | OrderRecovered
    | TokensFrozen
    | AddressFrozen
    | CountryRestricted
    | MintLimitSet
    | SplitScheduled
    | RulesChanged
    | OtherEvent
)

BlockTag = int | str  # a height, or "latest", "finalized", "pending"


class Chain(Protocol):
    """One network as the pipeline needs it; the tests' fake and the RPC client both fit.

    Every method but ``send``, ``send_many`` and ``simulate_many`` may raise ChainError: "unknown".
    ``receipts`` raises it where one that is unknown is looked up, so that nobody takes it for absent.
    """

    network: str
    chain_id: int

    def head(self) -> Head: ...
    def finalized(self) -> Head: ...
    def block(self, number: int) -> Head | None: ...
    def block_hash(self, number: int) -> str | None: ...
    def nonce(self, address: str, *, at: BlockTag) -> int: ...
    def receipt(self, tx_hash: str) -> Receipt | None: ...
    def receipts(self, tx_hashes: Sequence[str]) -> Mapping[str, Receipt | None]: ...
    def knows(self, tx_hash: str) -> bool: ...
    def send(self, raw: bytes) -> SendAnswer: ...
    def send_many(self, raws: Sequence[bytes]) -> Sequence[SendAnswer]: ...
    def fees(self) -> Fees: ...
    def bump(self, offered: Fees) -> Fees: ...
    def simulate(self, *, sender: str, to: str | None, data: bytes) -> int: ...
    def simulate_many(
        self, *, sender: str, to: str, datas: Sequence[bytes]
    ) -> list[int | None]: ...
    def call(self, *, to: str, data: bytes, at: BlockTag = "latest") -> bytes: ...
    def call_many(
        self, *, to: str, datas: Sequence[bytes], at: BlockTag = "latest"
    ) -> Sequence[bytes]: ...
    def logs(self, *, address: str, first: int, last: int) -> Sequence[Log]: ...
    def balance(self, address: str, *, at: BlockTag = "latest") -> int: ...
    def code(self, address: str) -> bytes: ...


class Signer(Protocol):
    """Holds one key and signs what its policy allows; ``require`` asks the policy alone."""

    @property
    def address(self) -> str: ...

    def require(self, unsigned: UnsignedCall) -> None: ...

    def sign(self, unsigned: UnsignedCall) -> SignedTransaction: ...

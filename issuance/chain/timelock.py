"""The timelock that administers a token: what may be announced, carried out, and by whom."""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.crypto import keccak

from issuance.chain.errors import CallReverted
from issuance.chain.types import Chain

PROPOSER: Final = keccak(text="PROPOSER_ROLE")
EXECUTOR: Final = keccak(text="EXECUTOR_ROLE")
CANCELLER: Final = keccak(text="CANCELLER_ROLE")
ADMIN: Final = bytes(32)

_CALL: Final = ("address", "uint256", "bytes", "bytes32", "bytes32")
_NO_PREDECESSOR: Final = bytes(32)
_WORD = 32
_DONE = 1

_SCHEDULE: Final = function_signature_to_4byte_selector(
    "schedule(address,uint256,bytes,bytes32,bytes32,uint256)"
)
_EXECUTE: Final = function_signature_to_4byte_selector(
    "execute(address,uint256,bytes,bytes32,bytes32)"
)
_CANCEL: Final = function_signature_to_4byte_selector("cancel(bytes32)")
_GET_MIN_DELAY: Final = function_signature_to_4byte_selector("getMinDelay()")
_GET_TIMESTAMP: Final = function_signature_to_4byte_selector("getTimestamp(bytes32)")
_HAS_ROLE: Final = function_signature_to_4byte_selector("hasRole(bytes32,address)")

PROPOSER_SELECTORS: Final = frozenset({_SCHEDULE, _CANCEL})
EXECUTOR_SELECTORS: Final = frozenset({_EXECUTE})


@dataclass(frozen=True, slots=True)
class TimelockPlan:
    """What a timelock should be. Proposers may also cancel; nobody administers it but itself."""

    delay_seconds: int
    proposers: tuple[str, ...]
    executors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the timelock to a contract. ``salt`` tells equal calls apart."""

    target: str
    data: bytes
    salt: bytes = bytes(32)

    @property
    def id(self) -> bytes:
        """The hash the timelock knows it by."""
        return keccak(encode(_CALL, self._row()))

    def encode_schedule(self, *, delay_seconds: int) -> bytes:
        """Announce the call; it can be carried out after the delay."""
        return _SCHEDULE + encode([*_CALL, "uint256"], [*self._row(), delay_seconds])

    def encode_execute(self) -> bytes:
        """Carry the announced call out."""
        return _EXECUTE + encode(_CALL, self._row())

    def encode_cancel(self) -> bytes:
        """Take the announcement back."""
        return _CANCEL + self.id

    def _row(self) -> tuple[str, int, bytes, bytes, bytes]:
        return (self.target, 0, self.data, _NO_PREDECESSOR, self.salt)


@dataclass(frozen=True, slots=True)
class TimelockReader:
    """Views of one timelock; every method may raise ChainError, which means unknown."""

    chain: Chain
    address: str

    def delay_seconds(self) -> int:
        """How long before it is carried out a call must be announced."""
        return self._int(_GET_MIN_DELAY)

    def has_role(self, role: bytes, account: str) -> bool:
        """Whether the account holds one of the timelock's own roles."""
        return bool(self._int(_HAS_ROLE + encode(["bytes32", "address"], [role, account])))

    def ready_at(self, operation: Operation) -> int | None:
        """From when on an announced call can be carried out; None when it is not announced, or done."""
        time = self._int(_GET_TIMESTAMP + operation.id)
        return time if time > _DONE else None

    def _int(self, data: bytes) -> int:
        answer = self.chain.call(to=self.address, data=data)
        if len(answer) != _WORD:  # no code at the address, or another contract
            raise CallReverted("NotThisTimelock", (self.address,), answer)
        return int.from_bytes(answer)

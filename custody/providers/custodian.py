"""What any custodian must be able to do for us, and the types that cross that border."""

from dataclasses import dataclass
from typing import Protocol

from core.errors import DomainError
from core.units import Units


class CustodianUnavailable(DomainError):
    """The custodian did not answer, or not in its own words; it may or may not have acted."""

    code = "custodian_unavailable"
    status = 503
    title = "The custodian cannot be reached."
    retryable = True


class CustodianRefused(DomainError):
    """The custodian answered and said no; it has not acted."""

    code = "custodian_refused"
    title = "The custodian refused."


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """Shares to expect or to deliver, under our reference: the same reference is one instruction.

    ``participant`` and ``destination`` say where a delivery goes; they are empty for an advice.
    """

    our_reference: str
    account: str
    isin: str
    quantity: Units
    participant: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodianFile:
    """One file the custodian has put out, under its own rising sequence."""

    sequence: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationRequest:
    """Which token a custodian is asked to vouch for, and for how many units of the fund's shares."""

    isin: str
    chain_id: int
    contract: str
    token_name: str
    shares: Units


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAttestation:
    """The custodian's EIP-712 word. ``as_of`` in Unix seconds; hashes and signature in 0x-hex.

    ``shares`` may be fewer than asked for. ``report`` is the text behind ``report_hash``.
    """

    shares: Units
    as_of: int
    report: str
    report_hash: str
    signature: str
    signer_address: str


class CustodianClient(Protocol):
    """One custodian. Every call may raise CustodianUnavailable or CustodianRefused."""

    def advise(self, deposit: Instruction) -> None:
        """Announce shares to be received. Saying it again changes nothing."""

    def instruct(self, delivery: Instruction) -> None:
        """Order shares to be delivered. Saying it again changes nothing."""

    def files(self, *, after: int) -> list[CustodianFile]:
        """Files put out after that sequence, in order, a limited number at a time."""

    def attest(self, request: AttestationRequest) -> SignedAttestation:
        """A fresh signature over the units settled for a token."""

"""What the pipeline asks of a token contract, whichever standard it follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from issuance.chain.errors import CallReverted
from issuance.chain.types import (
    BlockTag,
    Chain,
    HolderEntry,
    HolderState,
    Log,
    OrderItem,
    Reserves,
    TokenEvent,
)

# The name of an event that the contract's code, as we know it, does not have.
UNKNOWN_EVENT = "UNKNOWN"


class Execution(StrEnum):
    """Whether the chain has carried out an order. UNKNOWABLE is never to be read as NO."""

    YES = "yes"
    NO = "no"
    UNKNOWABLE = "unknowable"


class Cure(StrEnum):
    """What to do with an order whose call the contract refused in a simulation."""

    ASK_BY_ID = "ask_by_id"  # it may have happened already
    WAIT = "wait"  # the obstacle may pass
    REJECT = "reject"  # it never will, for this order


class Deed(StrEnum):
    """What a transaction of ours was to do."""

    MINT = "mint"
    BURN = "burn"
    RETURN = "return"
    REGISTER = "register"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one transaction of ours carries; the contract's logs alone may not say so."""

    deed: Deed
    orders: Sequence[OrderItem] = ()
    holders: Sequence[HolderEntry] = ()


@dataclass(frozen=True, slots=True)
class HolderStep:
    """What a holder's wallet sends to put its tokens into escrow; ``name`` is the API's word."""

    name: str
    data: bytes


class TokenStandard(Protocol):
    """One token contract as the pipeline speaks to it.

    ``exactly_once_on_chain``: the contract consumes order ids, so it can be asked by id and refuses
    a second time. ``has_attested_cap``: it bounds its supply by a custodian's signed figure. Where
    either is false, the database and the chain's logs are all there is.
    """

    @property
    def address(self) -> str: ...
    @property
    def exactly_once_on_chain(self) -> bool: ...
    @property
    def has_attested_cap(self) -> bool: ...
    @property
    def writes_register(self) -> bool: ...
    @property
    def orders_per_transaction_max(self) -> int: ...

    def encode_mint(self, orders: Sequence[OrderItem]) -> bytes: ...
    def encode_burn(self, orders: Sequence[OrderItem]) -> bytes: ...
    def encode_return(self, order: OrderItem) -> bytes: ...
    def encode_holders(self, holders: Sequence[HolderEntry]) -> bytes: ...
    def holder_step(self, order: OrderItem) -> HolderStep: ...

    def events(
        self,
        logs: Sequence[Log],
        *,
        carried: Mapping[str, Carried],
        awaited: Sequence[OrderItem] = (),
    ) -> list[TokenEvent]: ...

    def reserves(self, chain: Chain, *, at: BlockTag = "latest") -> Reserves: ...
    def holder(self, chain: Chain, account: str, *, at: BlockTag = "latest") -> HolderState: ...
    def watched(self, chain: Chain, *, at: BlockTag = "latest") -> dict[str, str]: ...
    def executed(
        self, chain: Chain, order_ids: Sequence[int], *, at: BlockTag = "latest"
    ) -> Mapping[int, Execution]: ...

    def obstacle(self, chain: Chain, order: OrderItem, deed: Deed) -> CallReverted | None: ...
    def cure(self, refusal: CallReverted) -> tuple[Cure, str]: ...

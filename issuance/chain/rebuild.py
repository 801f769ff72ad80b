"""The token's whole register from its logs alone: orders, holders, cap, limits, splits.

Nothing is asked of the chain but logs from the token's first block on, in their order. What comes
out is what the contract's own views say at the last block; a test holds it to that, word for word.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from issuance.chain import types as chain
from issuance.chain.events import decode_event

NOBODY = "0x0000000000000000000000000000000000000000"
ONE_SHARE = 10**18


class LogsInconsistent(ValueError):
    """The logs are not those of one token from its first block on: something is missing."""


class OrderOutcome(StrEnum):
    """What the chain says about one order id of one holder."""

    MINTED = "minted"
    REJECTED = "rejected"
    IN_ESCROW = "in_escrow"
    RETURNED = "returned"
    BURNED = "burned"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Order:
    """The latest word on an order id and holder; ``amount`` in raw units, 0 when rejected."""

    order_id: int
    account: str
    outcome: OrderOutcome
    amount: int


@dataclass(frozen=True, slots=True)
class Holder:
    """What the token's holder word says of one account."""

    balance: int = 0
    frozen_amount: int = 0
    country: int = 0
    kyc_expiry: int = 0
    permitted: bool = False
    frozen: bool = False
    protocol: bool = False


@dataclass(slots=True)
class Register:
    """The books as far as the logs were read."""

    address: str
    holders: dict[str, Holder] = field(default_factory=dict)
    orders: dict[tuple[int, str], Order] = field(default_factory=dict)
    executed: set[int] = field(default_factory=set)
    roles: set[tuple[str, str]] = field(default_factory=set)
    restricted: set[int] = field(default_factory=set)
    mint_limits: dict[str, int] = field(default_factory=dict)
    supply: int = 0
    cap: int = 0
    attested_as_of: int = 0
    splits: list[chain.SplitScheduled] = field(default_factory=list)

    def escrowed(self) -> int:
        """Raw units that stand in escrow, by the orders."""
        return sum(o.amount for o in self.orders.values() if o.outcome is OrderOutcome.IN_ESCROW)

    def multiplier(self, *, time: int) -> int:
        """Shares per token times 10^18 at a time, by the latest schedule known."""
        if not self.splits:
            return ONE_SHARE
        latest = self.splits[-1]
        return latest.multiplier if time >= latest.effective_at else latest.former

    def holder(self, account: str) -> Holder:
        """One account's word; an account no log names holds nothing."""
        return self.holders.get(account, Holder())


def rebuild(address: str, logs: Iterable[chain.Log]) -> Register:
    """The register behind a token's logs, given from its first block on.

    Raises LogsInconsistent when they cannot all be this token's, or one is missing or out of order.
    """
    register = Register(address)
    latest = (-1, -1)
    for log in logs:
        place = (log.block_number, log.index)
        if log.removed or log.address.lower() != address.lower() or place <= latest:
            raise LogsInconsistent(f"log {place} after {latest} at {log.address}")
        latest = place
        event = decode_event(log)
        if event is not None:
            _APPLY.get(type(event), _ignore)(register, event)
    balances = sum(holder.balance for holder in register.holders.values())
    if balances != register.supply or register.escrowed() != register.holder(address).balance:
        raise LogsInconsistent("balances, supply and escrow do not agree")
    return register


def _change(register: Register, account: str, **changes: Any) -> None:  # noqa: ANN401 - as the dataclass's fields
    register.holders[account] = replace(register.holder(account), **changes)


def _settle(
    register: Register, outcome: OrderOutcome, order_id: int, account: str, amount: int
) -> None:
    register.orders[order_id, account] = Order(order_id, account, outcome, amount)


def _execute(register: Register, order_id: int) -> None:
    if order_id in register.executed:
        raise LogsInconsistent(f"order id {order_id} happened twice")
    register.executed.add(order_id)


def _moved(register: Register, event: chain.Transferred) -> None:
    if event.sender == NOBODY:
        register.supply += event.amount
    else:
        left = register.holder(event.sender).balance - event.amount
        if left < 0:
            raise LogsInconsistent(f"{event.sender} sent more than it had")
        _change(register, event.sender, balance=left)
    if event.receiver == NOBODY:
        register.supply -= event.amount
    else:
        held = register.holder(event.receiver).balance
        _change(register, event.receiver, balance=held + event.amount)


def _minted(register: Register, event: chain.OrderMinted) -> None:
    _execute(register, event.order_id)
    _settle(register, OrderOutcome.MINTED, event.order_id, event.account, event.amount)


def _rejected(register: Register, event: chain.OrderRejected) -> None:
    key = (event.order_id, event.account)
    # A holder may have escrowed under the id; its tokens are there still.
    if key not in register.orders or register.orders[key].outcome is OrderOutcome.REJECTED:
        _settle(register, OrderOutcome.REJECTED, *key, 0)


def _requested(register: Register, event: chain.RedeemRequested) -> None:
    _settle(register, OrderOutcome.IN_ESCROW, event.order_id, event.account, event.amount)


def _cancelled(register: Register, event: chain.RedeemCancelled) -> None:
    _settle(register, OrderOutcome.RETURNED, event.order_id, event.account, event.amount)


def _burned(register: Register, event: chain.OrderBurned) -> None:
    _execute(register, event.order_id)
    _settle(register, OrderOutcome.BURNED, event.order_id, event.account, event.amount)


def _recovered(register: Register, event: chain.OrderRecovered) -> None:
    _execute(register, event.order_id)
    _settle(register, OrderOutcome.RECOVERED, event.order_id, event.account, event.amount)
    _change(register, event.lost, permitted=False, protocol=False, frozen=True)


def _holder_set(register: Register, event: chain.HolderSet) -> None:
    _change(
        register,
        event.account,
        country=event.country,
        kyc_expiry=event.kyc_expiry,
        permitted=event.permitted,
        protocol=event.protocol,
    )


def _attested(register: Register, event: chain.Attested) -> None:
    # A figure from before a split is never accepted after it, so the figure's own time decides.
    register.cap = event.shares * ONE_SHARE // register.multiplier(time=event.as_of)
    register.attested_as_of = event.as_of


def _role_changed(register: Register, event: chain.RoleChanged) -> None:
    holding = (event.role, event.account)
    if event.granted:
        register.roles.add(holding)
    else:
        register.roles.discard(holding)


def _restricted(register: Register, event: chain.CountryRestricted) -> None:
    if event.restricted:
        register.restricted.add(event.country)
    else:
        register.restricted.discard(event.country)


def _ignore(register: Register, event: chain.TokenEvent) -> None:
    """Approvals, pauses and the like leave orders and holders as they are."""


_APPLY: dict[type, Callable[[Register, Any], None]] = {
    chain.Transferred: _moved,
    chain.OrderMinted: _minted,
    chain.OrderRejected: _rejected,
    chain.RedeemRequested: _requested,
    chain.RedeemCancelled: _cancelled,
    chain.OrderBurned: _burned,
    chain.OrderRecovered: _recovered,
    chain.HolderSet: _holder_set,
    chain.TokensFrozen: lambda r, e: _change(r, e.account, frozen_amount=e.amount),
    chain.AddressFrozen: lambda r, e: _change(r, e.account, frozen=e.frozen),
    chain.CountryRestricted: _restricted,
    chain.MintLimitSet: lambda r, e: r.mint_limits.__setitem__(e.issuer, e.limit),
    chain.Attested: _attested,
    chain.SplitScheduled: lambda r, e: r.splits.append(e),
    chain.RoleChanged: _role_changed,
}

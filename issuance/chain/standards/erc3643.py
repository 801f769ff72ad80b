"""An issuer's existing ERC-3643 token as the pipeline speaks to it. NOT exactly-once on chain.

The contract knows no order ids and no attested cap. A mint is recognised by the receipt of our own
transaction, which carries one order; anything that no transaction of ours explains is reported as an
event of order 0, which is nobody's. Redemptions come in as a holder's plain transfer to the
issuer's redemption wallet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from issuance.chain import erc3643 as calls
from issuance.chain.errors import CallReverted
from issuance.chain.standards.protocol import (
    UNKNOWN_EVENT,
    Carried,
    Cure,
    Deed,
    Execution,
    HolderStep,
)
from issuance.chain.types import (
    AddressFrozen,
    BlockTag,
    Chain,
    HolderEntry,
    HolderSet,
    HolderState,
    Log,
    OrderBurned,
    OrderItem,
    OrderMinted,
    OtherEvent,
    RedeemCancelled,
    RedeemRequested,
    Reserves,
    RulesChanged,
    TokenEvent,
    Transferred,
)

# Ours start at 1.
UNKNOWN_ORDER = 0
_WORD = 32
_REASONS = {
    "Identity is not verified.": (Cure.REJECT, "chain_not_permitted"),
    "Compliance not followed": (Cure.REJECT, "chain_compliance_refused"),
    "WalletFrozen": (Cure.REJECT, "chain_frozen"),
    "TokenPaused": (Cure.WAIT, "chain_paused"),
    "Transfer not possible": (Cure.WAIT, "chain_not_permitted"),
    "cannot burn more than balance": (Cure.WAIT, "chain_escrow_missing"),
    "sender balance too low": (Cure.WAIT, "chain_escrow_missing"),
    "AgentRole: caller does not have the Agent role": (Cure.WAIT, "chain_role_missing"),
}


@dataclass(frozen=True, slots=True)
class Erc3643Standard:
    """A T-REX 4.x core token at ``address``; ``redemption_wallet`` receives what is redeemed."""

    address: str
    redemption_wallet: str

    exactly_once_on_chain = False
    has_attested_cap = False
    writes_register = False
    # batchMint carries no ids: two orders in one call could not be told apart afterwards.
    orders_per_transaction_max = 1

    def encode_mint(self, orders: Sequence[OrderItem]) -> bytes:
        """Mint one order. Raises ValueError for any other number."""
        (order,) = orders
        return calls.encode_mint(account=order.account, amount=order.amount)

    def encode_burn(self, orders: Sequence[OrderItem]) -> bytes:
        """Destroy one order's tokens in the redemption wallet. Raises ValueError as above."""
        (order,) = orders
        return calls.encode_burn(account=self.redemption_wallet, amount=order.amount)

    def encode_return(self, order: OrderItem) -> bytes:
        """Send one order's tokens from the redemption wallet back to their holder."""
        return calls.encode_forced_transfer(
            sender=self.redemption_wallet, receiver=order.account, amount=order.amount
        )

    def encode_holders(self, holders: Sequence[HolderEntry]) -> bytes:
        """Freeze whoever may not hold and thaw whoever may; the registry itself is not ours."""
        return calls.encode_freezes({each.account: not each.permitted for each in holders})

    def holder_step(self, order: OrderItem) -> HolderStep:
        """The holder sends its tokens to the redemption wallet."""
        data = calls.encode_transfer(receiver=self.redemption_wallet, amount=order.amount)
        return HolderStep("transfer", data)

    def events(
        self,
        logs: Sequence[Log],
        *,
        carried: Mapping[str, Carried],
        awaited: Sequence[OrderItem] = (),
    ) -> list[TokenEvent]:
        """Each movement as it was logged, and beside it what it means for an order.

        ``carried`` are transactions of ours by hash; ``awaited`` are redemptions that still wait
        for their tokens, oldest first.
        """
        reading = _Reading(self.redemption_wallet.lower(), carried, list(awaited))
        for log in logs:
            reading.take(log)
        return reading.found

    def reserves(self, chain: Chain, *, at: BlockTag = "latest") -> Reserves:
        """The supply; there is no cap and nothing is attested. Raises ChainError."""
        reader = calls.Erc3643Reader(chain, self.address)
        paused = reader.is_paused(at=at)
        return Reserves(
            supply=reader.supply(at=at),
            cap=0,
            as_of=0,
            max_age=0,
            mint_paused=paused,
            transfer_paused=paused,
        )

    def holder(self, chain: Chain, account: str, *, at: BlockTag = "latest") -> HolderState:
        """Balance, freezes and what the registry says; it names no expiry. Raises ChainError."""
        reader = calls.Erc3643Reader(chain, self.address)
        return HolderState(
            balance=reader.balance(account, at=at),
            frozen_amount=reader.frozen_tokens(account, at=at),
            country=reader.country(account, at=at),
            kyc_expiry=0,
            permitted=reader.is_verified(account, at=at),
            frozen=reader.is_frozen(account, at=at),
            protocol=False,
        )

    def watched(self, chain: Chain, *, at: BlockTag = "latest") -> dict[str, str]:
        """Owner, registry, compliance and code: another one is another token. Raises ChainError."""
        return calls.Erc3643Reader(chain, self.address).watched(at=at)

    def executed(
        self, chain: Chain, order_ids: Sequence[int], *, at: BlockTag = "latest"
    ) -> Mapping[int, Execution]:
        """The contract cannot be asked: only the order's own transactions and the logs can tell."""
        return dict.fromkeys(order_ids, Execution.UNKNOWABLE)

    def obstacle(self, chain: Chain, order: OrderItem, deed: Deed) -> CallReverted | None:
        """What such a contract lets pass and we do not: a mint while paused, or to a frozen wallet.

        Raises ChainError.
        """
        if deed is not Deed.MINT:
            return None
        reader = calls.Erc3643Reader(chain, self.address)
        if reader.is_paused():
            return CallReverted("TokenPaused")
        return CallReverted("WalletFrozen") if reader.is_frozen(order.account) else None

    def cure(self, refusal: CallReverted) -> tuple[Cure, str]:
        """The contract gives its reasons as sentences; one that is not known waits for a person."""
        sentence = str(refusal.arguments[0]) if refusal.arguments else refusal.name
        return _REASONS.get(sentence, (Cure.WAIT, "chain_refused"))


@dataclass(slots=True)
class _Reading:
    """One pass over a token's logs."""

    redemption_wallet: str
    carried: Mapping[str, Carried]
    awaited: list[OrderItem]
    found: list[TokenEvent] = field(default_factory=list)
    explained: set[str] = field(default_factory=set)

    def take(self, log: Log) -> None:
        topic = log.topics[0] if log.topics else ""
        if topic == calls.TRANSFER:
            self._take_transfer(log)
        elif topic == calls.ADDRESS_FROZEN:
            self._take_freeze(log)
        elif topic in calls.RULE_CHANGES:
            self.found.append(RulesChanged(log, calls.RULE_CHANGES[topic]))
        else:
            self.found.append(OtherEvent(log, calls.OTHER_NAMES.get(topic, UNKNOWN_EVENT)))

    def _take_transfer(self, log: Log) -> None:
        sender, receiver = calls.account_of(log.topics[1]), calls.account_of(log.topics[2])
        amount = int.from_bytes(log.data[:_WORD])
        self.found.append(Transferred(log, sender, receiver, amount))
        if sender == calls.NOBODY:
            order = self._explain(log, Deed.MINT, amount, account=receiver)
            self.found.append(OrderMinted(log, _id(order), receiver, amount))
        elif receiver == calls.NOBODY:
            in_escrow = sender.lower() == self.redemption_wallet
            order = self._explain(log, Deed.BURN, amount) if in_escrow else None
            self.found.append(
                OrderBurned(log, _id(order), order.account if order else sender, amount)
            )
        elif sender.lower() == self.redemption_wallet:
            order = self._explain(log, Deed.RETURN, amount, account=receiver)
            if order is None:
                self.found.append(RulesChanged(log, "EscrowMoved"))
            self.found.append(RedeemCancelled(log, _id(order), receiver, amount))
        elif receiver.lower() == self.redemption_wallet:
            awaited = self._awaited(sender, amount)
            self.found.append(RedeemRequested(log, _id(awaited), sender, amount))

    def _take_freeze(self, log: Log) -> None:
        account, frozen = calls.account_of(log.topics[1]), bool(int(log.topics[2], 16))
        self.found.append(AddressFrozen(log, account, frozen=frozen))
        ours = self.carried.get(log.tx_hash)
        if ours is None or ours.deed is not Deed.REGISTER:
            return
        for entry in ours.holders:
            if entry.account.lower() == account.lower():
                written = (entry.country, entry.kyc_expiry)
                self.found.append(
                    HolderSet(log, account, *written, permitted=not frozen, protocol=False)
                )

    def _explain(self, log: Log, deed: Deed, amount: int, *, account: str = "") -> OrderItem | None:
        """The order our transaction carried, if this movement is exactly it and the first such."""
        ours = self.carried.get(log.tx_hash)
        if ours is None or ours.deed is not deed or log.tx_hash in self.explained:
            return None
        (order,) = ours.orders
        if order.amount != amount or (account and account.lower() != order.account.lower()):
            return None
        self.explained.add(log.tx_hash)
        return order

    def _awaited(self, account: str, amount: int) -> OrderItem | None:
        for order in self.awaited:
            if (order.account.lower(), order.amount) == (account.lower(), amount):
                self.awaited.remove(order)
                return order
        return None


def _id(order: OrderItem | None) -> int:
    return order.order_id if order else UNKNOWN_ORDER

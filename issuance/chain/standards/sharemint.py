"""EtfToken as the pipeline speaks to it: order ids consumed on chain, an attested cap, one register."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from issuance.chain import token as calls
from issuance.chain.errors import CallReverted
from issuance.chain.events import decode_event
from issuance.chain.standards.protocol import (
    UNKNOWN_EVENT,
    Carried,
    Cure,
    Deed,
    Execution,
    HolderStep,
)
from issuance.chain.types import (
    BlockTag,
    Chain,
    HolderEntry,
    HolderState,
    Log,
    OrderItem,
    OtherEvent,
    Reserves,
    TokenEvent,
)


@dataclass(frozen=True, slots=True)
class SharemintStandard:
    """Our own token contract at ``address``."""

    address: str

    exactly_once_on_chain = True
    has_attested_cap = True
    writes_register = True
    orders_per_transaction_max = calls.MINTS_PER_TRANSACTION_MAX

    def encode_mint(self, orders: Sequence[OrderItem]) -> bytes:
        """Mint each order once."""
        return calls.encode_mint_batch(orders)

    def encode_burn(self, orders: Sequence[OrderItem]) -> bytes:
        """Destroy what each holder escrowed under its order id."""
        return calls.encode_burn_batch(orders)

    def encode_return(self, order: OrderItem) -> bytes:
        """Give one holder's escrowed tokens back."""
        return calls.encode_cancel_redeem(order_id=order.order_id, holder=order.account)

    def encode_holders(self, holders: Sequence[HolderEntry]) -> bytes:
        """Write the standing of holders."""
        return calls.encode_set_holders(holders)

    def holder_step(self, order: OrderItem) -> HolderStep:
        """The holder puts its tokens in escrow inside the token, under the order's id."""
        data = calls.encode_request_redeem(order_id=order.order_id, amount=order.amount)
        return HolderStep("request_redeem", data)

    def events(
        self,
        logs: Sequence[Log],
        *,
        carried: Mapping[str, Carried],
        awaited: Sequence[OrderItem] = (),
    ) -> list[TokenEvent]:
        """The events behind the logs; each names its order by itself."""
        return [decode_event(log) or OtherEvent(log, UNKNOWN_EVENT) for log in logs]

    def reserves(self, chain: Chain, *, at: BlockTag = "latest") -> Reserves:
        """Supply, attested cap and its age limit. Raises ChainError."""
        return calls.TokenReader(chain, self.address).reserves(at=at)

    def holder(self, chain: Chain, account: str, *, at: BlockTag = "latest") -> HolderState:
        """One holder's balance and standing. Raises ChainError."""
        return calls.TokenReader(chain, self.address).holder(account, at=at)

    def watched(self, chain: Chain, *, at: BlockTag = "latest") -> dict[str, str]:
        """Nothing: its own events tell of every change."""
        return {}

    def executed(
        self, chain: Chain, order_ids: Sequence[int], *, at: BlockTag = "latest"
    ) -> Mapping[int, Execution]:
        """Which of these order ids were consumed; none is unknowable. Raises ChainError."""
        said = calls.TokenReader(chain, self.address).are_executed(order_ids, at=at)
        known = [Execution.YES if each else Execution.NO for each in said]
        return dict(zip(order_ids, known, strict=True))

    def obstacle(self, chain: Chain, order: OrderItem, deed: Deed) -> CallReverted | None:
        """None: the contract itself refuses, or skips, whatever may not happen."""
        return None

    def cure(self, refusal: CallReverted) -> tuple[Cure, str]:
        """A used id is asked by id, anything else waits: CapExceeded -> chain_cap_exceeded."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", refusal.name).lower()
        used = refusal.name == "OrderAlreadyExecuted"
        return Cure.ASK_BY_ID if used else Cure.WAIT, f"chain_{words}"

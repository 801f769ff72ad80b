"""From the token's raw logs to named events."""

from collections.abc import Callable

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from issuance.chain import contracts, roles
from issuance.chain.addresses import checksummed
from issuance.chain.token import PERMITTED, PROTOCOL
from issuance.chain.types import (
    AddressFrozen,
    Attested,
    CountryRestricted,
    HolderSet,
    Log,
    MintLimitSet,
    OrderBurned,
    OrderMinted,
    OrderRecovered,
    OrderRejected,
    OtherEvent,
    RedeemCancelled,
    RedeemRequested,
    RejectReason,
    RoleChanged,
    SplitScheduled,
    TokenEvent,
    TokensFrozen,
    Transferred,
)

_WORD = 32


def decode_event(log: Log) -> TokenEvent | None:
    """The event behind a log of EtfToken; None when the ABI does not know its topic.

    The caller has checked that ``log.address`` is the token's.
    """
    topic = log.topics[0] if log.topics else ""
    reader = _READERS.get(topic)
    if reader is not None:
        return reader(log)
    shape = contracts.events().get(topic)
    return None if shape is None else _other(log, shape)


def _other(log: Log, shape: contracts.EventShape) -> OtherEvent:
    """An event that nothing depends on, with its arguments as text."""
    words = [bytes.fromhex(topic[2:]) for topic in log.topics[1:]]
    values = [decode([kind], word)[0] for (_, kind), word in zip(shape.indexed, words, strict=True)]
    values += decode([kind for _, kind in shape.plain], log.data)
    names = [name for name, _ in (*shape.indexed, *shape.plain)]
    return OtherEvent(log, shape.name, dict(zip(names, map(_text, values), strict=True)))


def _text(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


def _account(topic: str) -> str:
    return checksummed(f"0x{topic[-40:]}")


def _word(log: Log, index: int) -> int:
    return int.from_bytes(log.data[index * _WORD : (index + 1) * _WORD])


def _order(log: Log) -> tuple[Log, int, str, int]:
    return log, int(log.topics[1], 16), _account(log.topics[2]), _word(log, 0)


def _rejected(log: Log) -> OrderRejected:
    _, order_id, account, reason = _order(log)
    return OrderRejected(log, order_id, account, RejectReason(reason))


def _transferred(log: Log) -> Transferred:
    return Transferred(log, _account(log.topics[1]), _account(log.topics[2]), _word(log, 0))


def _attested(log: Log) -> Attested:
    report_hash = f"0x{log.data[2 * _WORD : 3 * _WORD].hex()}"
    return Attested(log, _account(log.topics[1]), _word(log, 0), _word(log, 1), report_hash)


def _holder_set(log: Log) -> HolderSet:
    flags = _word(log, 2)
    return HolderSet(
        log=log,
        account=_account(log.topics[1]),
        country=_word(log, 0),
        kyc_expiry=_word(log, 1),
        permitted=bool(flags & PERMITTED),
        protocol=bool(flags & PROTOCOL),
    )


def _role(log: Log, *, granted: bool) -> RoleChanged:
    role = roles.NAMES.get(bytes.fromhex(log.topics[1][2:]), log.topics[1])
    return RoleChanged(log, role, _account(log.topics[2]), granted)


def _recovered(log: Log) -> OrderRecovered:
    return OrderRecovered(
        log=log,
        order_id=int(log.topics[1], 16),
        lost=_account(log.topics[2]),
        account=_account(log.topics[3]),
        amount=_word(log, 0),
        frozen_amount=_word(log, 1),
    )


def _split(log: Log) -> SplitScheduled:
    return SplitScheduled(log, _word(log, 0), _word(log, 1), _word(log, 2))


def _topic(signature: str) -> str:
    return f"0x{keccak(text=signature).hex()}"


_READERS: dict[str, Callable[[Log], TokenEvent]] = {
    _topic("OrderMinted(uint64,address,uint256)"): lambda log: OrderMinted(*_order(log)),
    _topic("OrderRejected(uint64,address,uint8)"): _rejected,
    _topic("RedeemRequested(uint64,address,uint256)"): lambda log: RedeemRequested(*_order(log)),
    _topic("OrderBurned(uint64,address,uint256)"): lambda log: OrderBurned(*_order(log)),
    _topic("RedeemCancelled(uint64,address,uint256)"): lambda log: RedeemCancelled(*_order(log)),
    _topic("Transfer(address,address,uint256)"): _transferred,
    _topic("Attested(address,uint256,uint40,bytes32)"): _attested,
    _topic("HolderSet(address,uint16,uint40,uint8)"): _holder_set,
    _topic("RoleGranted(bytes32,address,address)"): lambda log: _role(log, granted=True),
    _topic("RoleRevoked(bytes32,address,address)"): lambda log: _role(log, granted=False),
    _topic("OrderRecovered(uint64,address,address,uint256,uint256)"): _recovered,
    _topic("Frozen(address,uint256)"): lambda log: TokensFrozen(
        log, _account(log.topics[1]), _word(log, 0)
    ),
    _topic("AddressFrozen(address,bool,address)"): lambda log: AddressFrozen(
        log, _account(log.topics[1]), frozen=bool(int(log.topics[2], 16))
    ),
    _topic("CountryRestricted(uint16,bool)"): lambda log: CountryRestricted(
        log, int(log.topics[1], 16), restricted=bool(_word(log, 0))
    ),
    _topic("MintLimitSet(address,uint256)"): lambda log: MintLimitSet(
        log, _account(log.topics[1]), _word(log, 0)
    ),
    _topic("UIMultiplierUpdated(uint256,uint256,uint256)"): _split,
}

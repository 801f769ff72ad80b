"""What a call would move, read back from its own bytes: the signer trusts no caller's description.

Only the one encoding that our own encoder writes is read. ABI decoders accept others, overlapping
or padded ones, in which two readers could see different amounts; those are refused.
"""

from dataclasses import dataclass
from typing import Final

from eth_utils.abi import function_signature_to_4byte_selector

from issuance.chain.errors import SignerRefused

SELECTOR_BYTES: Final = 4
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Content:
    """How many rows a call carries and the raw token units of each row that names an amount."""

    items: int
    amounts: tuple[int, ...] = ()


NOTHING: Final = Content(0)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Widths in bits of the static columns of one row, and which of them is an amount of tokens."""

    bits: tuple[int, ...]
    amount: int | None = None


_ADDRESS: Final = 160
_ORDER: Final = _Shape((64, _ADDRESS, 96), amount=2)


def _selector(signature: str) -> bytes:
    return function_signature_to_4byte_selector(signature)


# One array of static rows.
_BATCHES: Final = {
    _selector("mintBatch((uint64,address,uint96)[])"): _ORDER,
    _selector("burnBatch((uint64,address,uint96)[])"): _ORDER,
    _selector("setHolders((address,uint16,uint40,uint8)[])"): _Shape((_ADDRESS, 16, 40, 8)),
}
# Two arrays of the same length.
_PAIRS: Final = {
    _selector("batchSetAddressFrozen(address[],bool[])"): (_ADDRESS, 1),
}
# Static arguments alone.
_SINGLES: Final = {
    _selector("burnOrder(uint64,address,uint96)"): _ORDER,
    _selector("forcedTransfer(address,address,uint256)"): _Shape((_ADDRESS, _ADDRESS, 256), 2),
    _selector("mint(address,uint256)"): _Shape((_ADDRESS, 256), 1),
    _selector("burn(address,uint256)"): _Shape((_ADDRESS, 256), 1),
}
_REQUEST_REDEEM_FOR: Final = _selector("requestRedeemFor(address,uint256,uint64,uint256,bytes)")


def read(data: bytes) -> Content:
    """What a permitted call moves; NOTHING for one that names no amount and no rows.

    Raises SignerRefused when a call of a known function is not in the one encoding.
    """
    selector, body = data[:SELECTOR_BYTES], data[SELECTOR_BYTES:]
    if selector in _BATCHES:
        return _batch(body, _BATCHES[selector])
    if selector in _PAIRS:
        return _pair(body, _PAIRS[selector])
    if selector in _SINGLES:
        return _rows(_words(body), _SINGLES[selector], count=1)
    if selector == _REQUEST_REDEEM_FOR:
        # The holder has signed for it; the contract checks. Its amount lies in a fixed place.
        return Content(1, (_words(body[: 2 * _WORD])[1],))
    return NOTHING


def _batch(body: bytes, shape: _Shape) -> Content:
    offset, count, *rest = _words(body, least=2)
    if offset != _WORD:
        raise SignerRefused("the calldata is encoded in an unusual way")
    return _rows(rest, shape, count=count)


def _pair(body: bytes, bits: tuple[int, int]) -> Content:
    first, second, count, *rest = _words(body, least=3)
    if first != 2 * _WORD or second != (3 + count) * _WORD or rest[count : count + 1] != [count]:
        raise SignerRefused("the calldata is encoded in an unusual way")
    _rows(rest[:count], _Shape((bits[0],)), count=count)
    return _rows(rest[count + 1 :], _Shape((bits[1],)), count=count)


def _rows(words: list[int], shape: _Shape, *, count: int) -> Content:
    width = len(shape.bits)
    if len(words) != width * count:
        raise SignerRefused("the calldata is longer or shorter than its rows")
    for column, bits in enumerate(shape.bits):
        if any(word >> bits for word in words[column::width]):
            raise SignerRefused("a value of the calldata is out of its range")
    amounts = () if shape.amount is None else tuple(words[shape.amount :: width])
    return Content(count, amounts)


def _words(body: bytes, *, least: int = 0) -> list[int]:
    if len(body) % _WORD or len(body) < least * _WORD:
        raise SignerRefused("the calldata is cut off")
    return [int.from_bytes(body[at : at + _WORD]) for at in range(0, len(body), _WORD)]

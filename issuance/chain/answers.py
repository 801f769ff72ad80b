"""From JSON as a node answers it to the values of this package; what does not fit is refused."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from issuance.chain.addresses import checksummed
from issuance.chain.errors import ChainAnswerInvalid, ChainError
from issuance.chain.types import Head, Log, Receipt

T = TypeVar("T")

_HEIGHT_MAX = 2**63 - 1
_LOG_INDEX_MAX = 2**31 - 1


class Receipts(Mapping[str, Receipt | None]):
    """Receipts by hash, None for one that is absent; an unknown one raises where it is looked up.

    ``get`` raises as well: unknown is no absence, whichever way one asks.
    """

    def __init__(self, found: Mapping[str, Receipt | ChainError | None]) -> None:
        self._found = found

    def __getitem__(self, tx_hash: str) -> Receipt | None:
        found = self._found[tx_hash]
        if isinstance(found, ChainError):
            raise found
        return found

    def __contains__(self, tx_hash: object) -> bool:
        return tx_hash in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def read(reader: Callable[[Any], T], answer: Any) -> T:  # noqa: ANN401 - what a node said
    """Turn a node's answer into a value. Raises ChainAnswerInvalid."""
    try:
        return reader(answer)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ChainAnswerInvalid(f"{reader.__name__}: {type(error).__name__}") from error


def number(value: str) -> int:
    """A quantity, as ``0x`` and hex."""
    return int(value, 16)


def raw_bytes(value: str) -> bytes:
    """Bytes, as ``0x`` and hex."""
    return bytes.fromhex(value.removeprefix("0x"))


def head(block: Mapping[str, Any]) -> Head:
    """A block's header. Raises ValueError for a height that no chain and no column has."""
    height = number(block["number"])
    if not 0 <= height <= _HEIGHT_MAX:
        raise ValueError("height")
    return Head(
        number=height,
        hash=block["hash"].lower(),
        parent_hash=block["parentHash"].lower(),
        timestamp=number(block["timestamp"]),
        base_fee=number(block.get("baseFeePerGas", "0x0")),
        gas_limit=number(block["gasLimit"]),
    )


def head_or_none(block: Mapping[str, Any] | None) -> Head | None:
    """A block's header, None where the node has no such block."""
    return None if block is None else head(block)


def logs(entries: Sequence[Mapping[str, Any]]) -> tuple[Log, ...]:
    """Logs in chain order."""
    found = [_log(entry) for entry in entries]
    return tuple(sorted(found, key=lambda log: (log.block_number, log.index)))


def receipt_or_none(answer: Any, tx_hash: str) -> Receipt | None:  # noqa: ANN401 - what a node said
    """A receipt, None where the node shows none. Raises ChainAnswerInvalid."""
    if answer is None or (isinstance(answer, dict) and answer.get("blockHash") is None):
        return None
    found = read(_receipt, answer)
    if found.tx_hash != tx_hash.lower():
        raise ChainAnswerInvalid("the receipt of another transaction")
    return found


def fee_history(answer: Mapping[str, Any]) -> tuple[int, list[int]]:
    """The next block's base fee, and the recent blocks' median tips. Raises ValueError below 0."""
    base_fee = number(answer["baseFeePerGas"][-1])
    tips = [number(row[0]) for row in answer.get("reward") or []]
    if min([base_fee, *tips]) < 0:
        raise ValueError("price")
    return base_fee, tips


def _log(entry: Mapping[str, Any]) -> Log:
    """Raises ValueError for a place in its block that no log and no column has."""
    index = number(entry["logIndex"])
    if not 0 <= index <= _LOG_INDEX_MAX:
        raise ValueError("index")
    return Log(
        address=checksummed(entry["address"]),
        topics=tuple([topic.lower() for topic in entry["topics"]]),
        data=raw_bytes(entry["data"]),
        block_number=number(entry["blockNumber"]),
        block_hash=entry["blockHash"].lower(),
        tx_hash=entry["transactionHash"].lower(),
        index=index,
        removed=bool(entry.get("removed", False)),
    )


def _receipt(answer: Mapping[str, Any]) -> Receipt:
    created = answer.get("contractAddress")
    return Receipt(
        tx_hash=answer["transactionHash"].lower(),
        block_number=number(answer["blockNumber"]),
        block_hash=answer["blockHash"].lower(),
        succeeded=number(answer["status"]) == 1,
        gas_used=number(answer["gasUsed"]),
        gas_price=number(answer.get("effectiveGasPrice", "0x0")),
        contract_address=checksummed(created) if created else None,
        logs=logs(answer["logs"]),
    )

"""One network over JSON-RPC: reads, simulation and broadcast; it reports and never decides."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from issuance.chain import fees as fee_arithmetic
from issuance.chain.errors import (
    ChainAnswerInvalid,
    ChainError,
    ChainMismatch,
    ChainUnreachable,
    RpcRefused,
)
from issuance.chain.rpc import RpcNode
from issuance.chain.types import (
    BlockTag,
    Fees,
    Head,
    Log,
    Receipt,
    SendAnswer,
    SendKind,
)

T = TypeVar("T")

_FEE_BLOCKS = 10
_FEE_PERCENTILE = 50

# How the clients in use word their refusals; the first hit wins, no hit is OTHER.
_SEND_WORDS: tuple[tuple[str, SendKind], ...] = (
    ("already known", SendKind.ALREADY_KNOWN),
    ("already imported", SendKind.ALREADY_KNOWN),
    ("alreadyknown", SendKind.ALREADY_KNOWN),
    ("known transaction", SendKind.ALREADY_KNOWN),
    ("nonce too low", SendKind.NONCE_TOO_LOW),
    ("nonce is too low", SendKind.NONCE_TOO_LOW),
    ("oldnonce", SendKind.NONCE_TOO_LOW),
    ("nonce too high", SendKind.NONCE_TOO_HIGH),
    ("nonce gap", SendKind.NONCE_TOO_HIGH),
    ("underpriced", SendKind.UNDERPRICED),
    ("fee too low", SendKind.UNDERPRICED),
    ("less than block base fee", SendKind.UNDERPRICED),
    ("insufficient funds", SendKind.INSUFFICIENT_FUNDS),
    ("exceeds block gas limit", SendKind.GAS_TOO_HIGH),
    ("gas_limit_cap", SendKind.GAS_TOO_HIGH),
    ("gas limit too high", SendKind.GAS_TOO_HIGH),
    ("intrinsic gas too low", SendKind.GAS_TOO_LOW),
    ("pool is full", SendKind.POOL_FULL),
    ("txpool is full", SendKind.POOL_FULL),
)


class ChainClient:
    """A network behind one or more nodes. The first node that answers is asked.

    Every method but ``send`` may raise ChainError, which means "unknown".
    """

    def __init__(
        self,
        network: str,
        rpc_urls: Sequence[str],
        chain_id: int,
        *,
        fee_policy: fee_arithmetic.FeePolicy | None = None,
    ) -> None:
        if not rpc_urls:
            raise ValueError(f"{network} has no node")
        self.network = network
        self.chain_id = chain_id
        self.fee_policy = fee_policy or fee_arithmetic.FeePolicy()
        self._nodes = [
            RpcNode(url, label=f"{network}[{index}]", chain_id=chain_id)
            for index, url in enumerate(rpc_urls)
        ]

    def __repr__(self) -> str:
        return f"ChainClient({self.network}, {self.chain_id}, {len(self._nodes)} nodes)"

    # --- blocks ------------------------------------------------------------------------------
    def head(self) -> Head:
        """The newest block the node has."""
        return self._head("latest")

    def finalized(self) -> Head:
        """The newest block the chain's own rules call final; nothing settles above it."""
        return self._head("finalized")

    def block(self, number: int) -> Head | None:
        """The block at a height on the node's fork, None above its head."""
        answer = self._ask("eth_getBlockByNumber", hex(number), False)  # noqa: FBT003 - the method's own
        return None if answer is None else _read(_head, answer)

    def block_hash(self, number: int) -> str | None:
        """The hash at a height on the node's fork, None above its head."""
        block = self.block(number)
        return None if block is None else block.hash

    # --- transactions ------------------------------------------------------------------------
    def nonce(self, address: str, *, at: BlockTag) -> int:
        """How many transactions the address has sent, seen at a block."""
        return _read(_int, self._ask("eth_getTransactionCount", address, _tag(at)))

    def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt on the node's fork; None means only that this node shows none now."""
        answer = self._ask("eth_getTransactionReceipt", tx_hash)
        if answer is None or (isinstance(answer, dict) and answer.get("blockHash") is None):
            return None
        receipt = _read(_receipt, answer)
        if receipt.tx_hash != tx_hash.lower():
            raise ChainAnswerInvalid("the receipt of another transaction")
        return receipt

    def knows(self, tx_hash: str) -> bool:
        """Whether the node holds the transaction, mined or waiting."""
        return self._ask("eth_getTransactionByHash", tx_hash) is not None

    def send(self, raw: bytes) -> SendAnswer:
        """Broadcast signed bytes. Never raises and never decides: the answer is a remark."""
        answer = SendAnswer(SendKind.UNREACHABLE)
        for node in self._nodes:
            answer = _send(node, raw)
            if answer.kind not in {SendKind.UNREACHABLE, SendKind.WRONG_CHAIN}:
                return answer
        return answer

    def fees(self) -> Fees:
        """What to offer now. Raises FeeCeilingReached."""
        percentiles = [_FEE_PERCENTILE]
        answer = self._ask("eth_feeHistory", hex(_FEE_BLOCKS), "latest", percentiles)
        base_fee, tips = _read(_fee_history, answer)
        return fee_arithmetic.price(base_fee=base_fee, tips=tips, policy=self.fee_policy)

    def bump(self, offered: Fees) -> Fees:
        """The next, dearer offer for the same nonce. Raises FeeCeilingReached."""
        return fee_arithmetic.bump(offered, policy=self.fee_policy)

    # --- state -------------------------------------------------------------------------------
    def simulate(self, *, sender: str, to: str | None, data: bytes) -> int:
        """The gas a call would use on the pending block. Raises CallReverted with the reason."""
        call = {"from": sender, "data": f"0x{data.hex()}"} | ({"to": to} if to else {})
        return _read(_int, self._ask("eth_estimateGas", call, "pending"))

    def call(self, *, to: str, data: bytes, at: BlockTag = "latest") -> bytes:
        """Run a view at a block. Raises CallReverted."""
        call = {"to": to, "data": f"0x{data.hex()}"}
        return _read(_bytes, self._ask("eth_call", call, _tag(at)))

    def logs(self, *, address: str, first: int, last: int) -> Sequence[Log]:
        """A contract's logs in the blocks ``first`` to ``last``, both included, in chain order."""
        query = {"address": address, "fromBlock": hex(first), "toBlock": hex(last)}
        logs = _read(_logs, self._ask("eth_getLogs", query))
        return sorted(logs, key=lambda log: (log.block_number, log.index))

    def balance(self, address: str, *, at: BlockTag = "latest") -> int:
        """Wei of the chain's own coin."""
        return _read(_int, self._ask("eth_getBalance", address, _tag(at)))

    def code(self, address: str) -> bytes:
        """The code at an address, empty when there is no contract."""
        return _read(_bytes, self._ask("eth_getCode", address, "latest"))

    def storage(self, address: str, slot: int) -> int:
        """One 32-byte word of a contract's storage."""
        return _read(_int, self._ask("eth_getStorageAt", address, hex(slot), "latest"))

    def _head(self, tag: str) -> Head:
        return _read(_head, self._ask("eth_getBlockByNumber", tag, False))  # noqa: FBT003 - as above

    def _ask(self, method: str, *parameters: object) -> Any:  # noqa: ANN401 - checked by _read
        """The first node that can be reached answers; a node of another chain stops the search."""
        unreachable: ChainError = ChainUnreachable(self.network)
        for node in self._nodes:
            try:
                return node.request(method, *parameters)
            except ChainUnreachable as error:
                unreachable = error
        raise unreachable


def _send(node: RpcNode, raw: bytes) -> SendAnswer:
    try:
        answer = node.request("eth_sendRawTransaction", f"0x{raw.hex()}")
    except ChainMismatch as error:
        return SendAnswer(SendKind.WRONG_CHAIN, str(error))
    except RpcRefused as error:
        words = error.message.lower()
        kinds = (kind for phrase, kind in _SEND_WORDS if phrase in words)
        return SendAnswer(next(kinds, SendKind.OTHER), str(error))
    except ChainUnreachable as error:
        return SendAnswer(SendKind.UNREACHABLE, str(error))
    except ChainError as error:
        return SendAnswer(SendKind.OTHER, str(error))
    expected = f"0x{keccak(raw).hex()}"
    if not isinstance(answer, str) or answer.lower() != expected:
        return SendAnswer(SendKind.OTHER, "the node named another hash")
    return SendAnswer(SendKind.ACCEPTED)


def _read(reader: Callable[[Any], T], answer: Any) -> T:  # noqa: ANN401 - what a node said
    """Turn a node's answer into a value. Raises ChainAnswerInvalid."""
    try:
        return reader(answer)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ChainAnswerInvalid(f"{reader.__name__}: {type(error).__name__}") from error


def _tag(at: BlockTag) -> str:
    return hex(at) if isinstance(at, int) else at


def _int(value: str) -> int:
    return int(value, 16)


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def _head(block: dict[str, Any]) -> Head:
    return Head(
        number=_int(block["number"]),
        hash=block["hash"].lower(),
        parent_hash=block["parentHash"].lower(),
        timestamp=_int(block["timestamp"]),
        base_fee=_int(block.get("baseFeePerGas", "0x0")),
        gas_limit=_int(block["gasLimit"]),
    )


def _log(entry: dict[str, Any]) -> Log:
    return Log(
        address=to_checksum_address(entry["address"]),
        topics=tuple(topic.lower() for topic in entry["topics"]),
        data=_bytes(entry["data"]),
        block_number=_int(entry["blockNumber"]),
        block_hash=entry["blockHash"].lower(),
        tx_hash=entry["transactionHash"].lower(),
        index=_int(entry["logIndex"]),
        removed=bool(entry.get("removed", False)),
    )


def _logs(entries: list[dict[str, Any]]) -> list[Log]:
    return [_log(entry) for entry in entries]


def _receipt(answer: dict[str, Any]) -> Receipt:
    created = answer.get("contractAddress")
    return Receipt(
        tx_hash=answer["transactionHash"].lower(),
        block_number=_int(answer["blockNumber"]),
        block_hash=answer["blockHash"].lower(),
        succeeded=_int(answer["status"]) == 1,
        gas_used=_int(answer["gasUsed"]),
        gas_price=_int(answer.get("effectiveGasPrice", "0x0")),
        contract_address=to_checksum_address(created) if created else None,
        logs=tuple(_logs(answer["logs"])),
    )


def _fee_history(answer: dict[str, Any]) -> tuple[int, list[int]]:
    """The next block's base fee, and the recent blocks' median tips."""
    return _int(answer["baseFeePerGas"][-1]), [_int(row[0]) for row in answer.get("reward") or []]

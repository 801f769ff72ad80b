"""One network over JSON-RPC: reads, simulation and broadcast; it reports and never decides."""

from collections.abc import Sequence
from typing import Any

from eth_utils.crypto import keccak

from issuance.chain import answers
from issuance.chain import fees as fee_arithmetic
from issuance.chain.answers import Receipts
from issuance.chain.errors import (
    ChainError,
    ChainMismatch,
    ChainUnreachable,
)
from issuance.chain.refusals import remark
from issuance.chain.rpc import Answer, Call, RpcNode
from issuance.chain.types import (
    BlockTag,
    Fees,
    Head,
    Log,
    Receipt,
    SendAnswer,
    SendKind,
)

_FEE_BLOCKS = 10
_FEE_PERCENTILE = 50


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
        return None if answer is None else answers.read(answers.head, answer)

    def block_hash(self, number: int) -> str | None:
        """The hash at a height on the node's fork, None above its head."""
        block = self.block(number)
        return None if block is None else block.hash

    # --- transactions ------------------------------------------------------------------------
    def nonce(self, address: str, *, at: BlockTag) -> int:
        """How many transactions the address has sent, seen at a block."""
        return answers.read(answers.number, self._ask("eth_getTransactionCount", address, _tag(at)))

    def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt on the node's fork; None means only that this node shows none now."""
        return self.receipts([tx_hash])[tx_hash]

    def receipts(self, tx_hashes: Sequence[str]) -> Receipts:
        """The receipts of many transactions; one that is unknown raises where it is looked up."""
        calls = [Call("eth_getTransactionReceipt", (tx_hash,)) for tx_hash in tx_hashes]
        found: dict[str, Receipt | ChainError | None] = {}
        for tx_hash, answer in zip(tx_hashes, self._ask_many(calls), strict=True):
            try:
                found[tx_hash] = answers.receipt_or_none(answer.read(), tx_hash)
            except ChainError as unknown:
                found[tx_hash] = unknown
        return Receipts(found)

    def knows(self, tx_hash: str) -> bool:
        """Whether the node holds the transaction, mined or waiting."""
        return self._ask("eth_getTransactionByHash", tx_hash) is not None

    def send(self, raw: bytes) -> SendAnswer:
        """Broadcast signed bytes. Never raises and never decides: the answer is a remark."""
        return self.send_many([raw])[0]

    def send_many(self, raws: Sequence[bytes]) -> list[SendAnswer]:
        """Broadcast many signed transactions in this order; one remark each, as of ``send``."""
        calls = [Call("eth_sendRawTransaction", (f"0x{raw.hex()}",)) for raw in raws]
        said = [Answer(error=ChainUnreachable(self.network))] * len(raws)
        for node in self._nodes:
            try:
                said = node.batch(calls)
            except ChainError as error:
                said = [Answer(error=error)] * len(raws)
            if not all(isinstance(each.error, ChainUnreachable | ChainMismatch) for each in said):
                break
        return [_remark(answer, raw) for answer, raw in zip(said, raws, strict=True)]

    def fees(self) -> Fees:
        """What to offer now. Raises FeeCeilingReached."""
        percentiles = [_FEE_PERCENTILE]
        answer = self._ask("eth_feeHistory", hex(_FEE_BLOCKS), "latest", percentiles)
        base_fee, tips = answers.read(answers.fee_history, answer)
        return fee_arithmetic.price(base_fee=base_fee, tips=tips, policy=self.fee_policy)

    def bump(self, offered: Fees) -> Fees:
        """The next, dearer offer for the same nonce. Raises FeeCeilingReached."""
        return fee_arithmetic.bump(offered, policy=self.fee_policy)

    # --- state -------------------------------------------------------------------------------
    def simulate(self, *, sender: str, to: str | None, data: bytes) -> int:
        """The gas a call would use on the pending block. Raises CallReverted with the reason."""
        call = {"from": sender, "data": f"0x{data.hex()}"} | ({"to": to} if to else {})
        return answers.read(answers.number, self._ask("eth_estimateGas", call, "pending"))

    def call(self, *, to: str, data: bytes, at: BlockTag = "latest") -> bytes:
        """Run a view at a block. Raises CallReverted."""
        call = {"to": to, "data": f"0x{data.hex()}"}
        return answers.read(answers.raw_bytes, self._ask("eth_call", call, _tag(at)))

    def logs(self, *, address: str, first: int, last: int) -> Sequence[Log]:
        """A contract's logs in the blocks ``first`` to ``last``, both included, in chain order."""
        query = {"address": address, "fromBlock": hex(first), "toBlock": hex(last)}
        return answers.read(answers.logs, self._ask("eth_getLogs", query))

    def balance(self, address: str, *, at: BlockTag = "latest") -> int:
        """Wei of the chain's own coin."""
        return answers.read(answers.number, self._ask("eth_getBalance", address, _tag(at)))

    def code(self, address: str) -> bytes:
        """The code at an address, empty when there is no contract."""
        return answers.read(answers.raw_bytes, self._ask("eth_getCode", address, "latest"))

    def storage(self, address: str, slot: int) -> int:
        """One 32-byte word of a contract's storage."""
        return answers.read(
            answers.number, self._ask("eth_getStorageAt", address, hex(slot), "latest")
        )

    def _head(self, tag: str) -> Head:
        return answers.read(answers.head, self._ask("eth_getBlockByNumber", tag, False))  # noqa: FBT003 - as above

    def _ask(self, method: str, *parameters: object) -> Any:  # noqa: ANN401 - checked by _read
        """The first node that can be reached answers; a node of another chain stops the search."""
        unreachable: ChainError = ChainUnreachable(self.network)
        for node in self._nodes:
            try:
                return node.request(method, *parameters)
            except ChainUnreachable as error:
                unreachable = error
        raise unreachable

    def _ask_many(self, calls: Sequence[Call]) -> list[Answer]:
        unreachable: ChainError = ChainUnreachable(self.network)
        for node in self._nodes:
            try:
                return node.batch(calls)
            except ChainUnreachable as error:
                unreachable = error
        raise unreachable


def _remark(answer: Answer, raw: bytes) -> SendAnswer:
    if answer.error is not None:
        return remark(answer.error)
    if not isinstance(answer.value, str) or answer.value.lower() != f"0x{keccak(raw).hex()}":
        return SendAnswer(SendKind.OTHER, "the node named another hash")
    return SendAnswer(SendKind.ACCEPTED)


def _tag(at: BlockTag) -> str:
    return hex(at) if isinstance(at, int) else at

"""One network over JSON-RPC: reads, simulation and broadcast; it reports and never decides."""

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from statistics import median_low
from typing import TypeVar

from eth_utils.crypto import keccak

from issuance.chain import answers
from issuance.chain import fees as fee_arithmetic
from issuance.chain.answers import Receipts
from issuance.chain.errors import ChainError, NoQuorum, RpcRefused
from issuance.chain.estimates import estimate, estimate_call, estimate_many
from issuance.chain.finality import FinalityPolicy, policy_of
from issuance.chain.heads import Heads, block_call
from issuance.chain.pool import NodePool, Reply
from issuance.chain.quorum import agreement, no_quorum
from issuance.chain.refusals import remark
from issuance.chain.rpc import Answer, Call
from issuance.chain.scores import NodeHealth
from issuance.chain.types import (
    BlockTag,
    Fees,
    Head,
    Log,
    Receipt,
    SendAnswer,
    SendKind,
)

T = TypeVar("T", bound=Hashable)

_FEE_BLOCKS = 10
_FEE_PERCENTILE = 50
# Somebody took the bytes; the other nodes get a moment to say so too.
_TAKEN = (SendKind.ACCEPTED, SendKind.ALREADY_KNOWN)
_NOT_REACHED = (SendKind.UNREACHABLE, SendKind.RATE_LIMITED, SendKind.WRONG_CHAIN)


class ChainClient:
    """A network behind one node, or behind several of which more than half must say the same.

    Every method but ``send`` and ``send_many`` may raise ChainError, which means "unknown".
    """

    def __init__(
        self,
        network: str,
        rpc_urls: Sequence[str],
        chain_id: int,
        *,
        fee_policy: fee_arithmetic.FeePolicy | None = None,
        finality: FinalityPolicy | None = None,
    ) -> None:
        if not rpc_urls:
            raise ValueError(f"{network} has no node")
        self.network = network
        self.chain_id = chain_id
        self.fee_policy = fee_policy or fee_arithmetic.FeePolicy()
        self.finality = finality or policy_of(chain_id)
        self._pool = NodePool(network, rpc_urls, chain_id)
        self._heads = Heads(self._pool)

    def __repr__(self) -> str:
        return f"ChainClient({self.network}, {self.chain_id}, {len(self._pool)} nodes)"

    def nodes(self) -> list[NodeHealth]:
        """How each node has done, as this process has found it; asks nobody."""
        return self._pool.health()

    # --- blocks ------------------------------------------------------------------------------
    def head(self) -> Head:
        """The newest block that the nodes agree on."""
        return self._heads.latest()

    def finalized(self) -> Head:
        """The newest block that counts as final here; nothing settles above it.

        Raises FinalityDisagreement when two nodes call different blocks final.
        """
        return self._heads.finalized(self.finality.depth)

    def block(self, number: int) -> Head | None:
        """The block at a height, None above the head."""
        settled = self._is_settled(number)
        calls = [block_call(number)]

        def seen(reply: Reply) -> Head | None:
            block = _first(reply, answers.head_or_none)
            return self._is_anchored(reply, block) if settled else block

        return self._agree(
            self._anchored(calls) if settled else calls, seen, what=f"block {number}"
        )

    def block_hash(self, number: int) -> str | None:
        """The hash at a height, None above the head."""
        block = self.block(number)
        return None if block is None else block.hash

    # --- transactions ------------------------------------------------------------------------
    def nonce(self, address: str, *, at: BlockTag) -> int:
        """How many transactions the address has sent, seen at a block."""
        return self._at(at, "eth_getTransactionCount", address, read=answers.number)

    def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt; None means that a quorum at the finalized block shows none now."""
        return self.receipts([tx_hash])[tx_hash]

    def receipts(self, tx_hashes: Sequence[str]) -> Receipts:
        """The receipts of many transactions; one that is unknown raises where it is looked up."""
        if not tx_hashes:
            return Receipts({})
        calls = [Call("eth_getTransactionReceipt", (tx_hash,)) for tx_hash in tx_hashes]
        if len(self._pool) == 1:
            said = self._pool.alone(calls)
            alone: dict[str, Receipt | ChainError | None] = {}
            for tx_hash, answer in zip(tx_hashes, said, strict=True):
                try:
                    alone[tx_hash] = answers.receipt_or_none(answer.read(), tx_hash)
                except ChainError as unknown:
                    alone[tx_hash] = unknown
            return Receipts(alone)
        return self._receipts(tx_hashes, calls)

    def knows(self, tx_hash: str) -> bool:
        """Whether the nodes hold the transaction, mined or waiting."""
        calls = [Call("eth_getTransactionByHash", (tx_hash,))]
        return self._agree(
            self._anchored(calls),
            lambda reply: self._is_anchored(reply, reply.answers[0].read() is not None),
            what="transaction",
        )

    def send(self, raw: bytes) -> SendAnswer:
        """Broadcast signed bytes. Never raises and never decides: the answer is a remark."""
        return self.send_many([raw])[0]

    def send_many(self, raws: Sequence[bytes]) -> list[SendAnswer]:
        """Broadcast many signed transactions, in this order, to every node at once.

        One remark each: the friendliest word a node had for it, with every node's in the detail.
        """
        if not raws:
            return []
        calls = [Call("eth_sendRawTransaction", (f"0x{raw.hex()}",)) for raw in raws]

        def taken(reply: Reply) -> bool:
            said = zip(reply.answers, raws, strict=True)
            return all(_remark(answer, raw).kind in _TAKEN for answer, raw in said)

        replies = self._pool.everyone(calls, enough=taken)
        return [
            _friendliest([(reply.label, _remark(reply.answers[place], raw)) for reply in replies])
            for place, raw in enumerate(raws)
        ]

    def fees(self) -> Fees:
        """What to offer now, by the nodes' median. Raises FeeCeilingReached."""
        call = Call("eth_feeHistory", (hex(_FEE_BLOCKS), "latest", [_FEE_PERCENTILE]))
        if len(self._pool) == 1:
            heard = [answers.read(answers.fee_history, self._pool.alone([call])[0].read())]
        else:
            heard = self._each_readable(call, answers.fee_history)
        base_fee = median_low(base for base, _ in heard)
        tips = [median_low(tips) for _, tips in heard if tips]
        return fee_arithmetic.price(
            base_fee=base_fee, tips=[median_low(tips)] if tips else [], policy=self.fee_policy
        )

    def bump(self, offered: Fees) -> Fees:
        """The next, dearer offer for the same nonce. Raises FeeCeilingReached."""
        return fee_arithmetic.bump(offered, policy=self.fee_policy)

    # --- state -------------------------------------------------------------------------------
    def simulate(self, *, sender: str, to: str | None, data: bytes) -> int:
        """The gas a call would use on the pending block. Raises CallReverted with the reason."""
        return estimate(self._pool, estimate_call(sender=sender, to=to, data=data))

    def simulate_many(self, *, sender: str, to: str, datas: Sequence[bytes]) -> list[int | None]:
        """``simulate`` for calls that are to follow each other, in one request.

        None where the nodes give no estimate: simulate that one alone, and hear why.
        """
        return estimate_many(self._pool, sender=sender, to=to, datas=datas) if datas else []

    def call(self, *, to: str, data: bytes, at: BlockTag = "latest") -> bytes:
        """Run a view at a block. Raises CallReverted."""
        call = {"to": to, "data": f"0x{data.hex()}"}
        return self._at(at, "eth_call", call, read=answers.raw_bytes)

    def call_many(
        self, *, to: str, datas: Sequence[bytes], at: BlockTag = "latest"
    ) -> Sequence[bytes]:
        """Run several views of one contract in one request, at one block of one fork."""
        asked = [({"to": to, "data": f"0x{data.hex()}"},) for data in datas]
        return self._all_at(at, "eth_call", asked, read=answers.raw_bytes)

    def logs(self, *, address: str, first: int, last: int) -> Sequence[Log]:
        """A contract's logs in the blocks ``first`` to ``last``, both included, in chain order."""
        query = {"address": address, "fromBlock": hex(first), "toBlock": hex(last)}
        try:
            return self._at(last, "eth_getLogs", query, read=answers.logs, tagged=False)
        except RpcRefused:
            # Too many for the node's taste: gateways count logs or blocks, each in its own way.
            if first == last:
                raise
        middle = (first + last) // 2
        return (
            *self.logs(address=address, first=first, last=middle),
            *self.logs(address=address, first=middle + 1, last=last),
        )

    def balance(self, address: str, *, at: BlockTag = "latest") -> int:
        """Wei of the chain's own coin."""
        return self._at(at, "eth_getBalance", address, read=answers.number)

    def code(self, address: str) -> bytes:
        """The code at an address, empty when there is no contract."""
        return self._at("latest", "eth_getCode", address, read=answers.raw_bytes)

    def storage(self, address: str, slot: int) -> int:
        """One 32-byte word of a contract's storage."""
        return self._at("latest", "eth_getStorageAt", address, hex(slot), read=answers.number)

    # --- agreement ---------------------------------------------------------------------------
    def _at(
        self,
        at: BlockTag,
        method: str,
        *parameters: object,
        read: Callable[..., T],
        tagged: bool = True,
    ) -> T:
        """Read state at a block, by number and hash, so that two reads see one fork."""
        return self._all_at(at, method, [parameters], read=read, tagged=tagged)[0]

    def _all_at(
        self,
        at: BlockTag,
        method: str,
        asked: Sequence[tuple[object, ...]],
        *,
        read: Callable[..., T],
        tagged: bool = True,
    ) -> tuple[T, ...]:
        """As ``_at``, for one method with several parameters: one request to each node."""
        if len(self._pool) == 1 or at == "pending":
            tag: object = hex(at) if isinstance(at, int) else at
            calls = [Call(method, (*each, tag) if tagged else each) for each in asked]
            return self._agree(calls, lambda reply: _values(reply, len(calls), read), what=method)
        number = self._number(at)
        pinned = self._heads.pinned(number)
        calls = [Call(method, (*each, hex(number)) if tagged else each) for each in asked]
        # The anchor's own height is pinned already.
        settled = isinstance(at, int) and self._is_settled(number + 1)

        def seen(reply: Reply) -> tuple[str, tuple[T, ...]]:
            block = answers.read(answers.head, reply.answers[len(calls)].read())
            if pinned is not None and block.hash != pinned:
                raise NoQuorum(f"{reply.label} stands on another fork")
            said = block.hash, _values(reply, len(calls), read)
            return self._is_anchored(reply, said) if settled else said

        whole = [*calls, block_call(number)]
        return self._agree(self._anchored(whole) if settled else whole, seen, what=method)[1]

    def _number(self, at: BlockTag) -> int:
        if isinstance(at, int):
            return at
        head = self.finalized() if at == "finalized" else self.head()
        return head.number

    def _agree(self, calls: Sequence[Call], read: Callable[[Reply], T], *, what: str) -> T:
        """What a quorum says. Raises the contract's refusal, NoQuorum, or the nodes' error."""
        if len(self._pool) == 1:
            return read(Reply(self.network, self._pool.alone(calls)))
        found, replies = self._pool.each(
            calls, decide=lambda said: agreement(said, read=read, need=self._pool.quorum)
        )
        if found is None:
            raise no_quorum(what, replies, self._pool.quorum)
        return found.read()

    def _each_readable(self, call: Call, read: Callable[..., T]) -> list[T]:
        """What each node says where no two need say the same. Raises below a quorum."""

        def readable(replies: list[Reply]) -> list[T] | None:
            found = []
            for reply in replies:
                try:
                    found.append(_first(reply, read))
                except ChainError:
                    continue
            return found if len(found) >= self._pool.quorum else None

        found, replies = self._pool.each([call], decide=readable, patient=True)
        if found is None:
            raise no_quorum(call.method, replies, self._pool.quorum)
        return found

    def _anchored(self, calls: Sequence[Call]) -> list[Call]:
        if len(self._pool) == 1:
            return list(calls)
        return [*calls, block_call(self._heads.anchor().number)]

    def _is_settled(self, number: int) -> bool:
        """Whether only a node that has our finalized block may speak of a height."""
        return len(self._pool) > 1 and number <= self._heads.anchor().number

    def _is_anchored(self, reply: Reply, value: T) -> T:
        """Only a node that has our finalized block may say what is absent, or lies below it."""
        if len(self._pool) == 1:
            return value
        block = answers.read(answers.head, reply.answers[-1].read())
        if block.hash != self._heads.anchor().hash:
            raise NoQuorum(f"{reply.label} has another finalized block")
        return value

    def _receipts(self, tx_hashes: Sequence[str], calls: Sequence[Call]) -> Receipts:
        found: dict[str, Receipt | ChainError | None] = {}
        places = dict(enumerate(tx_hashes))
        need = self._pool.quorum

        def decide(replies: list[Reply]) -> bool | None:
            for place, tx_hash in list(places.items()):
                read = partial(self._receipt_in, place=place, tx_hash=tx_hash)
                agreed = agreement(replies, read=read, need=need)
                if agreed is not None:
                    found[tx_hash] = agreed.read()
                    del places[place]
            return True if not places else None

        _, replies = self._pool.each(self._anchored(calls), decide=decide)
        for tx_hash in places.values():
            found[tx_hash] = no_quorum("receipt", replies, need)
        return Receipts(found)

    def _receipt_in(self, reply: Reply, *, place: int, tx_hash: str) -> Receipt | None:
        receipt = answers.receipt_or_none(reply.answers[place].read(), tx_hash)
        if receipt is not None and not self._is_settled(receipt.block_number):
            return receipt
        # A node stuck on a dead fork and one liar would make a quorum for what never came to be.
        return self._is_anchored(reply, receipt)


def _values(reply: Reply, count: int, read: Callable[..., T]) -> tuple[T, ...]:
    return tuple(answers.read(read, each.read()) for each in reply.answers[:count])


def _first(reply: Reply, read: Callable[..., T]) -> T:
    return answers.read(read, reply.answers[0].read())


def _remark(answer: Answer, raw: bytes) -> SendAnswer:
    if answer.error is not None:
        return remark(answer.error)
    if not isinstance(answer.value, str) or answer.value.lower() != f"0x{keccak(raw).hex()}":
        return SendAnswer(SendKind.OTHER, "the node named another hash")
    return SendAnswer(SendKind.ACCEPTED)


def _friendliest(said: Sequence[tuple[str, SendAnswer]]) -> SendAnswer:
    """One remark out of every node's; a node that was not reached has the least to say."""
    if len(said) == 1:
        return said[0][1]

    def order(kind: SendKind) -> int:
        return _TAKEN.index(kind) if kind in _TAKEN else 3 if kind in _NOT_REACHED else 2

    best = min((answer for _, answer in said), key=lambda answer: order(answer.kind))
    detail = "; ".join(
        f"{label} {answer.kind}" for label, answer in sorted(said, key=lambda each: each[0])
    )
    return SendAnswer(best.kind, f"{detail} ({best.detail})" if best.detail else detail)

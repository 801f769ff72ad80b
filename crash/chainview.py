"""What the checker sees of the chain: its canonical blocks as they stand, straight from the node."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import decode

from config.devstack import rpc
from crash.facts import CONTROL_MINTED, ORDER_BURNED, ORDER_MINTED, selector

_MINT_BATCH = selector("mintBatch((uint64,address,uint96)[])")
_TOTAL_SUPPLY = selector("totalSupply()")
_ORDERS = ["(uint64,address,uint96)[]"]
# A look ends at the first block it knows; a checker that was starved must miss none.
_LOOK_BACK = 5_000


@dataclass(frozen=True, slots=True)
class Moved:
    """A mint or a burn under an order id."""

    order_id: int
    account: str
    amount: int
    is_mint: bool
    tx_hash: str
    block: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A mined call of one of our keys to the token, and the order ids a mint carried."""

    tx_hash: str
    order_ids: tuple[int, ...]


@dataclass(slots=True)
class Block:
    """One block as the checker read it."""

    number: int
    hash: str
    supply: int
    moved: list[Moved] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


class ChainView:
    """The canonical chain by number, brought up to date on every look."""

    def __init__(self, url: str, *, token: str, keys: list[str]) -> None:
        self._url = url
        self._token = token
        self._keys = {key.lower() for key in keys}
        self.blocks: dict[int, Block] = {}
        self.moved_by_id: dict[int, list[Moved]] = defaultdict(list)
        self.sent_by_id: dict[int, list[Sent]] = defaultdict(list)

    def look(self) -> list[Block]:
        """Read what is new or has changed; returns those blocks. Raises RpcError when it moves."""
        head = int(self._ask("eth_blockNumber"), 16)
        for number in [each for each in self.blocks if each > head]:
            self._forget(number)
        fresh = []
        for number in range(head, max(head - _LOOK_BACK, -1), -1):
            answer = self._ask("eth_getBlockByNumber", hex(number), True)  # noqa: FBT003 - the method's own
            known = self.blocks.get(number)
            if answer is None:
                continue
            if known is not None and known.hash == answer["hash"]:
                break
            fresh.append(self._read(answer))
        for block in fresh:
            self._forget(block.number)
            self._keep(block)
        return fresh

    def finalized(self) -> int:
        """The newest final block's number."""
        block = self._ask("eth_getBlockByNumber", "finalized", False)  # noqa: FBT003 - as above
        return int(block["number"], 16)

    def nonce(self, address: str) -> int:
        """How many transactions the address has on chain."""
        return int(self._ask("eth_getTransactionCount", address, "latest"), 16)

    def supply(self) -> int:
        """Raw units in existence now."""
        return int(self._ask("eth_call", self._supply_call(), "latest"), 16)

    def all_moved(self) -> list[Moved]:
        """Every mint and burn from the first block on, asked afresh."""
        query = {"address": self._token, "fromBlock": "0x0", "toBlock": "latest"}
        return _moved(self._ask("eth_getLogs", query))

    def control_doubles(self, control: str) -> int:
        """How many mints the control token has above one for each order."""
        query = {
            "address": control,
            "fromBlock": "0x0",
            "toBlock": "latest",
            "topics": [CONTROL_MINTED],
        }
        counts: dict[int, int] = defaultdict(int)
        for log in self._ask("eth_getLogs", query):
            counts[int(log["topics"][1], 16)] += 1
        return sum(count - 1 for count in counts.values())

    def describe(self, tx_hash: str) -> str:
        """Who sent a transaction with which nonce and call, for whoever must find out why."""
        found = self._ask("eth_getTransactionByHash", tx_hash) or {}
        call = str(found.get("input", ""))[:10]
        return f"{found.get('from')} nonce {found.get('nonce')} block {found.get('blockNumber')} {call}"

    def _read(self, answer: dict[str, Any]) -> Block:
        pinned = {"blockHash": answer["hash"]}
        supply = _number(self._ask("eth_call", self._supply_call(), pinned))
        logs = self._ask("eth_getLogs", {"address": self._token, **pinned})
        sent = [
            Sent(each["hash"], _order_ids(each["input"]))
            for each in answer["transactions"]
            if each["from"].lower() in self._keys and (each["to"] or "").lower() == self._token
        ]
        return Block(int(answer["number"], 16), answer["hash"], supply, _moved(logs), sent)

    def _keep(self, block: Block) -> None:
        self.blocks[block.number] = block
        for each in block.moved:
            self.moved_by_id[each.order_id].append(each)
        for sent in block.sent:
            for order_id in sent.order_ids:
                self.sent_by_id[order_id].append(sent)

    def _forget(self, number: int) -> None:
        gone = self.blocks.pop(number, None)
        if gone is None:
            return
        for each in gone.moved:
            self.moved_by_id[each.order_id].remove(each)
        for sent in gone.sent:
            for order_id in sent.order_ids:
                self.sent_by_id[order_id].remove(sent)

    def _supply_call(self) -> dict[str, str]:
        return {"to": self._token, "data": _TOTAL_SUPPLY}

    def _ask(self, method: str, *parameters: object) -> Any:  # noqa: ANN401 - as the node answers
        return rpc.call(self._url, method, *parameters)


def _number(word: str) -> int:
    """A view's answer; before the token existed it is empty."""
    return int(word, 16) if word != "0x" else 0


def _moved(logs: list[dict[str, Any]]) -> list[Moved]:
    return [
        Moved(
            order_id=int(log["topics"][1], 16),
            account=f"0x{log['topics'][2][-40:]}",
            amount=int(log["data"][2:66], 16),
            is_mint=log["topics"][0] == ORDER_MINTED,
            tx_hash=log["transactionHash"],
            block=int(log["blockNumber"], 16),
        )
        for log in logs
        if log["topics"][0] in (ORDER_MINTED, ORDER_BURNED)
    ]


def _order_ids(data: str) -> tuple[int, ...]:
    if not data.startswith(_MINT_BATCH):
        return ()
    (rows,) = decode(_ORDERS, bytes.fromhex(data[len(_MINT_BATCH) :]))
    return tuple(row[0] for row in rows)

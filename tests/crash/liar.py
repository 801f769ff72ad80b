"""A chain that answers truly until it is told to lie, for tests that need no proxy."""

from collections.abc import Mapping, Sequence

from issuance.chain import types as chain
from issuance.chain.errors import ChainUnreachable


class Liar:
    """Hands every question to the node, but the next few answers of a kind may be false."""

    def __init__(self, node: chain.Chain) -> None:
        self._node = node
        self.lies: dict[str, int] = {}

    def __getattr__(self, name: str):
        if self._lies("outage"):
            raise ChainUnreachable(name)
        return getattr(self._node, name)

    def finalized(self) -> chain.Head:
        """The truth, or a finality that stands still."""
        true = self._node.finalized()
        if self._lies("stall"):
            return self._node.block(max(true.number - 3, 0)) or true
        return true

    def nonce(self, address: str, *, at: chain.BlockTag) -> int:
        """The truth, or what a lagging node says."""
        true = self._node.nonce(address, at=at)
        return max(true - 2, 0) if self._lies("lag") else true

    def receipt(self, tx_hash: str) -> chain.Receipt | None:
        """The truth, or none."""
        return None if self._lies("no_receipt") else self._node.receipt(tx_hash)

    def receipts(self, tx_hashes: Sequence[str]) -> Mapping[str, chain.Receipt | None]:
        """The truth, or none of them."""
        if self._lies("no_receipt"):
            return dict.fromkeys(tx_hashes)
        return self._node.receipts(tx_hashes)

    def send(self, raw: bytes) -> chain.SendAnswer:
        """Delivered and denied, or not delivered and affirmed."""
        if self._lies("swallow"):
            return chain.SendAnswer(chain.SendKind.ACCEPTED)
        answer = self._node.send(raw)
        if self._lies("deny"):
            return chain.SendAnswer(chain.SendKind.NONCE_TOO_LOW, "nonce too low")
        return answer

    def send_many(self, raws: Sequence[bytes]) -> Sequence[chain.SendAnswer]:
        """Each as if sent alone."""
        return [self.send(raw) for raw in raws]

    def _lies(self, kind: str) -> bool:
        left: int = self.__dict__.get("lies", {}).get(kind, 0)
        if left:
            self.lies[kind] = left - 1
        return left > 0


KINDS = ("outage", "stall", "lag", "no_receipt", "swallow", "deny")

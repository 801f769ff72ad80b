"""Contracts that are created once: bytes on disk before they are sent, followed until they are final."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from eth_utils.crypto import keccak

from issuance.chain.client import ChainClient
from issuance.chain.durable import exclusive, read_object, replace_object
from issuance.chain.errors import (
    AddressBookDiffers,
    CallReverted,
    ChainError,
    CreationDied,
    CreationNotFinal,
    CreationPending,
    GasAccountEmpty,
)
from issuance.chain.types import Receipt, Signer, UnsignedCall

FINALITY_SECONDS: Final = 3_600
_GAS_MARGIN_PERCENT = 20
_MINED_SECONDS_MAX = 180
_AGAIN_SECONDS = 5
_POLL_SECONDS_MIN, _POLL_SECONDS_MAX = 0.05, 5.0
# Nonce used up by nobody of ours at two looks in a row.
_LOOKS_OF_DEATH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """One contract's creation as it was signed. ``digest`` is the hash of its init code."""

    digest: str
    sender: str
    nonce: int
    tx_hash: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was last seen of a creation that is not final: its block, None in none, and finality."""

    tx_hash: str
    block: int | None
    finalized: int | None
    note: str = ""

    def __str__(self) -> str:
        where = self.note or ("in no block" if self.block is None else f"in block {self.block}")
        final = "unknown" if self.finalized is None else str(self.finalized)
        return f"{self.tx_hash} {where}; newest final block {final}"


def _say_nothing(_: Look) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for finality, and who is told whenever something new was seen meanwhile."""

    seconds: float = FINALITY_SECONDS
    tell: Callable[[Look], object] = _say_nothing


class Creations:
    """What one undertaking has begun to create on one chain, in a file beside the keys.

    A second run finds its contracts here instead of making others. Who signs may sign the same call
    differently the next time, so the bytes themselves are kept.
    """

    def __init__(self, directory: Path, *, chain_id: int, undertaking: str) -> None:
        self._path = directory / f"{chain_id}.json"
        self._undertaking = undertaking

    @contextmanager
    def turn(self) -> Iterator[None]:
        """From the choice of a nonce until it is sent: two commands at once would take the same."""
        with exclusive(self._path.with_name(f"{self._path.stem}-turn.json")):
            yield

    def all(self) -> list[Creation]:
        """What was begun and is not known to be final, in the order of the nonces.

        Raises AddressBookDiffers when the file cannot be understood.
        """
        return _creations(self._read().get(self._undertaking, []))

    def find(self, *, digest: str, sender: str) -> Creation | None:
        """The creation of this code by this sender, if it was begun."""
        found = [each for each in self.all() if (each.digest, each.sender) == (digest, sender)]
        return found[0] if found else None

    def keep(self, creation: Creation) -> None:
        """Remember a creation; on disk before anything is sent."""
        self._change(lambda known: [*known, creation])

    def drop(self, tx_hash: str) -> None:
        """Forget one that can never happen."""
        self._change(lambda known: [each for each in known if each.tx_hash != tx_hash])

    def clear(self) -> None:
        """Forget all of this undertaking: it has come to its end."""
        if self.all():
            self._change(lambda _: [])

    def _change(self, change: Callable[[list[Creation]], list[Creation]]) -> None:
        with exclusive(self._path):
            document = self._read()
            rows = change(_creations(document.pop(self._undertaking, [])))
            if rows:
                document[self._undertaking] = [asdict(each) for each in rows]
            replace_object(self._path, document)

    def _read(self) -> dict[str, Any]:
        try:
            return read_object(self._path)
        except ValueError as error:
            raise AddressBookDiffers(f"{self._path.name} of creations is {error}") from error


def create(
    *, client: ChainClient, signer: Signer, code: bytes, begun: Creations | None = None
) -> Receipt:
    """Create a contract and wait for a block that has it; one that was begun is taken up.

    Raises CreationPending when no block has it in time: the next run waits for the same bytes.
    CallReverted, CreationDied, GasAccountEmpty or another ChainError otherwise.
    """
    digest = f"0x{keccak(code).hex()}"
    known = begun.find(digest=digest, sender=signer.address) if begun else None
    if known is not None:
        with suppress(CreationDied):
            return _mined(client, known, begun)
    with begun.turn() if begun else nullcontext():
        fresh = _sign(client, signer, code, digest)
        if begun is not None:
            begun.keep(fresh)
        client.send(bytes.fromhex(fresh.raw[2:]))
    return _mined(client, fresh, begun)


def await_mined(client: ChainClient, creation: Creation) -> Receipt:
    """Send a creation, again and again, until a block has it; what cannot be asked is asked again.

    Raises CreationPending, or CreationDied once something else has used up its nonce for good.
    """
    until = time.monotonic() + _MINED_SECONDS_MAX
    send_at, deaths, note = 0.0, 0, ""
    while True:
        try:
            receipt = client.receipt(creation.tx_hash)
            if receipt is not None:
                return receipt
        except ChainError as unknown:
            note = f"{unknown.code}: {unknown}"
        if time.monotonic() >= until:
            raise CreationPending(f"{creation.tx_hash} is in no block: {note}")
        if time.monotonic() >= send_at:
            deaths = deaths + 1 if send_at and _is_gone(client, creation) else 0
            if deaths >= _LOOKS_OF_DEATH:
                raise CreationDied(f"nonce {creation.nonce} of {creation.sender} was used up")
            answer = client.send(bytes.fromhex(creation.raw[2:]))
            note = f"{answer.kind} {answer.detail}"
            send_at = time.monotonic() + _AGAIN_SECONDS
        time.sleep(_POLL_SECONDS_MIN)


def _mined(client: ChainClient, creation: Creation, begun: Creations | None) -> Receipt:
    """The receipt of a creation that has made its contract; one that cannot is forgotten."""
    try:
        receipt = await_mined(client, creation)
    except CreationDied:
        _forget(creation, begun)
        raise
    if not receipt.succeeded or receipt.contract_address is None:
        _forget(creation, begun)
        raise CallReverted("CreationFailed", (creation.tx_hash,))
    return receipt


def _forget(creation: Creation, begun: Creations | None) -> None:
    if begun is not None:
        begun.drop(creation.tx_hash)


def await_final(
    *, client: ChainClient, tx_hash: str, begun: Creations, patience: Patience
) -> Receipt:
    """Wait until a creation is final, sending again what a reorganisation drops; its final receipt.

    Raises CreationNotFinal when patience ends, CreationDied when it can never become final.
    """
    until = time.monotonic() + patience.seconds
    told, pause, again_at, deaths = "", _POLL_SECONDS_MIN, 0.0, 0
    while True:
        look, receipt = _look(client, tx_hash)
        if receipt is not None:
            if not receipt.succeeded:
                raise CreationDied(f"{tx_hash} reverted in final block {receipt.block_number}")
            return receipt
        if str(look) != told:
            told = str(look)
            patience.tell(look)
        if time.monotonic() >= until:
            raise CreationNotFinal(f"{look}, after {patience.seconds:g} s")
        if look.block is None and time.monotonic() >= again_at:
            deaths = deaths + 1 if _send_again(client, tx_hash, begun) else 0
            if deaths >= _LOOKS_OF_DEATH:
                raise CreationDied(f"the nonce of {tx_hash} was used up by another transaction")
            again_at = time.monotonic() + _AGAIN_SECONDS
        time.sleep(max(0.0, min(pause, until - time.monotonic())))
        pause = min(pause * 1.5, _POLL_SECONDS_MAX)


def _look(client: ChainClient, tx_hash: str) -> tuple[Look, Receipt | None]:
    """One look, with the receipt when it is final."""
    try:
        return _look_once(client, tx_hash)
    except ChainError as unknown:
        note = f"unknown ({unknown.code}: {unknown})"
        return Look(tx_hash=tx_hash, block=None, finalized=None, note=note), None


def _look_once(client: ChainClient, tx_hash: str) -> tuple[Look, Receipt | None]:
    # First, so that a receipt is never judged by a newer finality than its own.
    final = client.finalized().number
    receipt = client.receipt(tx_hash)
    if receipt is None:
        return Look(tx_hash=tx_hash, block=None, finalized=final), None
    look = Look(tx_hash=tx_hash, block=receipt.block_number, finalized=final)
    if receipt.block_number > final:
        return look, None
    stands = client.block_hash(receipt.block_number) == receipt.block_hash
    return look, receipt if stands else None


def _send_again(client: ChainClient, tx_hash: str, begun: Creations) -> bool:
    """Send all that was begun; whether the creation itself seems to be gone for good."""
    known = begun.all()
    client.send_many([bytes.fromhex(each.raw[2:]) for each in known])
    return any(each.tx_hash == tx_hash and _is_gone(client, each) for each in known)


def _is_gone(client: ChainClient, creation: Creation) -> bool:
    """Whether its nonce is used up at finality, no block has it and no node holds it."""
    try:
        if client.nonce(creation.sender, at="finalized") <= creation.nonce:
            return False
        return client.receipt(creation.tx_hash) is None and not client.knows(creation.tx_hash)
    except ChainError:
        return False


def _sign(client: ChainClient, signer: Signer, code: bytes, digest: str) -> Creation:
    gas = client.simulate(sender=signer.address, to=None, data=code)
    unsigned = UnsignedCall(
        chain_id=client.chain_id,
        nonce=client.nonce(signer.address, at="pending"),
        to=None,
        data=code,
        gas=gas * (100 + _GAS_MARGIN_PERCENT) // 100,
        fees=client.fees(),
    )
    if client.balance(signer.address) < unsigned.gas * unsigned.fees.max_fee:
        raise GasAccountEmpty(f"{signer.address} needs {unsigned.gas * unsigned.fees.max_fee} wei")
    signed = signer.sign(unsigned)
    return Creation(
        digest=digest,
        sender=signer.address,
        nonce=unsigned.nonce,
        tx_hash=signed.hash,
        raw=f"0x{signed.raw.hex()}",
    )


def _creations(rows: list[dict[str, Any]]) -> list[Creation]:
    try:
        return sorted((Creation(**row) for row in rows), key=lambda each: each.nonce)
    except TypeError as error:
        raise AddressBookDiffers("the file of creations has a broken entry") from error

"""What happens to the chain: blocks, pauses, reorganisations, lost transactions, used-up nonces."""

import contextlib
import fcntl
import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from config.devstack import rpc
from config.devstack.anvil import Anvil
from core.units import format_quantity
from crash.facts import FINALITY_BLOCKS, selector
from issuance import services
from issuance.chain import roles
from issuance.chain.deploy import MINT_LIMIT_UNITS
from issuance.chain.errors import ChainError
from issuance.chain.signing import sign_with
from issuance.chain.token import (
    encode_grant_role,
    encode_mint_batch,
    encode_pause,
    encode_unpause,
)
from issuance.chain.types import Fees, OrderItem, UnsignedCall
from issuance.chain.wallets import Wallet as Key
from issuance.models import Order
from issuance.states import OrderType
from tests.issuance.stage import TEST, Stage, secret

GWEI = 10**9
SPIKE_WEI = 30 * GWEI
# Above every bump, so that the thief's transaction is the one that is mined.
THIEF_FEES = Fees(max_fee=490 * GWEI, tip=45 * GWEI)
GHOST_GAS = 300_000
PAUSE_MINT = 1
WISHES_MAX = 5
# As chains do it: most are shallow and most transactions come back. Were none to, nothing would end.
DEPTHS = [1, 1, 1, 1, 1, 2, 2, 3, FINALITY_BLOCKS]
SHAPES = ["again", "again", "again", "again", "shuffled", "some", "drop"]
GATE_TRIES = 40
GATE_NAP = 0.005


@dataclass
class ChainChaos:
    """The one who mines, and everything that he does besides."""

    stage: Stage
    folder: Path
    forget_prices: Callable[[], None]
    dice: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    paused_until: float = 0.0
    wishes: deque[str] = field(default_factory=deque)

    @property
    def anvil(self) -> Anvil:
        return self.stage.anvil

    def prepare(self) -> None:
        """A second issuer, whose mints stand for those of a primary whose commits were lost."""
        self.ghost = Key(secret("ghost"))
        admin = Key(secret("DEPLOYER"))
        self.anvil.set_balance(self.ghost.address, 10**21)
        now = timezone.now()
        services.announce_change(
            token_id=self.stage.token.pk,
            kinds=[
                f"ROLE_CHANGED:GIVEN:ISSUER:{self.ghost.address}",
                f"ROLE_CHANGED:GIVEN:PAUSER:{self.ghost.address}",
                f"MINT_LIMIT_SET:{self.ghost.address}:{format_quantity(MINT_LIMIT_UNITS)}",
            ],
            reason="a second issuer stands for a primary whose commits were lost",
            until=now + timedelta(days=1),
            actor=TEST,
            now=now,
        )
        grant = encode_grant_role(role=roles.ISSUER, account=self.ghost.address)
        admin.send(self.stage.node, to=self.stage.token.address, data=grant)

    def mine(self) -> None:
        """One block, unless mining rests; before it, what befalls waiting transactions."""
        if time.monotonic() < self.paused_until:
            return
        if self.wishes and self._waiting():
            getattr(self, self.wishes.popleft())()
        self.anvil.rpc("evm_mine")

    def wish(self, name: str) -> None:
        """Do this as soon as a transaction waits in the pool."""
        if len(self.wishes) < WISHES_MAX:
            self.wishes.append(name)

    def rest(self) -> None:
        """No block for a while: offers grow old and are raised."""
        self.counts["rests"] += 1
        self.paused_until = time.monotonic() + self.dice.uniform(2.6, 4.0)

    def spike(self) -> None:
        """The base fee jumps above what was offered."""
        self.counts["spikes"] += 1
        self.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(SPIKE_WEI))

    def reorganise(self, depth: int | None = None, *, shape: str = "") -> None:
        """Replace the newest blocks, never a finalized one: their transactions vanish, or come
        back in other blocks, in another order."""
        # Empty blocks would otherwise come back as they were, hash by hash: nothing would have moved.
        self.anvil.rpc("anvil_setCoinbase", f"0x{self.dice.randbytes(20).hex()}")
        depth = depth or self.dice.choice(DEPTHS)
        shape = shape or self.dice.choice(SHAPES)
        self.note_supplies(depth)
        raws = [] if shape == "drop" else self._raws(depth)
        if shape == "shuffled":
            self.dice.shuffle(raws)
        if shape == "some":
            raws = raws[: len(raws) // 2]
        # A transaction whose nonce is not next would be refused: lanes keep their order.
        placed = [(raw, self.dice.randrange(depth)) for _, raw in raws]
        placed = sorted(placed, key=lambda each: each[1]) if shape != "shuffled" else placed
        try:
            self.anvil.reorg(depth, placed)
        except rpc.RpcError:
            self.anvil.reorg(depth)
        self.counts["reorgs"] += 1
        self.forget_prices()

    def _raws(self, depth: int) -> list[tuple[int, str]]:
        head = self.anvil.block_number()
        found = []
        for number in range(head - depth + 1, head + 1):
            block = self.anvil.rpc("eth_getBlockByNumber", hex(number), False)  # noqa: FBT003 - the method's own
            raws = [self.anvil.rpc("eth_getRawTransactionByHash", h) for h in block["transactions"]]
            found += [(number, raw) for raw in raws if raw]
        return found

    def note_supplies(self, depth: int) -> None:
        """What the blocks about to vanish said, for the checker, who may not have seen them."""
        head = self.anvil.block_number()
        lines = []
        for number in range(head - depth + 1, head + 1):
            call = {"to": self.stage.token.address, "data": selector("totalSupply()")}
            supply = int(self.anvil.rpc("eth_call", call, hex(number)), 16)
            lines.append(json.dumps({"block": number, "supply": str(supply)}) + "\n")
        with (self.folder / "forks.jsonl").open("a") as file:
            file.writelines(lines)

    def drop(self) -> None:
        """A waiting transaction falls out of the pool."""
        waiting = self._waiting()
        if waiting:
            self.anvil.drop(self.dice.choice(waiting)["hash"])
            self.counts["drops"] += 1
            self.forget_prices()

    def _waiting(self) -> list[dict[str, Any]]:
        """Waiting transactions of the issuer's key."""
        content = self.anvil.rpc("txpool_content")["pending"]
        return [
            each
            for sender, lane in content.items()
            if sender.lower() == Key(secret("ISSUER")).address.lower()
            for each in lane.values()
        ]

    def steal(self) -> None:
        """A waiting transaction is dropped and its nonce used up by an empty one."""
        waiting = self._waiting()
        if not waiting:
            return
        lowest = min(waiting, key=lambda each: int(each["nonce"], 16))
        thief = Key(secret("ISSUER"))
        call = UnsignedCall(
            chain_id=self.stage.node.chain_id,
            nonce=int(lowest["nonce"], 16),
            to=thief.address,
            data=b"",
            gas=30_000,
            fees=THIEF_FEES,
        )
        self.anvil.drop(lowest["hash"])
        self._send(thief, call)
        self.anvil.rpc("evm_mine")
        self.counts["thefts"] += 1

    def haunt(self) -> None:
        """A queued order is minted by somebody else: as after a commit that was lost.

        Who thinks better of an order does so before he passes the gate again. Nobody could know
        before finality that the chain has it, so none may be minted that is still to be cancelled.
        """
        with (self.folder / "gate").open("a") as gate:
            # Never waits for long: who is inside may wait for a worker that only we can wake.
            for _ in range(GATE_TRIES):
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._mint_behind_our_back()
                    return
                time.sleep(GATE_NAP)
            self.counts["ghosts that found no gate open"] += 1

    def _mint_behind_our_back(self) -> None:
        order = (
            Order.objects.filter(type=OrderType.MINT, status="QUEUED", requeues=0)
            .select_related("wallet")
            .order_by("-pk")
            .first()
        )
        if order is None:
            return
        item = OrderItem(order.onchain_id, order.wallet.address, order.quantity)
        node = self.stage.node
        try:
            call = UnsignedCall(
                chain_id=node.chain_id,
                nonce=node.nonce(self.ghost.address, at="latest"),
                to=self.stage.token.address,
                data=encode_mint_batch([item]),
                gas=GHOST_GAS,
                fees=THIEF_FEES,
            )
        except ChainError:
            return
        self._send(self.ghost, call)
        self.anvil.rpc("evm_mine")
        self.counts["ghosts"] += 1

    def keys_left_alone(self) -> list[str]:
        """The keys whose calls to the token are the workers' alone: the weather pauses it too."""
        pauser = Key(secret("PAUSER")).address
        return [address for address in self.stage.signers if address != pauser]

    def revert_for_a_moment(self) -> None:
        """Minting is paused in one block, so that mints revert there, and the block vanishes."""
        if not self._waiting():
            return
        node, pauser = self.stage.node, Key(secret("PAUSER"))
        call = UnsignedCall(
            chain_id=node.chain_id,
            nonce=node.nonce(pauser.address, at="latest"),
            to=self.stage.token.address,
            data=encode_pause(PAUSE_MINT),
            gas=100_000,
            fees=THIEF_FEES,
        )
        self._send(pauser, call)
        self.anvil.rpc("evm_mine")
        # Long enough for a worker to see the failed receipt.
        time.sleep(self.dice.uniform(0.3, 0.9))
        self.reorganise(1, shape="drop")
        self.counts["passing_reverts"] += 1
        self._lift_pause()

    def _lift_pause(self) -> None:
        """Should the pause have survived in the pool, it is lifted."""
        admin, node = Key(secret("DEPLOYER")), self.stage.node
        self.anvil.rpc("evm_mine")
        if not self.stage.reader.reserves().mint_paused:
            return
        self._send(
            admin,
            UnsignedCall(
                chain_id=node.chain_id,
                nonce=node.nonce(admin.address, at="latest"),
                to=self.stage.token.address,
                data=encode_unpause(PAUSE_MINT),
                gas=100_000,
                fees=THIEF_FEES,
            ),
        )

    def _send(self, key: Key, call: UnsignedCall) -> None:
        self.stage.node.send(sign_with(key._key, call).raw)  # noqa: SLF001 - a wallet signs with its key

"""The institution and its holders: orders without pause, escrow for redemptions, no double asking."""

import fcntl
import json
import random
import time
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import redis
from django.db import close_old_connections, connections
from django.utils import timezone
from eth_utils.address import to_checksum_address

from core.errors import DomainError
from core.units import format_quantity, parse_quantity
from crash.worker import BELL
from custody import queries as custody_queries
from issuance import services
from issuance.chain.errors import ChainError
from issuance.chain.signing import sign_with
from issuance.chain.token import encode_request_redeem
from issuance.chain.types import Fees, UnsignedCall
from issuance.chain.wallets import Wallet as Key
from issuance.models import Order
from issuance.states import OrderType
from tests.issuance.stage import CLIENT, Stage, make_wallet, secret

# Small and often: each makes the custodian sign a new figure.
TOP_UP = "10"
LOW_SHARES = 40
NEWCOMER_SECONDS = 12.0
HOLDER_GAS = 250_000
HOLDER_FEES = Fees(max_fee=400 * 10**9, tip=2 * 10**9)
# Enough for a recovery, during which nothing ends.
OPEN_ORDERS_MAX = 800
NAP = 0.01
ESCROW_SECONDS = 0.5


@dataclass
class Holder:
    """One wallet's owner, who escrows for one redemption after the other."""

    key: Key
    secret: bytes
    waiting: list[Order] = field(default_factory=list)
    raw: bytes = b""
    tx_hash: str = ""

    def step(self, stage: Stage, finalized: int) -> None:
        """Send, send again what a reorganisation dropped, or go on to the next order."""
        if not self.waiting:
            return
        if not self.raw:
            self._sign(stage)
        receipt = stage.node.receipt(self.tx_hash)
        if receipt is None:
            stage.node.send(self.raw)
        elif receipt.block_number <= finalized:
            # A reverted request (its mint was dropped under it) is made again.
            self.raw = b""
            if receipt.succeeded:
                self.waiting.pop(0)

    def _sign(self, stage: Stage) -> None:
        order = self.waiting[0]
        call = UnsignedCall(
            chain_id=stage.node.chain_id,
            nonce=stage.node.nonce(self.key.address, at="finalized"),
            to=stage.token.address,
            data=encode_request_redeem(order_id=order.onchain_id, amount=order.quantity),
            gas=HOLDER_GAS,
            fees=HOLDER_FEES,
        )
        signed = sign_with(self.key._key, call)  # noqa: SLF001 - a wallet signs with its key
        self.raw, self.tx_hash = signed.raw, signed.hash


def holder_secret(number: int) -> bytes:
    """The key of the n-th holder."""
    return secret(f"crash holder {number}")


class Institution:
    """Submits at a rate; every accepted order is in the journal before the next is asked for."""

    def __init__(
        self, stage: Stage, folder: Path, *, holders: Sequence[int], rate: float, seed: int
    ) -> None:
        self._stage = stage
        self._dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._journal = (folder / "accepted.jsonl").open("a", buffering=1)
        self._gate = folder / "gate"
        self._closing = folder / "closing"
        self._rate = rate
        self._bell: redis.Redis | None = None
        self._escrowed_at = 0.0
        self._welcomes_at = 0.0
        self._holders = [Holder(Key(holder_secret(n)), holder_secret(n)) for n in holders]

    def run(self, redis_url: str) -> None:
        """Until killed; after ``closing`` appears only what is under way is finished."""
        self._bell = redis.Redis.from_url(redis_url, socket_timeout=5)
        due = time.monotonic()
        while True:
            close_old_connections()
            # Asked once: a moment that comes during the turn is the next turn's.
            is_due = time.monotonic() >= due
            try:
                with self._gate.open("a") as gate:
                    self._turn(gate, is_due=is_due)
                if is_due:
                    due = max(due + self._dice.expovariate(self._rate), time.monotonic() - 1)
            except Exception:  # noqa: BLE001 - servers come and go; the institution keeps asking
                traceback.print_exc()
                connections.close_all()
                time.sleep(NAP)

    def _turn(self, gate: IO[str], *, is_due: bool) -> None:
        """While the gate is locked by us no failover begins: what is accepted here is kept."""
        fcntl.flock(gate, fcntl.LOCK_SH)
        if not self._closing.exists() and is_due and self._has_room():
            self._submit()
        fcntl.flock(gate, fcntl.LOCK_UN)
        if time.monotonic() - self._escrowed_at > ESCROW_SECONDS:
            self._escrowed_at = time.monotonic()
            self._escrow()
        time.sleep(NAP)

    def _has_room(self) -> bool:
        return (
            Order.objects.filter(completed_at__isnull=True)
            .exclude(status__in=["FAILED", "REJECTED", "CANCELLED"])
            .count()
            < OPEN_ORDERS_MAX
        )

    def _submit(self) -> None:
        self._top_up()
        self._welcome()
        holder = self._dice.choice(self._holders)
        redeems = self._dice.random() < 0.2 and self._may_redeem(holder)  # noqa: PLR2004 - one in five
        order_type = OrderType.REDEEM if redeems else OrderType.MINT
        quantity = self._dice.choice(["0.1", "0.5", "1", "1.25"])
        reference = str(uuid.UUID(int=self._dice.getrandbits(128)))
        try:
            order = self._stage.order(
                quantity, order_type, reference, wallet_address=holder.key.address
            )
        except DomainError as refusal:
            print(f"refused: {refusal.code}", flush=True)
            time.sleep(NAP)
            return
        self._note(order)
        if redeems:
            holder.waiting.append(order)
        if self._dice.random() < 0.05:  # noqa: PLR2004 - a client that did not hear the answer
            self._ask_again(order, quantity, order_type, holder)
        if self._dice.random() < 0.1:  # noqa: PLR2004 - a client that thinks better of it
            self._cancel(order, holder)
        self._ring(order)

    def _ask_again(
        self, order: Order, quantity: str, order_type: OrderType, holder: Holder
    ) -> None:
        try:
            self._stage.order(
                quantity, order_type, order.client_order_id, wallet_address=holder.key.address
            )
        except DomainError as refusal:
            if refusal.code != "client_order_id_used":
                print(f"refused: {refusal.code}", flush=True)
        else:
            raise AssertionError(f"{order.client_order_id} was taken twice")

    def _cancel(self, order: Order, holder: Holder) -> None:
        """At once, so that the order was not signed for yet; refused, the holder goes on with it."""
        try:
            services.cancel_order(
                institution_id=order.institution_id,
                order_id=order.pk,
                actor=CLIENT,
                now=timezone.now(),
            )
        except DomainError:
            return  # too late or during a recovery, which is an answer too
        if order.type == OrderType.REDEEM:
            holder.waiting.remove(order)

    def _note(self, order: Order) -> None:
        line = {
            "client_order_id": order.client_order_id,
            "type": order.type,
            "quantity": format_quantity(order.quantity),
        }
        self._journal.write(json.dumps(line) + "\n")

    def _ring(self, order: Order) -> None:
        assert self._bell is not None
        try:
            self._bell.rpush(BELL, str(order.pk))
        except redis.RedisError:
            return  # losing the bell is fine

    def _top_up(self) -> None:
        free = custody_queries.free_shares(
            investor_id=self._stage.investor.pk, fund_id=self._stage.fund.pk
        )
        if free < parse_quantity(str(LOW_SHARES)):
            self._stage.settle(TOP_UP)

    def _welcome(self) -> None:
        """Now and then a new wallet, which must enter the holder register."""
        if time.monotonic() > self._welcomes_at:
            self._welcomes_at = time.monotonic() + NEWCOMER_SECONDS
            address = to_checksum_address(self._dice.randbytes(20))
            make_wallet(self._stage.investor, address)

    def _may_redeem(self, holder: Holder) -> bool:
        """Enough final tokens for what already waits and one more of the largest size."""
        try:
            held = self._stage.reader.balance(holder.key.address, at="finalized")
        except ChainError:
            return False
        promised = sum(order.quantity for order in holder.waiting)
        return held - promised >= parse_quantity("1.25")

    def _escrow(self) -> None:
        finalized = self._stage.node.finalized().number
        for holder in self._holders:
            holder.step(self._stage, finalized)

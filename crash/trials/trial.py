"""The hands of a trial: workers that take turns, the chain, the nodes' lies, and the judge.

Time passes by a clock that is handed in; nothing sleeps, and nothing is left to chance. The judge
is the campaign's, and knows only the chain and the database.
"""

import contextlib
import json
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import redis

from config.devstack.rpc import RpcError
from crash.books import FINISHED, Books
from crash.chaos import THIEF_FEES, ChainChaos
from crash.checker import DOUBTFUL_LOOKS, UNKNOWN_LOOKS_MAX, Checker
from crash.facts import FINALITY_BLOCKS
from crash.trials.wire import Wire
from crash.trials.worker import HELD, SEED, Turn, Worker
from crash.worker import BELL, Post
from issuance.chain import roles
from issuance.chain.signing import sign_with
from issuance.chain.token import encode_grant_role
from issuance.chain.types import UnsignedCall
from issuance.chain.wallets import Wallet as Key
from issuance.models import Attempt, Order, Trouble
from issuance.pipeline.walls import FAULT
from tests.issuance.stage import Stage, secret

TURN = timedelta(seconds=1)
# Longer than any lease.
AFTER_A_LEASE = timedelta(seconds=20)
FOREIGN_GAS = 100_000
# More than any sound pipeline needs; a mutant may never come to an end.
ROUNDS_MAX = 9
LOOKS = max(DOUBTFUL_LOOKS, UNKNOWN_LOOKS_MAX) + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a trial is held: a stage in service, its servers, and a folder for what is found."""

    stage: Stage
    folder: Path
    database_url: str
    redis_url: str


@dataclass
class Trial:
    """One sequence of events, met by the named mutant or, without a name, by the sound pipeline."""

    place: Place
    wire: Wire
    mutant: str = ""
    accidents: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stage, folder = self.place.stage, self.place.folder
        self.anvil = self.stage.anvil
        self._passed = timedelta(0)
        self._workers: list[Worker] = []
        self._placed: list[str] = []
        self._journal = folder / "accepted.jsonl"
        self._journal.touch()
        self.chaos = ChainChaos(self.stage, folder, lambda: None, random.Random(SEED))  # noqa: S311 - repeatable, not secret
        self._post = Post(
            stage=self.stage,
            proxy_urls=self.wire.urls,
            redis_url=self.place.redis_url,
            log_path=folder / "workers.log",
            mutant=self.mutant,
        )
        self._books = Books(self.place.database_url)
        self._judge = Checker(
            {
                "folder": str(folder),
                "chain_url": self.anvil.url,
                "token": self.stage.token.address,
                "keys": self.chaos.keys_left_alone(),
                "database_url": self.place.database_url,
            }
        )
        self.bell = redis.Redis.from_url(self.place.redis_url)
        self.anvil.automine(on=False)
        # What was set up must be final before the first reorganisation.
        self.mine(FINALITY_BLOCKS + 1)

    # --- the client --------------------------------------------------------------------------
    def order(self, quantity: str = "1") -> Order:
        """A mint that was accepted, written down and rung for."""
        order = self.stage.order(quantity)
        self._placed.append(order.client_order_id)
        with self._journal.open("a") as journal:
            journal.write(json.dumps({"client_order_id": order.client_order_id}) + "\n")
        self.bell.rpush(f"{BELL}:orders", str(order.pk))
        return order

    # --- the workers -------------------------------------------------------------------------
    def turn(self, times: int = 1, *, passes: timedelta = TURN, dies_at: str = "") -> None:
        """One turn of every task after the other, by a worker that may die at a failpoint."""
        for _ in range(times):
            self._pass(passes)
            worker, told = self._worker(), Turn(ahead=self._passed, point=dies_at)
            self._note(worker, worker.take(told), may_die=bool(dies_at))

    @contextlib.contextmanager
    def held_up(self, *, at: str) -> Iterator[None]:
        """A worker stands still at a failpoint of its turn; for so long another one works."""
        self._pass(TURN)
        slow = self._worker()
        self._workers.append(Worker(self._post))
        heard = slow.take(Turn(ahead=self._passed, point=at, is_held=True))
        yield
        if heard == HELD:
            self._note(slow, slow.go_on())
        else:
            self.accidents.append(f"{at} was never reached")

    def _pass(self, time: timedelta) -> None:
        self._passed += time
        self.stage.hurry()

    def _worker(self) -> Worker:
        """The one who works now."""
        if not self._workers:
            self._workers.append(Worker(self._post))
        return self._workers[-1]

    def _note(self, worker: Worker, heard: object, *, may_die: bool = False) -> None:
        if isinstance(heard, int):
            self._workers.remove(worker)
            # A mutant may be made to die of its own accord.
            if heard != -signal.SIGKILL or not (may_die or self.mutant):
                self.accidents.append(f"a worker ended with {heard}")
        elif may_die:
            self.accidents.append("a worker outlived its death")
        elif heard:
            self.accidents.append(f"fell over: {heard}")
        self._note_troubles()

    def _note_troubles(self) -> None:
        """What the pipeline's own walls held back fell over too; the next trouble overwrites it."""
        for trouble in Trouble.objects.filter(code=FAULT).order_by("pk"):
            fell = f"fell over: {trouble.work}: {trouble.note}"
            if fell not in self.accidents:
                self.accidents.append(fell)

    # --- the chain and the judge -------------------------------------------------------------
    def mine(self, blocks: int = 1) -> None:
        """So many blocks, and the judge has seen each of them."""
        self.anvil.mine(blocks)
        self.look()

    def second_issuer(self) -> Key:
        """A key that is none of ours, may mint and pause, and was announced; all of it final."""
        self.chaos.prepare()
        ghost, token = self.chaos.ghost, self.stage.token.address
        grant = encode_grant_role(role=roles.PAUSER, account=ghost.address)
        Key(secret("DEPLOYER")).send(self.stage.node, to=token, data=grant)
        self.mine(FINALITY_BLOCKS + 1)
        self.turn()
        return ghost

    def send(self, key: Key, data: bytes) -> None:
        """Somebody else's call of the token, dearer than every one of ours."""
        node = self.stage.node
        call = UnsignedCall(
            chain_id=node.chain_id,
            nonce=node.nonce(key.address, at="latest"),
            to=self.stage.token.address,
            data=data,
            gas=FOREIGN_GAS,
            fees=THIEF_FEES,
        )
        node.send(sign_with(key._key, call).raw)  # noqa: SLF001 - a wallet signs with its key

    def pool_forgets(self, order: Order) -> None:
        """The first form that was sent for an order falls out of the nodes' pools."""
        tx_hash = _first_form(order).tx_hash
        if self.anvil.rpc("anvil_dropTransaction", tx_hash) != tx_hash:
            self.accidents.append("the pool had nothing to forget")

    def haunt(self) -> None:
        """A queued order is minted by somebody else, and final before anybody looks."""
        self.chaos.haunt()
        if self.chaos.counts["ghosts"] != 1:
            self.accidents.append("nobody minted behind our back")
        self.mine(FINALITY_BLOCKS + 1)

    def comes_back(self, order: Order) -> None:
        """Somebody else's pool still had the order's first form, and tells ours of it."""
        raw = bytes(_first_form(order).raw)
        with contextlib.suppress(RpcError):  # ours have it already
            self.anvil.rpc("eth_sendRawTransaction", f"0x{raw.hex()}")

    def look(self, times: int = 1) -> None:
        """The judge looks."""
        for _ in range(times):
            self._judge.look()

    def rest(self) -> None:
        """Nothing befalls anybody any more: blocks come and workers work until all is over."""
        for _ in range(ROUNDS_MAX):
            if self._is_over():
                break
            self.turn()
            self.mine(2)
        self.mine(FINALITY_BLOCKS + 1)

    def _is_over(self) -> bool:
        ended = all(order.status in FINISHED for order in self._books.orders())
        return ended and not self._books.unfinished_transactions()

    def judge(self) -> list[dict[str, str]]:
        """What the judge has found from the first event to the last."""
        self.look(LOOKS)
        self._judge.judge()
        path = self.place.folder / "violations.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        self._note_troubles()
        return [json.loads(line) for line in lines]

    def ends(self) -> tuple[str, ...]:
        """The status of every order that was placed, in the order of their placing."""
        status = {order.client_order_id: order.status for order in self._books.orders()}
        return tuple(status.get(each, "gone") for each in self._placed)

    def close(self) -> None:
        """End the workers and let go of what was opened."""
        for worker in self._workers:
            worker.end()
        self._books.forget_connection()
        self._judge.close()
        self.bell.close()


def _first_form(order: Order) -> Attempt:
    forms = Attempt.objects.filter(chain_transaction__order_bindings__order=order)
    first = forms.order_by("created_at").first()
    assert first is not None
    return first

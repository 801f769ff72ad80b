"""The hands of a trial: workers that take one turn, the chain, the nodes' lies, and the judge.

Every turn is a process of its own that the mutant is planted in, so that no bug outlives it. Time
passes by a clock that is handed in; nothing sleeps. The judge is the campaign's, and knows only
the chain and the database.
"""

import contextlib
import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import redis
from django.db import connections
from django.utils import timezone

from config.devstack.rpc import RpcError
from core import failpoints
from crash import mutants
from crash.books import FINISHED, Books
from crash.chaos import THIEF_FEES, ChainChaos
from crash.checker import DOUBTFUL_LOOKS, UNKNOWN_LOOKS_MAX, Checker
from crash.facts import FINALITY_BLOCKS
from crash.trials.wire import Wire
from crash.worker import BELL, Post, world_of
from issuance.chain import roles
from issuance.chain.signing import sign_with
from issuance.chain.token import encode_grant_role
from issuance.chain.types import UnsignedCall
from issuance.chain.wallets import Wallet as Key
from issuance.models import Attempt, Order
from issuance.pipeline import advance, assign, check, follow, holders, moves, recover, reserves
from issuance.pipeline.world import World
from tests.issuance.stage import Stage, secret

# With this the mutants' dice fall so that each of them shows at once.
SEED = 1
TURN = timedelta(seconds=1)
# Longer than any lease.
AFTER_A_LEASE = timedelta(seconds=20)
FOREIGN_GAS = 100_000
ROUNDS_MAX = 14
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
        with self._journal.open("a") as journal:
            journal.write(json.dumps({"client_order_id": order.client_order_id}) + "\n")
        self.bell.rpush(f"{BELL}:orders", str(order.pk))
        return order

    # --- the workers -------------------------------------------------------------------------
    def turn(self, times: int = 1, *, passes: timedelta = TURN, dies_at: str = "") -> None:
        """One turn of every task after the other, by a worker that may die at a failpoint."""
        for _ in range(times):
            self._passed += passes
            self.stage.hurry()
            self._await(self._fork({dies_at: 1} if dies_at else {}), may_die=bool(dies_at))

    @contextlib.contextmanager
    def held_up(self, *, at: str) -> Iterator[None]:
        """A worker stands still at a failpoint of its turn, for the length of the block."""
        self._passed += TURN
        self.stage.hurry()
        pid = self._fork({at: 1}, fate=signal.SIGSTOP)
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            self.accidents.append(f"{at} was never reached")
            yield
            return
        yield
        os.kill(pid, signal.SIGCONT)
        self._await(pid, may_die=False)

    def _fork(self, points: Mapping[str, int], *, fate: signal.Signals = signal.SIGKILL) -> int:
        connections.close_all()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = self._work(points, fate)
            except BaseException:  # noqa: BLE001 - the child must never return into the trial
                traceback.print_exc()
            finally:
                os._exit(code)
        return pid

    def _await(self, pid: int, *, may_die: bool) -> None:
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        # A mutant may be made to die of its own accord.
        if code and not (code == -signal.SIGKILL and (may_die or self.mutant)):
            self.accidents.append(f"a worker ended with {code}")
        if may_die and not code:
            self.accidents.append("a worker outlived its death")

    def _work(self, points: Mapping[str, int], fate: signal.Signals) -> int:
        log = self._post.log_path.open("a", buffering=1)
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
        mutants.become(self.mutant, self._post, seed=SEED)
        meets = SimpleNamespace(kill=lambda pid, _: os.kill(pid, fate), getpid=os.getpid)
        failpoints.os = meets  # type: ignore[assignment, attr-defined]  # in this process only
        failpoints.arm_many(points)
        return sum(_fails(task) for task in _tasks(self._world(), self._clock))

    def _world(self) -> World:
        return world_of(self._post, is_fickle=False)

    def _clock(self) -> datetime:
        return timezone.now() + self._passed

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
        self.anvil.drop(_first_form(order).tx_hash)

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
            self.mine()
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
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Let go of what was opened."""
        self._books.forget_connection()
        self._judge.close()
        self.bell.close()


def _first_form(order: Order) -> Attempt:
    forms = Attempt.objects.filter(chain_transaction__order_bindings__order=order)
    first = forms.order_by("created_at").first()
    assert first is not None
    return first


def _tasks(world: World, clock: Callable[[], datetime]) -> Sequence[Callable[[], object]]:
    return [
        lambda: recover.recover_due(world=world, now=clock()),
        lambda: holders.register_due(world=world, now=clock()),
        lambda: reserves.request_due(world=world, now=clock()),
        partial(assign.assign_due, world=world, clock=clock),
        partial(advance.advance_due, world=world, clock=clock),
        lambda: follow.follow_all(world=world, now=clock()),
        lambda: check.check_due(world=world, now=clock()),
        lambda: moves.conclude_due(now=clock()),
    ]


def _fails(task: Callable[[], object]) -> bool:
    """As the pump does: whatever happens, the rows stay due and the next task goes on."""
    try:
        task()
    except Exception:  # noqa: BLE001 - as above
        traceback.print_exc()
        connections.close_all()
        return True
    return False

"""A state machine: any order of work, crashes, lies, reorganisations and lost commits keeps I1-I8.

Hypothesis draws the order and shrinks what fails. ``CRASH_EXAMPLES`` and ``CRASH_STEPS`` ask for
more than the few examples of an ordinary run; ``--hypothesis-seed`` repeats one.
"""

import os
import random
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core import failpoints
from core.errors import DomainError
from core.models import Breaker
from crash import mutants
from crash.crew import planted
from custody import queries as custody_queries
from issuance import services
from issuance.chain.events import decode_event
from issuance.chain.types import OrderMinted
from issuance.models import Attempt, ChainTransaction, NetworkGate, Order
from issuance.pipeline import advance, assign, check, follow, holders, recover, reserves
from issuance.pipeline.world import World
from issuance.states import CHAIN_TRANSACTION_FINAL, ORDER_FINAL, OrderType
from tests.crash.liar import KINDS, Liar
from tests.issuance.stage import CLIENT, Stage, build, let_pass, make_wallet

if TYPE_CHECKING:
    from crash.worker import Post

EXAMPLES = int(os.environ.get("CRASH_EXAMPLES", "3"))
STEPS = int(os.environ.get("CRASH_STEPS", "15"))
DRAIN_ROUNDS = 120
TASKS = ("watch", "register", "attest", "assign", "advance", "follow", "check")


class Died(BaseException):
    """The process was killed at a failpoint: no handler of the product's may hold it up."""


def _die(*_: object) -> None:
    raise Died


@pytest.fixture
def mortal(monkeypatch):
    """A failpoint ends the step instead of the test run."""
    mortal_os = SimpleNamespace(kill=_die, getpid=os.getpid, environ=os.environ)
    monkeypatch.setattr(failpoints, "os", mortal_os)
    yield
    failpoints.arm("")


class Machine(RuleBasedStateMachine):
    """Works on one stage; each example begins and ends with the stage as it was given."""

    ready: Stage

    def __init__(self):
        super().__init__()
        self.ready.anvil.automine(on=False)
        self.blocks = self.ready.anvil.snapshot()
        # No reorganisation reaches below the snapshot: the node could not go back to it then.
        self.ready.anvil.mine(3)
        self.rows = transaction.savepoint()
        self.now = timezone.now()
        self.liar = Liar(self.ready.node)
        outside = self.ready.world
        self.world = World(
            chain_for=lambda _: self.liar, key_for=outside.key_for, attest=outside.attest
        )
        self.cut = None
        self.has_lost_commits = False
        self.deaths = 0

    @initialize()
    def begin(self):
        self.tick("watch")

    @rule(quantity=st.sampled_from(["0.5", "1", "2"]))
    def submit(self, quantity):
        if self.cut is None:
            self.ready.order(quantity)

    @rule()
    def submit_and_cancel(self):
        if self.cut is not None:
            return
        order = self.ready.order("1")
        try:
            services.cancel_order(
                institution_id=order.institution_id,
                order_id=order.pk,
                actor=CLIENT,
                now=self.now,
            )
        except DomainError:
            return

    @rule(seed=st.integers(0, 2**32))
    def welcome(self, seed):
        address = f"0x{random.Random(seed).randbytes(20).hex()}"
        make_wallet(self.ready.investor, address)

    @rule(name=st.sampled_from(TASKS))
    def tick(self, name):
        self._run(name)

    @rule(name=st.sampled_from(TASKS), point=st.sampled_from(planted()))
    def tick_and_die(self, name, point):
        failpoints.arm(point)
        try:
            # What was committed inside stays: only the step ends here.
            self._run(name)
        except Died:
            self.deaths += 1
        finally:
            failpoints.arm("")

    @rule(blocks=st.integers(1, 4))
    def mine(self, blocks):
        self.ready.anvil.mine(blocks)

    @rule(depth=st.integers(1, 2), coinbase=st.integers(1, 2**32))
    def reorganise(self, depth, coinbase):
        self.ready.anvil.rpc("anvil_setCoinbase", f"0x{coinbase:040x}")
        self.ready.anvil.reorg(depth)

    @rule()
    def drop(self):
        for attempt in Attempt.objects.order_by("-created_at")[:1]:
            self.ready.anvil.drop(attempt.tx_hash)

    @rule(kind=st.sampled_from(KINDS), times=st.integers(1, 3))
    def lie(self, kind, times):
        self.liar.lies[kind] = times

    @rule(seconds=st.sampled_from([1, 5, 20, 40]))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule()
    def reset_breakers(self):
        for halt in Breaker.objects.filter(status="OPEN"):
            let_pass(halt.name)

    @precondition(lambda self: self.cut is None)
    @rule()
    def cut_the_standby_off(self):
        self.cut = transaction.savepoint()

    @precondition(lambda self: self.cut is not None)
    @rule()
    def fail_over(self):
        """Everything committed since the cut is lost, and the database's history is another."""
        assert self.cut is not None
        transaction.savepoint_rollback(self.cut)
        NetworkGate.objects.update(mark="another history")
        self.cut = None
        self.has_lost_commits = True

    @invariant()
    def no_order_is_minted_twice(self):
        counts = Counter(event.order_id for event in self._minted())
        assert [order for order, times in counts.items() if times > 1] == []

    @invariant()
    def supply_is_within_settled_custody(self):
        assert self.ready.reader.supply() <= custody_queries.position(self.ready.fund.pk).settled

    @invariant()
    def what_is_completed_is_final_on_the_chain(self):
        final = {event.order_id for event in self._minted(tag="finalized")}
        done = Order.objects.filter(status="COMPLETED", type=OrderType.MINT)
        assert {order.onchain_id for order in done} <= final

    @invariant()
    def nothing_is_mined_that_was_not_saved(self):
        if not self.has_lost_commits and self.cut is None:
            saved = set(Attempt.objects.values_list("tx_hash", flat=True))
            assert {event.log.tx_hash for event in self._minted()} <= saved

    def teardown(self):
        try:
            self._come_to_rest()
        finally:
            transaction.savepoint_rollback(self.rows)
            self.ready.anvil.revert(self.blocks)

    def _come_to_rest(self):
        self.liar.lies.clear()
        for _ in range(DRAIN_ROUNDS):
            self.reset_breakers()
            for name in TASKS:
                self._run(name)
            self.ready.anvil.mine(1)
            self.now += timedelta(seconds=15)
            if self._is_quiet():
                break
        waiting = Order.objects.exclude(status__in=ORDER_FINAL)
        left = list(waiting.values_list("status", "reason_code"))
        stuck = ChainTransaction.objects.exclude(status__in=CHAIN_TRANSACTION_FINAL)
        assert (left, list(stuck.values_list("kind", "status", "last_note"))) == ([], [])
        assert self.ready.reader.supply() == custody_queries.position(self.ready.fund.pk).backing

    def _is_quiet(self):
        waiting = Order.objects.exclude(status__in=ORDER_FINAL).exists()
        stuck = ChainTransaction.objects.exclude(status__in=CHAIN_TRANSACTION_FINAL).exists()
        return not waiting and not stuck

    def _run(self, name):
        world, now = self.world, self.now
        if name == "watch":
            recover.recover_due(world=world, now=now)
        elif name == "register":
            holders.register_due(world=world, now=now)
        elif name == "attest":
            reserves.request_due(world=world, now=now)
        elif name == "assign":
            assign.assign_due(world=world, clock=lambda: now)
        elif name == "advance":
            advance.advance_due(world=world, clock=lambda: now)
        elif name == "follow":
            follow.follow_all(world=world, now=now)
        else:
            check.check_due(world=world, now=now)

    def _minted(self, tag="latest"):
        last = self.ready.anvil.block_number(tag)
        logs = self.ready.node.logs(address=self.ready.token.address, first=0, last=last)
        return [event for log in logs if isinstance(event := decode_event(log), OrderMinted)]


@pytest.fixture
def ground(anvil, db):  # noqa: ARG001 - one transaction, so that an example can be taken back
    return build(anvil).ready()


@pytest.mark.usefixtures("mortal")
def test_any_order_of_events_keeps_the_invariants(ground):
    run_state_machine_as_test(
        type("OnGround", (Machine,), {"ready": ground}),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def walk(ground):
    """The straight way of one order, with the lie and the waits that every bug below shows at."""
    machine = type("OnGround", (Machine,), {"ready": ground})()
    machine.begin()
    machine.submit("1")
    try:
        for _ in range(6):
            for name in TASKS:
                machine.tick(name)
            machine.no_order_is_minted_twice()
            machine.supply_is_within_settled_custody()
            machine.what_is_completed_is_final_on_the_chain()
            machine.nothing_is_mined_that_was_not_saved()
            machine.lie("no_receipt", 1)
            machine.time_passes(5)
            machine.mine(1)
    finally:
        machine.teardown()


# Each bug, and the function above that must be the one to see it.
SEEN_BY = {
    "F8": Machine.what_is_completed_is_final_on_the_chain,
    "F14": Machine._come_to_rest,
}


def test_the_machine_sees_planted_bugs_and_nothing_where_there_is_none(ground, monkeypatch):
    walk(ground)
    for bug, sees in SEEN_BY.items():
        with monkeypatch.context() as planting:
            # Taken out again behind the walk, which a campaign's worker never does.
            planting.setattr(mutants, "_plant", planting.setattr)
            # These two need nothing of a campaign.
            mutants.MUTANTS[bug](cast("Post", None))
            with pytest.raises(AssertionError) as seen:
                walk(ground)
        assert seen.traceback[-1].name == sees.__name__

"""Beat's hands for issuance: each task is one sweep over due rows and may be lost or doubled."""

from celery import shared_task

from core import doorbell
from core.clock import database_clock
from core.heartbeats import beat
from issuance import invariants
from issuance.pipeline import (
    advance,
    assign,
    check,
    follow,
    holders,
    moves,
    recover,
    reserves,
    stops,
    world,
)

ADVANCE = "issuance.advance_transactions"


@shared_task(name="issuance.assign_transactions")
def assign_transactions() -> None:
    """Number, sign and send for due orders; before anything is signed, what may be lost is won back."""
    clock = database_clock()
    recover.recover_due(world=world.from_settings(), now=clock())
    if assign.assign_due(world=world.from_settings(), clock=clock):
        doorbell.ring(ADVANCE)
    beat(name="issuance.assign_transactions", now=clock())


@shared_task(name=ADVANCE)
def advance_transactions() -> None:
    """Send, look at and settle chain transactions, resolve doubtful orders, end moves."""
    clock = database_clock()
    advance.advance_due(world=world.from_settings(), clock=clock)
    check.check_due(world=world.from_settings(), now=clock())
    moves.conclude_due(now=clock())
    beat(name="issuance.advance_transactions", now=clock())


@shared_task(name="issuance.follow_chains")
def follow_chains() -> None:
    """Record finalized events, and check the books against the chain when there were any."""
    now = database_clock()()
    if follow.follow_all(world=world.from_settings(), now=now):
        invariants.enforce(now=now)
    heads = follow.heads(world=world.from_settings())
    beat(name="issuance.follow_chains", now=now, detail=heads)


@shared_task(name="issuance.check_invariants")
def check_invariants() -> None:
    """Check the books against the chain also while nothing happens on it."""
    now = database_clock()()
    invariants.enforce(now=now)
    beat(name="issuance.check_invariants", now=now)


@shared_task(name="issuance.register_holders")
def register_holders() -> None:
    """Bring the holder registers up to date, and what holds ask of them."""
    now = database_clock()()
    held = stops.enforce_holds(world=world.from_settings(), now=now)
    if holders.register_due(world=world.from_settings(), now=now) or held:
        doorbell.ring(ADVANCE)
    beat(name="issuance.register_holders", now=now)


@shared_task(name="issuance.request_attestations")
def request_attestations() -> None:
    """Ask custodians for newer reserve figures where the cap needs one."""
    now = database_clock()()
    if reserves.request_due(world=world.from_settings(), now=now):
        doorbell.ring(ADVANCE)
    beat(name="issuance.request_attestations", now=now)

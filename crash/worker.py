"""One pipeline worker: a forked process that runs every task of the beat table again and again."""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import redis
from django.db import close_old_connections, connections
from django.utils import timezone

from config.devstack.processes import _tied_to_parent
from core import failpoints
from crash import mutants, pace
from custody import queries as custody_queries
from custody.providers.custodian import (
    AttestationRequest,
    CustodianUnavailable,
    SignedAttestation,
)
from issuance import invariants
from issuance.chain.client import ChainClient
from issuance.models import Token
from issuance.pipeline import advance, assign, check, follow, holders, lanes, reserves
from issuance.pipeline.world import World
from tests.issuance.stage import NETWORK, Stage, sign_figure

BELL = "crash:bell"
BELL_SECONDS = 0.15
CHECK_EVERY_SECONDS = 2.0
# Looking for work that is not there costs as much as work.
SHARE_OF_TURNS = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where a worker works: the stage, the lying node, the bell, its log and what is wrong with it."""

    stage: Stage
    proxy_url: str
    redis_url: str
    log_path: Path
    mutant: str = ""


def fork(post: Post, *, points: Mapping[str, int], log: Path, seed: int) -> int:
    """Start a worker that dies at the n-th pass of any of ``points``; returns its pid.

    ``log`` gets the name of every point it passes.
    """
    connections.close_all()
    tie = _tied_to_parent(signal.SIGKILL)
    pid = os.fork()
    if pid == 0:
        try:
            if tie is not None:
                tie()
            _enter(post)
            failpoints.arm_many(points, log=str(log))
            _work(post, random.Random(seed))  # noqa: S311 - repeatable, not secret
        except BaseException:  # noqa: BLE001 - the child must never return into the campaign
            traceback.print_exc()
        finally:
            os._exit(1)
    return pid


def _enter(post: Post) -> None:
    """Leave everything of the parent's that a process of its own would not have."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    log = post.log_path.open("a", buffering=1)
    os.dup2(log.fileno(), sys.stdout.fileno())
    os.dup2(log.fileno(), sys.stderr.fileno())
    pace.hurry()
    mutants.become(post.mutant, post)


def world_of(post: Post) -> World:
    """The outside as this worker sees it: the chain only through the proxy."""
    node = ChainClient(NETWORK, [post.proxy_url], post.stage.node.chain_id)
    return World(
        chain_for=lambda _: node,
        key_for=lambda address: post.stage.signers[address],
        attest=lambda token, request: _attest(post.stage, token, request),
    )


def _attest(stage: Stage, token: Token, request: AttestationRequest) -> SignedAttestation:
    """The custodian's own books decide what its key signs."""
    if request.shares > custody_queries.position(token.fund_id).settled:
        raise CustodianUnavailable("more than the custodian holds")
    return sign_figure(stage.attestor, stage.node, request)


def _work(post: Post, dice: random.Random) -> None:
    world, bell = world_of(post), redis.Redis.from_url(post.redis_url, socket_timeout=5)

    def advance_due() -> object:
        return advance.advance_due(world=world, clock=timezone.now)

    tasks: list[Callable[[], object]] = [
        lambda: lanes.inspect_lanes(world=world, now=timezone.now()),
        lambda: holders.register_due(world=world, now=timezone.now()),
        lambda: reserves.request_due(world=world, now=timezone.now()),
        lambda: assign.assign_due(world=world, now=timezone.now()),
        advance_due,
        lambda: follow.follow_all(world=world, now=timezone.now()),
        lambda: check.check_due(world=world, now=timezone.now()),
    ]
    checked_at = time.monotonic() + dice.random() * CHECK_EVERY_SECONDS
    while True:
        # No fixed order and not all at once: beat's tasks have no order either.
        for task in dice.sample(tasks, len(tasks)):
            if task is advance_due or dice.random() < SHARE_OF_TURNS:
                _run(task)
        if time.monotonic() > checked_at:
            checked_at = time.monotonic() + CHECK_EVERY_SECONDS
            _run(lambda: invariants.enforce(now=timezone.now()))
        _await_bell(bell)


def _run(task: Callable[[], object]) -> None:
    """As the pump does: whatever happens, the rows stay due and the next turn tries again."""
    close_old_connections()
    try:
        task()
    except Exception:  # noqa: BLE001 - as above
        traceback.print_exc()
        connections.close_all()


def _await_bell(bell: redis.Redis) -> None:
    try:
        bell.blpop([BELL], timeout=BELL_SECONDS)
    except redis.RedisError:
        time.sleep(BELL_SECONDS)

"""One pipeline worker: a forked process that runs the product's own tasks again and again."""

import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import redis
from celery import current_app
from django.db import close_old_connections, connections

from config.celery import BEAT_SECONDS
from core import doorbell, failpoints, heap
from crash import children, pace
from crash.mishaps import FickleSigner, Mishaps
from custody import queries as custody_queries
from custody.providers.custodian import (
    AttestationRequest,
    CustodianUnavailable,
    SignedAttestation,
)
from issuance.chain import types as chain
from issuance.chain.client import ChainClient
from issuance.models import Token
from issuance.pipeline import world as outside
from issuance.pipeline.world import World
from kyc.policy.active import active_policies
from tests.issuance.stage import NETWORK, Stage, sign_figure

BELL = "crash:bell"
BELL_SECONDS = 0.15
APP = "issuance."
ADVANCE = "issuance.advance_transactions"
# Looking for work that is not there costs as much as work.
SHARE_OF_TURNS = 0.4
# Workers take every core they get: who brings the work must not starve beside them.
NICENESS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where a worker works: the stage, the lying nodes, the bell and its log.

    In a trial also which mutant it is, if any; in a storm nobody is one.
    """

    stage: Stage
    proxy_urls: Sequence[str]
    redis_url: str
    log_path: Path
    mutant: str = ""


def fork(
    post: Post, *, points: Mapping[str, int], trail: Path, seed: int, has_mishaps: bool
) -> int:
    """Start a worker that dies at the n-th pass of any of ``points``; returns its pid.

    ``trail`` gets the name of every point it passes and of every mishap.
    """

    def run() -> None:
        dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
        mishaps = Mishaps(dice, trail)
        _enter(post, has_mishaps=has_mishaps)
        if has_mishaps:
            mishaps.befall()
        failpoints.arm_many(points, log=str(trail))
        _work(post, dice, mishaps.runs_twice if has_mishaps else lambda: False)

    return children.fork(run, post.log_path)


def _enter(post: Post, *, has_mishaps: bool) -> None:
    """Leave everything of the parent's that a process of its own would not have."""
    os.nice(NICENESS)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    pace.hurry()
    world = world_of(post, is_fickle=has_mishaps)
    outside.from_settings = lambda: world
    bell = redis.Redis.from_url(post.redis_url, socket_timeout=5)
    doorbell.ring = partial(_ring, bell)


def world_of(post: Post, *, is_fickle: bool) -> World:
    """The outside as this worker sees it: the chain only through the proxy."""
    signers: dict[str, chain.Signer] = dict(post.stage.signers)
    if is_fickle:
        signers = {address: FickleSigner(signer) for address, signer in signers.items()}
    node = ChainClient(NETWORK, post.proxy_urls, post.stage.node.chain_id)
    return World(
        chain_for=lambda _: node,
        key_for=signers.__getitem__,
        attest=lambda token, request: _attest(post.stage, token, request),
    )


def _attest(stage: Stage, token: Token, request: AttestationRequest) -> SignedAttestation:
    """The custodian's own books decide what its key signs."""
    if request.shares > custody_queries.position(token.fund_id).settled:
        raise CustodianUnavailable("more than the custodian holds")
    return sign_figure(stage.attestor, stage.node, request)


@cache
def tasks() -> dict[str, Callable[[], object]]:
    """Every task of the beat table that works for issuance, by name."""
    current_app.loader.import_default_modules()
    return {name: current_app.tasks[name] for name in BEAT_SECONDS if name.startswith(APP)}


def warm_up() -> None:
    """Read once, before the first fork, what each worker would otherwise read again."""
    tasks()
    active_policies()
    heap.settle()


def _work(post: Post, dice: random.Random, runs_twice: Callable[[], bool]) -> None:
    bell, table = redis.Redis.from_url(post.redis_url, socket_timeout=5), tasks()
    while True:
        # No fixed order and not all at once: beat's tasks have no order either.
        for name in dice.sample(list(table), len(table)):
            if name == ADVANCE or dice.random() < SHARE_OF_TURNS:
                _run(table[name])
                if runs_twice():
                    _run(table[name])
        _await_bell(bell)


def _run(task: Callable[[], object]) -> None:
    """As the pump does: whatever happens, the rows stay due and the next turn tries again."""
    close_old_connections()
    try:
        task()
    except Exception:  # noqa: BLE001 - as above
        traceback.print_exc()
        connections.close_all()


def _ring(bell: redis.Redis, task_name: str) -> None:
    try:
        bell.rpush(BELL, task_name)
    except redis.RedisError:
        return


def _await_bell(bell: redis.Redis) -> None:
    try:
        bell.blpop([BELL], timeout=BELL_SECONDS)
    except redis.RedisError:
        time.sleep(BELL_SECONDS)

"""Attestations: a figure that was not asked for is not kept, whoever signed it."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from custody.models import Attestation
from issuance.chain.errors import CallReverted, ChainUnreachable
from issuance.chain.types import Fees
from issuance.chain.wallets import Wallet as Key
from issuance.models import Token
from issuance.pipeline import reserves
from issuance.pipeline.world import World
from tests.issuance import paper as papers
from tests.issuance.stage import secret, sign_figure

pytestmark = pytest.mark.django_db


class Node:
    """A chain that tells the time and is otherwise away."""

    def __init__(self, seconds):
        self.seconds = seconds

    def head(self):
        return SimpleNamespace(timestamp=self.seconds)

    def fees(self):
        return Fees(max_fee=2, tip=1)

    def simulate(self, **_):
        raise ChainUnreachable


def _idle_key(address: str) -> Any:
    """One whose policy allows everything and that can sign nothing."""
    return SimpleNamespace(address=address, require=lambda _: None)


def attested(*, more=0, ahead=0):
    """Ask once a custodian that signs ``more`` units than asked for, ``ahead`` seconds from now."""
    paper = papers.build()
    attestor, now = Key(secret("attestor")), timezone.now()
    Token.objects.update(attestor_address=attestor.address, attested_units=0)
    node: Any = Node(int(now.timestamp()) + ahead)

    def attest(_token, request):
        return sign_figure(attestor, node, replace(request, shares=request.shares + more))

    world = World(chain_for=lambda _: node, key_for=_idle_key, attest=attest)
    assert reserves.request_due(world=world, now=now) == 0
    return list(Attestation.objects.values_list("shares", flat=True)), paper


def test_a_figure_as_asked_for_is_kept():
    assert attested()[0] == [1000 * 10**18]


@pytest.mark.parametrize("wrong", [{"more": 1}, {"ahead": 7200}, {"ahead": 10**12}])
def test_a_larger_figure_or_one_from_the_future_is_not_kept(wrong):
    assert attested(**wrong)[0] == []


class Refusing(Node):
    """A chain whose clock trails the custodian's until it has caught up."""

    def __init__(self, seconds):
        super().__init__(seconds)
        self.tried: list[bytes] = []

    def simulate(self, **call):
        self.tried.append(call["data"])
        raise CallReverted("AttestationFromFuture")


def test_a_figure_the_chain_calls_early_is_relayed_again_before_a_newer_one_is_asked_for():
    papers.build()
    attestor, now = Key(secret("attestor")), timezone.now()
    Token.objects.update(attestor_address=attestor.address, attested_units=0, attested_as_of=None)
    node: Any = Refusing(int(now.timestamp()))
    asked = []

    def attest(_token, request):
        asked.append(request)
        return sign_figure(attestor, node, request)

    world = World(chain_for=lambda _: node, key_for=_idle_key, attest=attest)
    for seconds in (0, 5, 10):
        reserves.request_due(world=world, now=now + timedelta(seconds=seconds))
    assert len(asked) == 1
    assert len(node.tried) == 3
    assert len(set(node.tried)) == 1
    node.seconds += 120
    reserves.request_due(world=world, now=now + timedelta(seconds=120))
    assert len(asked) == 2

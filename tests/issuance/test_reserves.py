"""Attestations: a figure that was not asked for is not kept, whoever signed it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from custody.models import Attestation
from issuance.chain.errors import ChainUnreachable
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

    def simulate(self, **_):
        raise ChainUnreachable


def _no_key(address: str) -> Any:
    raise LookupError(address)


def attested(*, more=0, ahead=0):
    """Ask once a custodian that signs ``more`` units than asked for, ``ahead`` seconds from now."""
    paper = papers.build()
    attestor, now = Key(secret("attestor")), timezone.now()
    Token.objects.update(attestor_address=attestor.address, attested_units=0)
    node: Any = Node(int(now.timestamp()) + ahead)

    def attest(_token, request):
        return sign_figure(attestor, node, replace(request, shares=request.shares + more))

    world = World(chain_for=lambda _: node, key_for=_no_key, attest=attest)
    assert reserves.request_due(world=world, now=now) == 0
    return list(Attestation.objects.values_list("shares", flat=True)), paper


def test_a_figure_as_asked_for_is_kept():
    assert attested()[0] == [1000 * 10**18]


@pytest.mark.parametrize("wrong", [{"more": 1}, {"ahead": 7200}, {"ahead": 10**12}])
def test_a_larger_figure_or_one_from_the_future_is_not_kept(wrong):
    assert attested(**wrong)[0] == []

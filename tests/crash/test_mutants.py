"""Each planted bug sits where the pipeline runs: what it replaces exists, is called, and called so."""

import inspect
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crash import mutants
from crash.worker import Post
from issuance.chain.token import encode_mint_batch
from issuance.chain.types import OrderItem
from issuance.chain.wallets import Wallet as Key
from issuance.models import ChainTransaction, Order
from issuance.pipeline import advance, assign
from tests.issuance.stage import secret


class Spies:
    """In the place of every bug: they count the calls and let them through."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch
        self.calls: Counter[tuple[str, str]] = Counter()
        self.misfits = set()
        self.planted = {}

    def watch(self, mutant, place, name, bug):
        sound = getattr(place, name)
        self.planted[mutant, name] = callable(bug)
        if not callable(bug):
            return
        signature = inspect.signature(bug)

        def spy(*args, **named):
            self.calls[mutant, name] += 1
            try:
                signature.bind(*args, **named)
            except TypeError as misfit:
                self.misfits.add(f"{mutant} {name}: {misfit}")
            return sound(*args, **named)

        self._monkeypatch.setattr(place, name, spy)

    def unreached(self):
        return [key for key, is_called in self.planted.items() if is_called and not self.calls[key]]


def two_mints_sent_together_and_raised(ready, monkeypatch):
    orders = [ready.order("1"), ready.order("2")]
    ready.anvil.automine(on=False)
    ready.tick()
    monkeypatch.setattr(advance, "BUMP_AFTER", timedelta(0))
    ready.hurry()
    ready.tick()
    ready.anvil.automine(on=True)
    ids = [order.pk for order in orders]
    ready.until(lambda: Order.objects.filter(pk__in=ids, status="COMPLETED").count() == len(ids))


def a_higher_cap(ready):
    known = ChainTransaction.objects.filter(kind="ATTEST").count()
    ready.settle("100")
    ready.until(
        lambda: ChainTransaction.objects.filter(kind="ATTEST", status="FINAL_OK").count() > known
    )


def a_mint_behind_our_back(ready):
    order = ready.order("1")
    item = OrderItem(order.onchain_id, order.wallet.address, order.quantity)
    Key(secret("ISSUER")).send(ready.node, to=ready.token.address, data=encode_mint_batch([item]))
    assign.assign_due(world=ready.world, clock=timezone.now)
    assert Order.objects.get(pk=order.pk).status == "CHECKING"


def test_every_bug_is_planted_where_the_pipeline_runs(ready, monkeypatch, settings, tmp_path):
    settings.CHAIN_BATCH_MAX = {ready.token.network: 1}
    post = Post(
        stage=ready,
        proxy_urls=[ready.anvil.url],
        redis_url="redis://127.0.0.1:1/0",
        log_path=tmp_path / "log",
    )
    spies = Spies(monkeypatch)
    for name, become in mutants.MUTANTS.items():
        with monkeypatch.context() as planting:
            found: list[tuple[Any, str, Any]] = []
            planting.setattr(mutants, "_plant", lambda *bug, found=found: found.append(bug))
            become(post)
        assert found, f"{name} plants nothing"
        for place, attribute, bug in found:
            spies.watch(name, place, attribute, bug)

    two_mints_sent_together_and_raised(ready, monkeypatch)
    a_higher_cap(ready)
    a_mint_behind_our_back(ready)

    assert spies.unreached() == []
    assert spies.misfits == set()


def test_a_bug_whose_place_is_gone_is_no_mutant():
    with pytest.raises(AttributeError):
        mutants._plant(advance, "long_gone", None)

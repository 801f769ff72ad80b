"""Blocks as the follower sees them: heads, reorganisations, and finality that is never replaced."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Breaker, Event
from issuance import queries, services
from issuance.chain import types as chain
from issuance.chain.errors import ChainAnswerInvalid
from issuance.models import BlockHead, ChainTransaction, Reorg
from issuance.pipeline import blocks
from issuance.services.blocks import FINAL_KEPT
from tests.issuance import paper as papers
from tests.issuance.stage import NETWORK

pytestmark = pytest.mark.django_db

LAG = 4


@dataclass
class Forks:
    """A chain made of names: block ``n`` of fork ``f`` hashes to ``f-n``; forks share their past."""

    forks: list[tuple[int, str]] = field(default_factory=lambda: [(0, "a")])
    height: int = 10
    finality: int | None = None

    def name(self, number):
        return f"{[name for first, name in self.forks if first <= number][-1]}-{number}"

    def fork(self, first, name):
        self.forks = [(start, old) for start, old in self.forks if start < first] + [(first, name)]

    def block(self, number):
        if number > self.height:
            return None
        return chain.Head(
            number=number,
            hash=self.name(number),
            parent_hash=self.name(number - 1) if number else "",
            timestamp=1_700_000_000 + number,
            base_fee=1,
            gas_limit=1,
        )

    def head(self):
        return self.block(self.height)

    def finalized(self):
        return self.block(self.height - LAG if self.finality is None else self.finality)


def seen_in(forks):
    return blocks.look(network=NETWORK, node=forks)


def look(forks):
    return services.record_blocks(seen=seen_in(forks), now=timezone.now())


def halted():
    name = queries.network_breaker(NETWORK)
    return Breaker.objects.filter(name=name, status="OPEN").exists()


def kept():
    return dict(BlockHead.objects.values_list("number", "hash"))


def test_the_first_look_reaches_down_to_finality():
    forks = Forks()
    assert look(forks) is None
    assert kept() == {number: f"a-{number}" for number in range(6, 11)}
    assert queries.finalized_block(network=NETWORK) == 6


def test_later_looks_add_what_is_new_and_finality_rises():
    forks = Forks()
    look(forks)
    forks.height = 13
    assert look(forks) is None
    assert kept() == {number: f"a-{number}" for number in range(6, 14)}
    assert queries.finalized_block(network=NETWORK) == 9


def test_a_reorganisation_above_finality_is_logged_and_its_blocks_replaced():
    forks = Forks()
    look(forks)
    forks.fork(9, "b")
    forks.height = 12
    reorg = look(forks)
    assert (reorg.depth, reorg.first_block, reorg.old_hash, reorg.new_hash) == (2, 9, "a-9", "b-9")
    assert not reorg.below_finality
    assert kept() == {6: "a-6", 7: "a-7", 8: "a-8"} | {n: f"b-{n}" for n in range(9, 13)}
    assert Event.objects.filter(type="reorg.seen").count() == 1
    assert not halted()
    assert look(forks) is None


def test_a_change_below_finality_halts_the_network_though_nothing_new_is_final():
    """The very look after it, with the same head and the same finalized height."""
    forks = Forks()
    look(forks)
    forks.fork(5, "b")
    reorg = look(forks)
    assert reorg.below_finality
    assert halted()


def test_a_change_below_finality_is_seen_again_until_somebody_rewinds():
    forks = Forks()
    look(forks)
    forks.fork(5, "b")
    look(forks)
    Breaker.objects.all().delete()
    forks.height = 40
    assert look(forks) is None
    assert halted()
    assert Reorg.objects.count() == 1
    assert queries.finalized_block(network=NETWORK) == 6


def test_a_change_deeper_than_anything_kept_halts_the_network():
    forks = Forks(height=2_000)
    look(forks)
    forks.height = 2_000 + FINAL_KEPT * 2
    look(forks)
    assert min(kept()) > 1_000
    forks.fork(3, "b")
    look(forks)
    assert halted()


def test_a_change_below_finality_is_seen_after_a_long_absence():
    forks = Forks()
    look(forks)
    forks.fork(5, "b")
    forks.height = 10_000
    look(forks)
    assert halted()


def test_what_was_not_final_before_a_long_absence_may_have_changed():
    forks = Forks()
    look(forks)
    forks.fork(8, "b")
    forks.height = 10_000
    assert look(forks) is None
    assert not halted()
    assert 8 not in kept()
    forks.height += 1
    look(forks)
    assert not halted()


def test_a_node_that_lags_behind_our_finality_proves_nothing():
    forks = Forks()
    look(forks)
    forks.height = 5
    assert look(forks) is None
    assert not halted()


def test_a_shorter_chain_that_differs_at_its_own_head_halts_the_network():
    forks = Forks(height=20)
    look(forks)
    forks.height = 30
    look(forks)
    assert queries.finalized_block(network=NETWORK) == 26
    forks.fork(18, "b")
    forks.height = 22
    look(forks)
    assert halted()


def test_answers_of_two_chains_at_once_are_no_evidence():
    forks = Forks()
    look(forks)
    forks.height = 12

    class Split(Forks):
        def finalized(self):
            return Forks(forks=[(0, "z")], height=12).finalized()

    with pytest.raises(ChainAnswerInvalid):
        seen_in(Split(height=12))


def included(paper, *, block, block_hash, wait=60):
    """An included transaction that nobody would look at for a while."""
    now = timezone.now()
    return ChainTransaction.objects.create(
        created_at=now,
        signer=papers.issuing_signer(paper.token),
        token=paper.token,
        kind="MINT",
        status="INCLUDED",
        nonce=ChainTransaction.objects.count(),
        to_address=paper.token.address,
        calldata=b"",
        gas_limit=1,
        include_hash="0x1",
        include_block=block,
        include_block_hash=block_hash,
        next_attempt_at=now + timedelta(seconds=wait),
    )


def is_due(row):
    due_at = ChainTransaction.objects.get(pk=row.pk).next_attempt_at
    assert due_at is not None
    return due_at <= timezone.now()


def test_included_transactions_are_due_when_their_block_vanished_or_finality_reached_it():
    paper = papers.build()
    forks = Forks()
    look(forks)
    stays = included(paper, block=8, block_hash="a-8")
    moved = included(paper, block=9, block_hash="a-9")
    unseen = included(paper, block=10, block_hash="c-10")  # of a fork we never saw
    forks.fork(9, "b")
    reorg = look(forks)
    assert set(reorg.transactions) == {moved.public_id, unseen.public_id}
    assert [is_due(row) for row in (stays, moved, unseen)] == [False, True, True]
    forks.height = 12
    look(forks)
    assert is_due(stays)

"""Caps of two tokens of one fund on real rows: what is recorded, what a halt stops, what waits."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from core import breakers, history
from core.errors import HaltActive
from custody import ledger
from custody import queries as custody_queries
from custody.models import Attestation
from custody.providers.custodian import AttestationRequest
from issuance import policy, queries, services
from issuance.chain.errors import ChainUnreachable
from issuance.chain.wallets import Wallet as Key
from issuance.models import ChainTransaction, NetworkGate, Order, Signer, Token
from issuance.models.gates import Recovering
from issuance.pipeline import assign, reserves
from issuance.pipeline.world import World
from issuance.services import lanes, postings
from issuance.services.attestations import CapsExhausted
from issuance.services.room import split_by_unfinalized
from issuance.states import ChainTransactionKind, NetworkStatus, SignerRole
from tests.issuance import paper as papers
from tests.issuance.stage import TEST, secret, settle, sign_figure

pytestmark = pytest.mark.django_db
ONE = 10**18


@pytest.fixture
def pair():
    """A fund of 1,000 settled shares with a token on each of two networks, nothing attested."""
    return build()


def build():
    paper = papers.build()
    far = papers.register(paper.fund, network="far", chain_id=777)
    Token.objects.update(attested_units=0, attested_as_of=None)
    paper.token.refresh_from_db()
    far.refresh_from_db()
    return SimpleNamespace(paper=paper, near=paper.token, far=far)


def figure(token, shares, seconds=0):
    node: Any = SimpleNamespace(
        head=lambda: SimpleNamespace(timestamp=int(timezone.now().timestamp()) - 1000 + seconds)
    )
    request = AttestationRequest(
        isin="US46438F1012",
        chain_id=token.chain_id,
        contract=token.address,
        token_name=token.name,
        shares=shares * ONE,
    )
    return sign_figure(Key(secret("attestor")), node, request)


def record(token, shares, seconds=0):
    return services.record_attestation(
        token_id=token.pk, figure=figure(token, shares, seconds), now=timezone.now()
    )


def finalise(token, attestation):
    """The chain holds this figure at finality."""
    Token.objects.filter(pk=token.pk).update(
        attested_units=attestation.shares, attested_as_of=attestation.as_of
    )
    with transaction.atomic(durable=True):
        ledger.note_cap(
            token_id=token.pk,
            fund_id=token.fund_id,
            units=attestation.shares,
            as_of=attestation.as_of,
        )
    token.refresh_from_db()


def wanted(pair):
    return [
        reserves.wanted_shares(Token.objects.get(pk=each.pk)) // ONE
        for each in (pair.near, pair.far)
    ]


def open_halt(name):
    with transaction.atomic(durable=True):
        breakers.open_breaker(name=name, reason="test", actor=TEST, now=timezone.now())


def test_two_tokens_start_with_half_each(pair):
    assert wanted(pair) == [500, 500]


def test_a_figure_that_is_signed_and_not_final_counts_as_if_it_were(pair):
    record(pair.near, 900)
    assert wanted(pair)[1] == 100
    assert custody_queries.highest_caps(pair.paper.fund.pk) == 900 * ONE


def test_a_higher_figure_counts_until_a_later_one_is_final(pair):
    record(pair.near, 900)
    low = record(pair.near, 200, seconds=10)
    assert wanted(pair)[1] == 100
    finalise(pair.near, low)
    assert wanted(pair)[1] == 500


def test_orders_that_wait_on_one_network_get_the_room_another_does_not_need(pair):
    for token in (pair.near, pair.far):
        finalise(token, record(token, 500))
    papers.mint(pair.paper, "100")
    pair.paper.order("600")
    assert wanted(pair) == [500, 150]
    finalise(pair.far, record(pair.far, 150, seconds=10))
    assert wanted(pair) == [850, 150]


def test_a_figure_that_would_let_the_caps_exceed_custody_is_not_kept(pair):
    record(pair.near, 700)
    with pytest.raises(CapsExhausted):
        record(pair.far, 301)
    assert record(pair.far, 300).shares == 300 * ONE
    assert record(pair.near, 600, seconds=10).shares == 600 * ONE


def test_no_cap_rises_while_a_failover_may_have_lost_a_siblings_higher_one(pair):
    """The near contract may hold 600 by a figure whose row is gone; 400 of them are room by our rows."""
    for token in (pair.near, pair.far):
        finalise(token, record(token, 400))
    NetworkGate.objects.filter(network=pair.near.network).update(mark="another history")
    with pytest.raises(Recovering) as refusal:
        record(pair.far, 600, seconds=10)
    assert refusal.value.extra["network"] == pair.near.network
    assert Attestation.objects.filter(token_id=pair.far.pk).count() == 1
    assert wanted(pair) == [400, 400]
    # What rises nothing goes on, or the cap would grow too old to mint by.
    assert record(pair.far, 400, seconds=20).shares == 400 * ONE
    NetworkGate.objects.update(mark=history.mark())
    assert wanted(pair) == [500, 500]
    assert record(pair.far, 600, seconds=30).shares == 600 * ONE


def test_no_cap_rises_while_a_network_of_its_fund_recovers(pair):
    NetworkGate.objects.filter(network=pair.near.network).update(status=NetworkStatus.RECOVERING)
    assert wanted(pair) == [0, 0]
    with pytest.raises(Recovering):
        record(pair.far, 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_raises_at_the_same_instant_one_is_refused():
    pair = build()
    start, outcomes = threading.Barrier(2), list[str]()

    def race(token):
        start.wait(timeout=10)
        try:
            record(token, 600)
            outcomes.append("kept")
        except CapsExhausted:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=[each]) for each in (pair.near, pair.far)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(outcomes) == ["kept", "refused"]
    assert custody_queries.highest_caps(pair.paper.fund.pk) == 600 * ONE


def away(*_) -> Any:
    raise ChainUnreachable


def ask(calls):
    """One sweep over a custodian that answers and a chain that is away."""
    attestor = Key(secret("attestor"))
    Token.objects.update(attestor_address=attestor.address)
    node: Any = SimpleNamespace(
        head=lambda: SimpleNamespace(timestamp=int(timezone.now().timestamp()))
    )

    def attest(token, request):
        calls.append((token.network, request.shares // ONE))
        return sign_figure(attestor, node, request)

    world = World(chain_for=away, key_for=away, attest=attest)
    reserves.request_due(world=world, now=timezone.now())


def test_a_halt_lets_a_cap_fall_and_not_rise(pair):
    for token in (pair.near, pair.far):
        finalise(token, record(token, 500))
    papers.mint(pair.paper, "100")
    pair.paper.order("600")
    open_halt("issuance.anvil.sIBIT")
    open_halt("issuance.far.sIBIT")
    calls: list[tuple[str, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reserves, "PAUSE", reserves.PAUSE * 0)
        ask(calls)
        assert calls == [("far", 150)]
        finalise(pair.far, Attestation.objects.filter(token_id=pair.far.pk).latest("as_of"))
        calls.clear()
        ask(calls)
    assert calls == []


def test_a_halted_lane_numbers_an_attestation_only_when_it_lowers_the_cap(pair):
    finalise(pair.near, record(pair.near, 500))
    raised, lowered = record(pair.near, 600, seconds=10), record(pair.near, 400, seconds=20)
    open_halt("issuance.anvil")
    lane = papers.issuing_signer(pair.near)

    def relay(attestation):
        return services.assign_attestation(
            token_id=pair.near.pk,
            attestation_id=attestation.pk,
            signer_id=lane.pk,
            gas=100_000,
            now=timezone.now(),
        )

    with pytest.raises(HaltActive):
        relay(raised)
    row = relay(lowered)
    assert row is not None
    lanes.require_signable(ChainTransaction.objects.get(pk=row.pk))
    assert Signer.objects.get(pk=lane.pk).next_nonce == lane.next_nonce + 1


# --- what may be minted and not yet final --------------------------------------------------------


def sign(order):
    lane = Signer.objects.get(chain_id=order.token.chain_id, role=SignerRole.ISSUER)
    services.assign_orders(
        token_id=order.token_id,
        kind=ChainTransactionKind.MINT,
        order_ids=[order.pk],
        signer_id=lane.pk,
        gas=100_000,
        now=timezone.now(),
    )
    order.refresh_from_db()
    return order.status


def test_assignment_pauses_while_too_much_is_minted_and_not_final(settings):
    settings.UNFINALIZED_MINT_BASIS_POINTS = 100
    paper = papers.build()
    first, second, third = paper.order("6"), paper.order("4"), paper.order("1")
    assert sign(first) == "SUBMITTED"
    assert sign(second) == "SUBMITTED"
    assert sign(third) == "QUEUED"
    assert queries.token_by_id(token_id=paper.token.pk) == paper.token
    going, waiting = split_by_unfinalized(token=paper.token, orders=[third])
    assert (going, waiting) == ([], [third])
    settle(paper.fund, paper.account, paper.investor, "100")
    assert sign(third) == "SUBMITTED"


def test_an_order_that_waits_for_finality_says_so(settings):
    settings.UNFINALIZED_MINT_BASIS_POINTS = 100
    paper = papers.build()
    assert sign(paper.order("6")) == "SUBMITTED"
    waiting, now = paper.order("5"), timezone.now()
    assign.assign_due(world=World(chain_for=away, key_for=away, attest=away), clock=lambda: now)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.reason_code) == ("QUEUED", "unfinalized_cap")
    assert (waiting.leased_until, waiting.next_attempt_at) == (None, now + assign.RETRY)


def test_an_order_above_the_limit_goes_alone(settings):
    settings.UNFINALIZED_MINT_BASIS_POINTS = 100
    paper = papers.build()
    large, small = paper.order("500"), paper.order("1")
    assert split_by_unfinalized(token=paper.token, orders=[large, small]) == ([large], [small])
    assert split_by_unfinalized(token=paper.token, orders=[small, large]) == ([small], [large])


def test_no_limit_holds_nothing_back(settings):
    settings.UNFINALIZED_MINT_BASIS_POINTS = 0
    paper = papers.build()
    orders = [paper.order("500"), paper.order("400")]
    assert split_by_unfinalized(token=paper.token, orders=orders) == (orders, [])
    assert Order.objects.count() == 2


# --- a token that no contract caps, beside one that has a cap ------------------------------------


def uncapped(token):
    """As an attached ERC-3643 token: what it may show is what lies behind it."""
    Token.objects.filter(pk=token.pk).update(
        standard="ERC3643", attested_units=0, attested_as_of=None, redemption_wallet=papers.ADDRESS
    )
    token.refresh_from_db()


def test_a_token_without_a_cap_mints_nothing_while_a_sibling_may_have_a_cap_we_lost(pair):
    uncapped(pair.near)
    finalise(pair.far, record(pair.far, 500))
    order = pair.paper.order("300")
    assert policy.split_by_room(pair.near, [order]) == ([order], [])
    NetworkGate.objects.filter(network=pair.far.network).update(mark="another history")
    assert policy.split_by_room(pair.near, [order]) == ([], [order])
    order.requeues = 1  # its shares lie behind the token already
    assert policy.split_by_room(pair.near, [order]) == ([order], [])


@pytest.mark.django_db(transaction=True)
def test_no_cap_rises_while_shares_are_numbered_for_a_sibling_without_one(monkeypatch):
    pair = build()
    uncapped(pair.near)
    finalise(pair.far, record(pair.far, 500))
    order = pair.paper.order("500")
    outcomes = list[str]()

    def race():
        try:
            record(pair.far, 1000, seconds=10)
            outcomes.append("kept")
        except CapsExhausted:
            outcomes.append("refused")
        finally:
            connection.close()

    rival = threading.Thread(target=race)
    post = postings.back_many

    def while_a_figure_comes(**rest):
        rival.start()
        rival.join(timeout=2)
        post(**rest)

    monkeypatch.setattr(postings, "back_many", while_a_figure_comes)
    assert sign(order) == "SUBMITTED"
    rival.join(timeout=30)
    assert outcomes == ["refused"]


def test_shares_behind_a_token_without_a_cap_count_before_shares_leave(pair):
    uncapped(pair.near)
    papers.mint(pair.paper, "300")
    record(pair.far, 700)
    assert custody_queries.highest_caps(pair.paper.fund.pk) == 1000 * ONE

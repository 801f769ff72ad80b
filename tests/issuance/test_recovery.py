"""After a failover that lost commits: nothing is signed or given up before the chain was asked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Breaker, Event
from core.units import parse_quantity
from custody import queries as custody_queries
from issuance import queries, services
from issuance.chain import token as calls
from issuance.chain.signing import sign_with
from issuance.chain.types import OrderItem, UnsignedCall
from issuance.chain.wallets import Wallet as Key
from issuance.invariants import check_all
from issuance.models import ChainTransaction, Fence, NetworkGate, Order, Recovery, Signer
from issuance.models.gates import Recovering
from issuance.pipeline import advance, recover
from issuance.services.lanes import IN_FLIGHT_MAX
from issuance.services.recoveries import SEQUENCE_JUMP, WINDOWS
from issuance.states import OrderType, RecoveryCause
from tests.issuance import paper as papers
from tests.issuance.stage import CLIENT, NETWORK, OPERATOR, TEST, secret

WIDTH = 2 * WINDOWS


@pytest.fixture(autouse=True)
def quick_deaths(monkeypatch):
    """Two looks are enough for a proof of death, however soon after one another."""
    monkeypatch.setattr(advance, "DEATH_AFTER", timedelta(0))


@pytest.fixture
def narrow(settings):
    """A small in-flight window, so that a fence is soon final."""
    settings.CHAIN_IN_FLIGHT_MAX = {NETWORK: 2}


def fail_over():
    """As seen from a promoted standby: the gate's mark is that of the timeline before."""
    NetworkGate.objects.update(mark="7000000000000000001/00000001")


def status(order):
    return Order.objects.get(pk=order.pk).status


def gate():
    return NetworkGate.objects.get(network=NETWORK).status


def cancel(order):
    return services.cancel_order(
        institution_id=order.institution_id, order_id=order.pk, actor=CLIENT, now=timezone.now()
    )


def lost_mint(stage, order, *, nonce=None):
    """The bytes that a lost commit had signed for the order: our rows know nothing of them."""
    issuer = Key(secret("ISSUER"))
    call = UnsignedCall(
        chain_id=stage.node.chain_id,
        nonce=stage.node.nonce(issuer.address, at="latest") if nonce is None else nonce,
        to=stage.token.address,
        data=calls.encode_mint_batch(
            [OrderItem(order.onchain_id, stage.wallet.address, order.quantity)]
        ),
        gas=300_000,
        fees=stage.node.fees(),
    )
    return sign_with(issuer._key, call).raw


def recovered(stage):
    stage.tick()
    assert gate() == "RECOVERING"
    stage.until(lambda: gate() == "OPERATING")


# --- the gate -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_no_instant_after_a_failover_lets_an_order_be_cancelled():
    paper = papers.build()
    order = paper.order()
    fail_over()
    with pytest.raises(Recovering):
        cancel(order)
    assert status(order) == "QUEUED"


@pytest.mark.django_db
def test_no_instant_after_a_failover_lets_an_order_be_rejected(settings):
    settings.ORDER_APPROVAL_ABOVE_UNITS = 0
    paper = papers.build()
    order = paper.order()
    fail_over()
    with pytest.raises(Recovering):
        services.reject_order(order_id=order.pk, actor=OPERATOR, reason="late", now=timezone.now())


@pytest.mark.django_db
def test_no_order_id_is_given_out_twice_after_a_failover():
    """Before the recovery has begun no order is taken; afterwards ids are far above the lost ones."""
    paper = papers.build()
    known = paper.order().onchain_id
    fail_over()
    with pytest.raises(Recovering):
        paper.order()
    begin()
    assert paper.order().onchain_id > known + SEQUENCE_JUMP


@pytest.mark.django_db
def test_a_doubtful_order_is_not_failed_or_queued_again_while_the_network_recovers():
    paper = papers.build()
    order = paper.order()
    services.doubt_order(order_id=order.pk, now=timezone.now())
    begin(RecoveryCause.OPERATOR)
    with pytest.raises(Recovering):
        services.requeue_checked(order_id=order.pk, wait=timedelta(0), now=timezone.now())


@pytest.mark.django_db
def test_a_network_without_a_gate_is_shut():
    with pytest.raises(Recovering):
        queries.require_recovered(network="nowhere")


def begin(cause=RecoveryCause.FAILOVER):
    return services.begin_recovery(
        network=NETWORK, cause=cause, reason="test", actor=TEST, now=timezone.now()
    )


@pytest.mark.django_db
def test_a_recovery_begins_once_and_anew_after_a_further_failover():
    papers.build()
    assert begin() is None  # the history is as it was
    fail_over()
    first = begin()
    assert (first.status, gate()) == ("BEGUN", "RECOVERING")
    assert begin() is None
    assert begin(RecoveryCause.ORDER_ID) is None
    fail_over()
    with pytest.raises(Recovering):  # whatever was asked before the further failover is void
        services.record_fenced(recovery_id=first.pk, now=timezone.now())
    again = begin()
    assert (again.pk, again.round) == (first.pk, 2)
    assert Recovery.objects.count() == 1
    assert Event.objects.filter(type="network.recovering").count() == 1


@pytest.mark.django_db
def test_a_fence_covers_every_nonce_that_a_lost_transaction_can_have_and_is_raised_once():
    paper = papers.build()
    signer = papers.issuing_signer(paper.token)
    recovery = begin(RecoveryCause.OPERATOR)
    for _ in range(2):
        services.raise_fence(
            recovery_id=recovery.pk,
            signer_id=signer.pk,
            seen=3,
            used_up=0,
            gas=70_000,
            now=timezone.now(),
        )
    rows = ChainTransaction.objects.filter(signer=signer, kind="FILL").order_by("nonce")
    assert [row.nonce for row in rows] == list(range(3 + WINDOWS * IN_FLIGHT_MAX))
    assert {(row.to_address, row.gas_limit) for row in rows} == {(signer.address, 70_000)}
    assert Signer.objects.get(pk=signer.pk).next_nonce == 3 + WINDOWS * IN_FLIGHT_MAX
    assert Fence.objects.count() == 1


@pytest.mark.django_db
def test_a_chain_that_claims_to_be_absurdly_far_ahead_halts_instead_of_spending():
    paper = papers.build()
    recovery = begin(RecoveryCause.OPERATOR)
    signer = papers.issuing_signer(paper.token)
    fence = services.raise_fence(
        recovery_id=recovery.pk,
        signer_id=signer.pk,
        seen=10**9,
        used_up=0,
        gas=70_000,
        now=timezone.now(),
    )
    assert fence is None
    assert "nonces ahead" in Breaker.objects.get(status="OPEN").reason
    assert not ChainTransaction.objects.exists()


# --- the whole way ------------------------------------------------------------------------------


@pytest.mark.usefixtures("narrow")
def test_a_lost_mint_that_is_mined_late_can_never_happen_once_its_order_was_cancelled(ready):
    """The race the campaign found: the order looks queued, is cancelled, and is minted all the same."""
    order = ready.order("10")
    lost = lost_mint(ready, order)
    fail_over()
    ready.tick()
    with pytest.raises(Recovering):
        cancel(order)
    assert not ChainTransaction.objects.filter(kind="MINT").exists()
    # Nobody saw it during the whole recovery.
    ready.until(lambda: gate() == "OPERATING" or cancelled_too_early(order))
    cancel(order) if status(order) == "QUEUED" else None
    assert ready.node.send(lost).kind == "nonce_too_low"
    ready.tick(blocks=3)
    ready.until(lambda: status(order) in {"CANCELLED", "COMPLETED"})
    minted = ready.reader.supply()
    assert minted == (order.quantity if status(order) == "COMPLETED" else 0)
    assert not Breaker.objects.filter(status="OPEN").exists()
    assert check_all() == []


def cancelled_too_early(order):
    """Try at every turn what the client of the race did."""
    try:
        cancel(order)
    except Recovering:
        return False
    assert gate() == "OPERATING"
    return True


def unsound():
    """A violated invariant would halt the token, and the recovery would need people."""
    assert check_all() == []
    return False


@pytest.mark.usefixtures("narrow")
def test_a_lost_mint_that_the_chain_mined_completes_its_order_once(ready):
    order = ready.order("10")
    fail_over()
    ready.node.send(lost_mint(ready, order))
    ready.tick()
    ready.until(lambda: gate() == "OPERATING" or cancelled_too_early(order) or unsound())
    ready.until(lambda: status(order) == "COMPLETED" or unsound())
    assert ready.reader.supply() == custody_queries.backing(ready.token.pk) == order.quantity
    assert not ChainTransaction.objects.filter(kind="MINT").exists()
    assert not Breaker.objects.filter(status="OPEN").exists()
    assert check_all() == []


@pytest.mark.usefixtures("narrow")
def test_after_a_recovery_the_network_signs_again_by_itself(ready):
    fail_over()
    recovered(ready)
    order = ready.order("10")
    ready.until(lambda: status(order) == "COMPLETED")
    signers = Signer.objects.count()
    assert Fence.objects.values("signer").distinct().count() == signers
    fills = ChainTransaction.objects.filter(kind="FILL")
    assert fills.count() == signers * WIDTH
    assert set(fills.values_list("status", flat=True)) == {"FINAL_OK"}
    told = Event.objects.filter(type__startswith="network.").order_by("sequence")
    assert list(told.values_list("type", flat=True)) == [
        "network.recovering",
        "network.operating",
    ]
    assert check_all() == []


@pytest.mark.usefixtures("narrow")
def test_a_lost_approval_and_a_lost_mint_complete_the_order(ready, settings):
    settings.ORDER_APPROVAL_ABOVE_UNITS = 0
    order = ready.order("10")
    assert status(order) == "AWAITING_APPROVAL"
    fail_over()
    ready.node.send(lost_mint(ready, order))
    recovered(ready)
    ready.until(lambda: status(order) == "COMPLETED")
    assert ready.reader.supply() == order.quantity
    assert check_all() == []


@pytest.mark.usefixtures("narrow")
def test_a_lost_refusal_whose_tokens_went_back_ends_the_redemption(ready, settings):
    mint = ready.order("10")
    ready.until(lambda: status(mint) == "COMPLETED")
    settings.ORDER_APPROVAL_ABOVE_UNITS = 0
    order = ready.order("4", OrderType.REDEEM)
    ready.holder_key.request_redeem(
        ready.node,
        contract=ready.token.address,
        order_id=order.onchain_id,
        amount=order.quantity,
    )
    ready.until(lambda: status(order) == "AWAITING_APPROVAL")
    issuer = Key(secret("ISSUER"))
    fail_over()
    back = calls.encode_cancel_redeem(order_id=order.onchain_id, holder=ready.wallet.address)
    issuer.send(ready.node, to=ready.token.address, data=back)
    recovered(ready)
    assert status(order) == "REJECTED"
    assert ready.reader.balance(ready.wallet.address) == parse_quantity("10")
    assert check_all() == []


@pytest.mark.usefixtures("narrow")
def test_a_foreign_nonce_without_a_failover_halts_for_a_person_and_recovers_after(ready):
    thief = Key(secret("ISSUER"))
    thief.send(ready.node, to=thief.address, data=b"", gas=30_000)
    ready.tick()
    assert "chain nonce" in Breaker.objects.get(status="OPEN").reason
    assert gate() == "RECOVERING"
    for _ in range(3):
        ready.tick(blocks=1)
    assert not ChainTransaction.objects.filter(kind="FILL").exists()


@pytest.mark.usefixtures("narrow")
def test_a_used_order_id_that_we_never_gave_out_is_never_given_out(ready):
    """Another issuer's mint, such as another installation's against the same contract."""
    foreign = ready.order("1").onchain_id + 5
    assert queries.last_onchain_id(token_id=ready.token.pk) < foreign
    item = OrderItem(foreign, ready.wallet.address, 10**18)
    Key(secret("ISSUER")).send(
        ready.node, to=ready.token.address, data=calls.encode_mint_batch([item])
    )
    ready.tick(blocks=3)
    ready.tick()
    ready.tick()
    assert queries.last_onchain_id(token_id=ready.token.pk) > foreign


@pytest.mark.usefixtures("narrow")
def test_two_workers_make_each_step_of_a_recovery_once(ready):
    fail_over()
    for _ in range(4):
        recover.recover_due(world=ready.world, now=timezone.now())
    signers = Signer.objects.count()
    assert Fence.objects.count() == signers
    assert ChainTransaction.objects.filter(kind="FILL").count() == signers * WIDTH
    recovered(ready)


@pytest.mark.django_db
def test_no_instant_after_a_failover_lets_a_contracts_refusal_end_an_order():
    """A lost transaction may have minted it before the contract began to refuse."""
    paper = papers.build()
    order = paper.order()
    fail_over()
    with pytest.raises(Recovering):
        services.refuse_order(order_id=order.pk, reason_code="chain_frozen", now=timezone.now())
    assert status(order) == "QUEUED"
    assert custody_queries.position(paper.fund.pk).reserved == order.quantity

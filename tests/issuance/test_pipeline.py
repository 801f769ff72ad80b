"""The pipeline on a real chain and a real database, one story per test."""

from dataclasses import replace

import pytest
from django.db.models import F
from django.utils import timezone

from core.errors import HaltActive
from core.models import Breaker, Event
from core.units import parse_quantity
from custody import queries as custody_queries
from custody.models import Attestation, Break
from issuance import queries, services
from issuance.chain import token as calls
from issuance.chain.errors import WrongSignature
from issuance.chain.types import OrderItem
from issuance.chain.wallets import Wallet as Key
from issuance.invariants import check_all
from issuance.models import Attempt, ChainTransaction, Holder, Order, Signer, TokenLog
from issuance.pipeline import advance, reserves
from issuance.states import OrderType
from kyc.models import Investor, Wallet
from tests.issuance.stage import NETWORK, OPERATOR, TEST, let_pass, secret


def fresh(order):
    return Order.objects.select_related("wallet").get(pk=order.pk)


def status(order):
    return fresh(order).status


def minted(stage, quantity):
    order = stage.order(quantity)
    stage.until(lambda: status(order) == "COMPLETED")
    return order


def redeem(stage, order, *, amount=None, order_id=None):
    return stage.holder_key.request_redeem(
        stage.node,
        contract=stage.token.address,
        order_id=order_id or order.onchain_id,
        amount=amount or order.quantity,
    )


def freeze(stage, account):
    """As an operator's freeze through the compliance key would: its nonce is accounted for."""
    data = calls.encode_set_address_frozen(account=account, frozen=True)
    Key(secret("COMPLIANCE")).send(stage.node, to=stage.token.address, data=data)
    Signer.objects.filter(role="COMPLIANCE").update(next_nonce=F("next_nonce") + 1)


def position(stage):
    return custody_queries.position(stage.fund.pk)


def snapshot(stage):
    return queries.latest_snapshot(token_id=stage.token.pk)


def test_a_mint_is_signed_once_included_and_completed_at_finality(ready):
    order = ready.order("600.25")
    ready.tick()
    # A slow machine may see it in its block within the same turn.
    assert status(order) in {"SUBMITTED", "INCLUDED"}
    assert position(ready).reserved == 0
    assert custody_queries.backing(ready.token.pk) == order.quantity
    ready.hurry()
    ready.tick()
    assert status(order) == "INCLUDED"
    ready.until(lambda: status(order) == "COMPLETED")
    assert ready.reader.supply() == custody_queries.backing(ready.token.pk) == order.quantity
    assert ready.reader.balance(ready.wallet.address) == order.quantity
    row = ChainTransaction.objects.get(kind="MINT")
    assert Attempt.objects.get(chain_transaction=row).tx_hash == fresh(order).tx_hash
    assert list(
        Event.objects.filter(object_id=order.pk).order_by("sequence").values_list("type", flat=True)
    ) == ["order.created", "order.submitted", "order.included", "order.completed"]
    ready.until(lambda: snapshot(ready).supply == order.quantity)
    assert (snapshot(ready).cap, snapshot(ready).settled) == (10**21, 10**21)
    assert check_all() == []


def test_many_orders_travel_in_one_transaction(ready):
    orders = [ready.order("10") for _ in range(5)]
    ready.until(lambda: all(status(order) == "COMPLETED" for order in orders))
    assert ChainTransaction.objects.filter(kind="MINT").count() == 1
    assert ready.reader.supply() == parse_quantity("50")


def test_a_redemption_burns_and_frees_the_shares(ready):
    minted(ready, "600.25")
    order = ready.order("100", OrderType.REDEEM)
    assert status(order) == "AWAITING_TOKENS"
    redeem(ready, order)
    ready.until(lambda: status(order) == "COMPLETED")
    assert ready.reader.supply() == position(ready).backing == parse_quantity("500.25")
    assert position(ready).free == parse_quantity("499.75")
    assert check_all() == []


def test_a_refused_redemption_gets_its_tokens_back(ready, settings):
    minted(ready, "10")
    settings.ORDER_APPROVAL_ABOVE_UNITS = 0
    order = ready.order("4", OrderType.REDEEM)
    redeem(ready, order)
    ready.until(lambda: status(order) == "AWAITING_APPROVAL")
    services.reject_order(
        order_id=order.pk, actor=OPERATOR, reason="not plausible", now=timezone.now()
    )
    assert status(order) == "RETURNING"
    ready.until(lambda: status(order) == "REJECTED")
    assert ready.reader.balance(ready.wallet.address) == parse_quantity("10")
    assert position(ready).backing == parse_quantity("10")


def test_tokens_that_arrive_without_a_matching_order_open_a_break(ready):
    minted(ready, "10")
    order = ready.order("4", OrderType.REDEEM)
    redeem(ready, order, amount=parse_quantity("3"))  # another amount than ordered
    redeem(ready, order, order_id=77, amount=parse_quantity("1"))  # an id we never gave out
    ready.until(lambda: Break.objects.count() == 2)
    assert status(order) == "AWAITING_TOKENS"
    assert Event.objects.filter(type="break.opened").count() == 2
    assert position(ready).backing == parse_quantity("10")


def test_a_holder_frozen_on_chain_fails_the_order_and_frees_the_shares(ready):
    freeze(ready, ready.wallet.address)
    order = ready.order("10")
    ready.until(lambda: status(order) == "FAILED")
    assert fresh(order).reason_code == "chain_frozen"
    assert (position(ready).free, position(ready).backing) == (parse_quantity("1000"), 0)
    assert ready.reader.supply() == 0


def test_an_investor_suspended_before_signing_is_turned_away(ready):
    order = ready.order("10")
    Investor.objects.filter(pk=ready.investor.pk).update(status="SUSPENDED")
    ready.tick()
    assert (status(order), fresh(order).reason_code) == ("REJECTED", "investor_not_approved")
    assert position(ready).free == parse_quantity("1000")
    assert not ChainTransaction.objects.filter(kind="MINT").exists()


def test_a_wallet_revoked_before_signing_gets_no_tokens(ready):
    order = ready.order("10")
    Wallet.objects.filter(pk=ready.wallet.pk).update(status="REVOKED")
    ready.tick()
    assert (status(order), fresh(order).reason_code) == ("REJECTED", "wallet_not_proved")
    assert position(ready).free == parse_quantity("1000")


def test_an_investor_who_leaves_good_standing_loses_permission_on_chain(ready):
    Investor.objects.filter(pk=ready.investor.pk).update(status="SUSPENDED")
    ready.until(lambda: Holder.objects.get().permitted is False)
    assert not ready.reader.holder(ready.wallet.address).permitted


def test_a_mint_waits_for_room_under_the_attested_cap(ready):
    attest = ready.world.attest
    ready.world = replace(
        ready.world, attest=lambda token, request: attest(token, replace(request, shares=10**18))
    )
    ready.settle("500")
    ready.until(lambda: queries.token_by_id(token_id=ready.token.pk).attested_units == 10**18)
    order = ready.order("2")
    ready.tick()
    assert status(order) == "QUEUED"
    ready.world = replace(ready.world, attest=attest)
    ready.until(lambda: status(order) == "COMPLETED")


def test_an_attestation_by_another_key_is_refused(ready):
    forger = Key(secret("forger"))
    request_seen = []

    def forge(token, request):
        request_seen.append(request)
        genuine = ready.world.attest(token, request)
        return replace(genuine, signature="0x" + "11" * 65, signer_address=forger.address)

    ready.settle("5")
    known = Attestation.objects.count()
    world = replace(ready.world, attest=forge)
    # Long enough after the last one.
    later = timezone.now() + reserves.PAUSE
    assert reserves.request_due(world=world, now=later) == 0
    assert request_seen
    assert Attestation.objects.count() == known
    with pytest.raises(WrongSignature):
        reserves.require_genuine(ready.token, forge(ready.token, request_seen[0]))


def test_an_included_transaction_that_a_reorganisation_drops_is_sent_again_with_the_same_bytes(
    ready,
):
    order = ready.order("10")
    ready.tick()
    ready.hurry()
    ready.tick()
    assert status(order) == "INCLUDED"
    ready.anvil.reorg(1)
    ready.hurry()
    ready.tick()
    assert status(order) == "SUBMITTED"
    ready.until(lambda: status(order) == "COMPLETED")
    attempt = Attempt.objects.get(chain_transaction__kind="MINT")
    assert attempt.sent_count == 2
    assert Event.objects.filter(type="chain_transaction.reorganised").count() == 1
    assert ready.reader.supply() == parse_quantity("10")


def test_a_nonce_used_by_somebody_else_kills_the_transaction_and_the_order_is_signed_anew(
    ready, monkeypatch
):
    monkeypatch.setattr(advance, "DEATH_AFTER", advance.LOOK_EVERY * 0)
    ready.anvil.automine(on=False)
    order = ready.order("10")
    ready.tick()
    first = Attempt.objects.get(chain_transaction__kind="MINT")
    ready.anvil.drop(first.tx_hash)
    # Another transaction of the same key at the same nonce, such as a stolen key would make.
    thief = Key(secret("ISSUER"))
    thief.send(ready.node, to=thief.address, data=b"", gas=30_000)
    ready.anvil.automine(on=True)
    ready.until(lambda: status(order) == "COMPLETED")
    dead = ChainTransaction.objects.get(pk=first.chain_transaction_id)
    assert dead.status == "DEAD"
    assert fresh(order).requeues == 1
    assert fresh(order).tx_hash != first.tx_hash
    assert ready.reader.supply() == custody_queries.backing(ready.token.pk) == order.quantity
    assert check_all() == []


def test_a_mint_that_the_database_forgot_is_found_by_its_id_and_not_repeated(ready, settings):
    """Commits lost in a failover: the chain has executed what our rows still call queued."""
    # A small in-flight window, so that the fence of the recovery is soon final.
    settings.CHAIN_IN_FLIGHT_MAX = {NETWORK: 2}
    order = ready.order("10")
    item = OrderItem(order.onchain_id, ready.wallet.address, order.quantity)
    Key(secret("ISSUER")).send(
        ready.node, to=ready.token.address, data=calls.encode_mint_batch([item])
    )
    ready.tick(blocks=3)
    halt = Breaker.objects.get(status="OPEN")
    assert halt.name == queries.network_breaker("anvil")
    assert status(order) == "QUEUED"
    with pytest.raises(HaltActive):
        ready.order("1")
    let_pass(halt.name)
    ready.until(lambda: status(order) == "COMPLETED")
    assert ready.reader.supply() == custody_queries.backing(ready.token.pk) == order.quantity
    assert not ChainTransaction.objects.filter(kind="MINT").exists()
    assert fresh(order).tx_hash == TokenLog.objects.get(kind="ORDER_MINTED").tx_hash


def test_a_mint_nobody_ordered_halts_the_token(ready):
    item = OrderItem(999, ready.wallet.address, 10**18)
    Key(secret("ISSUER")).send(
        ready.node, to=ready.token.address, data=calls.encode_mint_batch([item])
    )
    ready.tick(blocks=3)
    ready.tick()
    assert set(Breaker.objects.filter(status="OPEN").values_list("name", flat=True)) == {
        queries.network_breaker("anvil"),
        queries.token_breaker(ready.token),
    }


def test_an_order_above_the_limit_goes_on_after_another_person_approved(ready, settings):
    settings.ORDER_APPROVAL_ABOVE_UNITS = 0
    order = ready.order("10")
    ready.tick()
    assert status(order) == "AWAITING_APPROVAL"
    services.approve_order(order_id=order.pk, actor=OPERATOR, reason="known", now=timezone.now())
    ready.until(lambda: status(order) == "COMPLETED")


def test_a_stuck_transaction_gets_a_dearer_attempt_at_the_same_nonce(ready, monkeypatch):
    monkeypatch.setattr(advance, "BUMP_AFTER", advance.LOOK_EVERY * 0)
    ready.anvil.automine(on=False)
    order = ready.order("10")
    ready.tick()
    ready.hurry()
    ready.tick()
    first, second = Attempt.objects.filter(chain_transaction__kind="MINT").order_by("sequence")
    assert second.max_fee_wei * 8 >= first.max_fee_wei * 9
    assert second.tip_wei * 8 >= first.tip_wei * 9
    assert second.sent_count == 1
    ready.anvil.automine(on=True)
    ready.until(lambda: status(order) == "COMPLETED")
    assert fresh(order).tx_hash == second.tx_hash
    assert ready.reader.supply() == parse_quantity("10")


def test_a_mint_of_a_cancelled_order_halts_the_token(ready):
    """The commit that signed it was lost, and the client cancelled what looked unsigned."""
    order = ready.order("10")
    services.cancel_order(
        institution_id=order.institution_id, order_id=order.pk, actor=TEST, now=timezone.now()
    )
    item = OrderItem(order.onchain_id, ready.wallet.address, order.quantity)
    Key(secret("ISSUER")).send(
        ready.node, to=ready.token.address, data=calls.encode_mint_batch([item])
    )
    ready.tick(blocks=3)
    ready.tick()
    halt = Breaker.objects.get(name=queries.token_breaker(ready.token))
    assert halt.status == "OPEN"
    assert "ORDER_MINTED" in halt.reason
    assert status(order) == "CANCELLED"

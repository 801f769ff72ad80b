"""Calls that cannot be mined: the nonce is filled, and orders are released only by final evidence."""

import json
from dataclasses import replace

import pytest
from django.utils import timezone

from core.models import Event
from core.units import parse_quantity
from custody import queries as custody_queries
from issuance import queries, services
from issuance.chain.errors import SignerRefused
from issuance.chain.signer import LocalSigner, SignerPolicy
from issuance.invariants import check_all
from issuance.models import Attempt, ChainTransaction, Holder, Order, Recovery, Signer, Token
from issuance.pipeline import advance, sign
from issuance.services.cancels import NotCancellable
from issuance.states import RecoveryCause
from tests.issuance.stage import OPERATOR, make_wallet, secret


def status(order):
    return Order.objects.get(pk=order.pk).status


def mint_row():
    return ChainTransaction.objects.filter(kind="MINT").earliest("created_at")


def cancel(row):
    return services.cancel_transaction(
        chain_transaction_id=row.pk,
        reason="the gas limit was wrong",
        actor=OPERATOR,
        now=timezone.now(),
    )


class WorkerDied(BaseException):
    """Nothing of the product's may hold it up."""


def refusing(stage, answer=SignerRefused):
    """The world with keys that sign what uses up a nonce, and refuse every call of the token."""

    class Stubborn:
        def __init__(self, key):
            self.key, self.address, self.require = key, key.address, key.require

        def sign(self, unsigned):
            if unsigned.data:
                raise answer("not this one")
            return self.key.sign(unsigned)

    known = stage.world.key_for
    return replace(stage.world, key_for=lambda address: Stubborn(known(address)))


def test_a_cancelled_call_gives_its_nonce_to_an_empty_transfer_and_its_order_is_signed_anew(ready):
    ready.anvil.automine(on=False)
    order = ready.order("10")
    ready.tick()
    row = mint_row()
    cancel(row)
    ready.tick()
    call, empty = Attempt.objects.filter(chain_transaction=row).order_by("sequence")
    assert (call.cancels, empty.cancels) == (False, True)
    assert empty.max_fee_wei * 8 >= call.max_fee_wei * 9
    assert empty.tip_wei * 8 >= call.tip_wei * 9
    assert status(order) == "SUBMITTED"
    ready.anvil.automine(on=True)
    ready.until(lambda: ChainTransaction.objects.get(pk=row.pk).status == "DEAD")
    ready.until(lambda: status(order) == "COMPLETED")
    row.refresh_from_db()
    assert (row.include_hash, row.last_note) == (
        empty.tx_hash,
        "cancelled: the gas limit was wrong",
    )
    assert Order.objects.get(pk=order.pk).requeues == 1
    assert ready.reader.supply() == custody_queries.backing(ready.token.pk) == order.quantity
    assert check_all() == []


def test_the_order_stays_bound_until_the_cancel_is_final(ready):
    ready.anvil.automine(on=False)
    order = ready.order("10")
    ready.tick()
    row = mint_row()
    cancel(row)
    ready.tick(blocks=1)
    ready.hurry()
    ready.tick()
    row.refresh_from_db()
    assert (row.status, status(order)) == ("INCLUDED", "SUBMITTED")
    assert row.order_bindings.filter(live=True).count() == 1
    assert custody_queries.backing(ready.token.pk) == order.quantity


def test_an_original_that_wins_the_race_settles_as_ever(ready):
    ready.anvil.automine(on=False)
    order = ready.order("10")
    ready.tick()
    row = mint_row()
    cancel(row)
    ready.anvil.mine(1)
    ready.anvil.automine(on=True)
    ready.until(lambda: status(order) == "COMPLETED")
    row.refresh_from_db()
    assert (row.status, Order.objects.get(pk=order.pk).requeues) == ("FINAL_OK", 0)
    assert not Attempt.objects.filter(chain_transaction=row, cancels=True).exists()
    assert ready.reader.supply() == parse_quantity("10")


def test_an_original_that_wins_after_the_cancel_was_sent_settles_as_ever(ready):
    """The cancel was saved, but the block was built by somebody who had only the original."""
    ready.anvil.automine(on=False)
    order = ready.order("10")
    ready.tick()
    row = mint_row()
    cancel(row)
    ready.tick()
    call, empty = Attempt.objects.filter(chain_transaction=row).order_by("sequence")
    ready.anvil.drop(empty.tx_hash)
    ready.node.send(bytes(call.raw))
    ready.anvil.mine(1)
    ready.anvil.automine(on=True)
    ready.until(lambda: status(order) == "COMPLETED")
    row.refresh_from_db()
    assert (row.status, row.include_hash) == ("FINAL_OK", call.tx_hash)
    assert ready.reader.supply() == parse_quantity("10")


def test_a_call_whose_signer_refuses_for_good_is_cancelled_by_itself(ready, monkeypatch):
    world = ready.world
    order = ready.order("10")
    ready.world = refusing(ready)
    ready.tick()
    row = mint_row()
    assert row.last_note.startswith("signer_refused: ")
    assert row.cancel_asked_at is None
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    ready.until(lambda: ChainTransaction.objects.get(pk=row.pk).status == "DEAD")
    row.refresh_from_db()
    assert "not this one" in row.cancel_reason
    assert [each.cancels for each in row.attempts_signed.all()] == [True]
    ready.world = world
    ready.until(lambda: status(order) == "COMPLETED")
    assert ready.reader.supply() == parse_quantity("10")


def test_an_order_that_no_signer_ever_signs_fails_and_its_shares_are_free(ready, monkeypatch):
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    order = ready.order("10")
    ready.world = refusing(ready)
    ready.until(lambda: status(order) == "FAILED", rounds=400)
    assert Order.objects.get(pk=order.pk).reason_code == "chain_refused"
    assert custody_queries.position(ready.fund.pk).free == parse_quantity("1000")
    assert check_all() == []


def test_an_unsigned_call_of_a_halted_token_is_cancelled_when_it_is_in_anothers_way(
    ready, monkeypatch
):
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    ready.order("10")
    sound, ready.world = ready.world, refusing(ready, WorkerDied)
    with pytest.raises(WorkerDied):
        ready.tick()
    ready.world = sound
    row = mint_row()
    name = queries.token_breaker(ready.token)
    services.trip(name=name, reason="doubt", now=timezone.now())
    ready.hurry()
    ready.tick()
    row.refresh_from_db()
    assert (row.cancel_asked_at, row.last_note[:11]) == (None, "halt_active")
    another_tokens_row(ready, row)
    for _ in range(2):
        ready.hurry()
        advance.advance_due(world=ready.world, clock=timezone.now)
    row.refresh_from_db()
    assert (row.status in {"SENT", "INCLUDED"}, row.cancelled_by) == (
        True,
        "system:issuance.pipeline",
    )
    assert [each.cancels for each in row.attempts_signed.all()] == [True]


def test_an_unsigned_call_of_a_halted_token_gives_way_to_a_recovery_of_the_network(
    ready, monkeypatch, settings
):
    """Fences are numbered in the name of some token; they serve them all."""
    settings.CHAIN_IN_FLIGHT_MAX = {ready.token.network: 2}
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    ready.order("10")
    sound, ready.world = ready.world, refusing(ready, WorkerDied)
    with pytest.raises(WorkerDied):
        ready.tick()
    ready.world = sound
    services.trip(name=queries.token_breaker(ready.token), reason="doubt", now=timezone.now())
    services.begin_recovery(
        network=ready.token.network,
        cause=RecoveryCause.OPERATOR,
        reason="as after a failover",
        now=timezone.now(),
    )
    ready.until(lambda: Recovery.objects.get().status == "DONE")
    assert mint_row().status == "DEAD"


def another_tokens_row(stage, row):
    """The next nonce of the same key, given to a token that is not halted."""
    other = Token.objects.get(pk=stage.token.pk)
    other.pk, other.symbol, other.network = None, "sOTHER", "elsewhere"
    other._state.adding = True
    other.id = Token._meta.pk.get_default()
    other.address = "0x" + "77" * 20
    other.save(force_insert=True)
    Signer.objects.filter(pk=row.signer_id).update(next_nonce=row.nonce + 2)
    return ChainTransaction.objects.create(
        created_at=timezone.now(),
        signer=row.signer,
        token=other,
        kind="MINT",
        nonce=row.nonce + 1,
        to_address=other.address,
        calldata=b"\x01",
        gas_limit=21_000,
    )


def test_a_cancelled_registration_is_asked_for_again(ready):
    ready.anvil.automine(on=False)
    wallet = make_wallet(ready.investor, "0x" + "5a" * 20)
    ready.tick()
    row = ChainTransaction.objects.filter(kind="REGISTER").latest("created_at")
    cancel(row)
    ready.tick()
    ready.anvil.automine(on=True)
    ready.until(lambda: ChainTransaction.objects.get(pk=row.pk).status == "DEAD")
    ready.until(lambda: Holder.objects.filter(wallet=wallet, status="REGISTERED").exists())


@pytest.mark.parametrize("state", ["INCLUDED", "FINAL_OK"], ids=["in a block", "final"])
def test_what_is_in_a_block_or_has_ended_is_not_cancelled(ready, state):
    ready.order("10")
    ready.tick()
    ready.until(lambda: mint_row().status == state)
    with pytest.raises(NotCancellable) as refusal:
        cancel(mint_row())
    assert refusal.value.code == "transaction_not_cancellable"
    assert mint_row().cancel_asked_at is None


def test_a_cancel_is_asked_for_once_and_recorded_without_the_operators_words(ready):
    ready.anvil.automine(on=False)
    ready.order("10")
    ready.tick()
    cancel(mint_row())
    with pytest.raises(NotCancellable):
        cancel(mint_row())
    event = Event.objects.get(type="chain_transaction.cancel_requested")
    assert "gas limit was wrong" not in json.dumps(json.loads(bytes(event.body)))
    assert event.actor == str(OPERATOR)
    assert (mint_row().cancel_reason, mint_row().cancelled_by) == (
        "the gas limit was wrong",
        str(OPERATOR),
    )


def test_a_cancel_goes_on_though_a_breaker_is_open(ready):
    ready.anvil.automine(on=False)
    order = ready.order("10")
    ready.tick()
    row = mint_row()
    services.trip(
        name=queries.network_breaker(ready.token.network), reason="doubt", now=timezone.now()
    )
    cancel(row)
    ready.tick()
    assert Attempt.objects.filter(chain_transaction=row, cancels=True).count() == 1
    ready.anvil.automine(on=True)
    ready.until(lambda: ChainTransaction.objects.get(pk=row.pk).status == "DEAD")
    assert status(order) != "COMPLETED"


def test_a_cancel_that_is_stuck_gets_dearer_and_stays_a_cancel(ready, monkeypatch):
    ready.anvil.automine(on=False)
    ready.order("10")
    ready.tick()
    row = mint_row()
    cancel(row)
    ready.tick()
    monkeypatch.setattr(advance, "BUMP_AFTER", advance.LOOK_EVERY * 0)
    ready.hurry()
    ready.tick()
    forms = list(Attempt.objects.filter(chain_transaction=row).order_by("sequence"))
    assert [each.cancels for each in forms] == [False, True, True]
    assert forms[2].max_fee_wei > forms[1].max_fee_wei


def test_a_form_of_the_call_that_was_being_signed_is_thrown_away_when_a_cancel_is_asked(ready):
    ready.anvil.automine(on=False)
    ready.order("10")
    sound, ready.world = ready.world, refusing(ready)
    ready.tick()
    row = ChainTransaction.objects.select_related("token", "signer").get(pk=mint_row().pk)
    cancel(row)
    # The worker still holds the row as it was before.
    row.cancel_asked_at = None
    assert sign.sign_first(row=row, world=sound, now=timezone.now()) is None
    assert not Attempt.objects.filter(chain_transaction=row).exists()


def test_a_key_without_any_permission_does_not_even_cancel(ready):
    bare = LocalSigner(secret("ISSUER"), policies=SignerPolicy(frozenset()))
    ready.order("10")
    ready.tick()
    row = ChainTransaction.objects.select_related("token", "signer").get(pk=mint_row().pk)
    world = replace(ready.world, key_for=lambda _: bare)
    with pytest.raises(SignerRefused):
        sign.sign_cancel(row=row, newest=None, world=world, now=timezone.now())

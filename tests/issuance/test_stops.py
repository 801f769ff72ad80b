"""Holds on transfers reach a real chain: wallets freeze and thaw, tokens pause, nothing else moves."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core import services as core_services
from core.models import Breaker
from issuance import queries, services
from issuance.chain.errors import CallReverted
from issuance.chain.token import encode_transfer, encode_unpause
from issuance.chain.wallets import Wallet as Key
from issuance.models import ChainTransaction, TransferStop
from issuance.pipeline import stops
from issuance.services.holds import HoldTerms
from issuance.states import Direction, HoldOwner, HoldReason
from tests.issuance.stage import COLLEAGUE, OPERATOR, Stage, let_pass, secret


def hold(**named):
    terms = HoldTerms(
        directions=frozenset({Direction.TRANSFER}),
        owner=HoldOwner.COMPLIANCE,
        reason_code=HoldReason.SECURITY_INCIDENT,
        note="case 9",
        **named,
    )
    return services.place_hold(terms=terms, actor=OPERATOR, now=timezone.now())


def lift(row):
    return services.lift_hold(
        hold_id=row.pk,
        owner=HoldOwner.COMPLIANCE,
        reason="over",
        actor=COLLEAGUE,
        now=timezone.now(),
    )


def enforce(stage, now=None):
    return stops.enforce_holds(world=stage.world, now=now or timezone.now())


def is_frozen(stage: Stage) -> bool:
    return stage.reader.holder(stage.wallet.address).frozen


def until(stage, done) -> None:
    def step() -> bool:
        enforce(stage)
        return bool(done())

    stage.until(step)


def test_a_wallet_is_frozen_while_any_hold_wants_it_and_thawed_after_the_last(ready):
    first = hold(token_id=ready.token.pk, wallet_id=ready.wallet.pk)
    second = hold(investor_id=ready.investor.pk)
    until(ready, lambda: TransferStop.objects.get().standing)
    assert is_frozen(ready)
    with pytest.raises(CallReverted):
        ready.node.simulate(
            sender=ready.wallet.address,
            to=ready.token.address,
            data=encode_transfer(to=ready.wallet.address, amount=0),
        )
    lift(first)
    for _ in range(3):
        enforce(ready)
        ready.tick(blocks=2)
    assert is_frozen(ready)
    lift(second)
    until(ready, lambda: not TransferStop.objects.get().standing)
    assert not is_frozen(ready)
    sent = ChainTransaction.objects.filter(kind="FREEZE")
    assert {row.status for row in sent} == {"FINAL_OK"}
    assert not Breaker.objects.filter(status="OPEN").exists()
    assert sent.count() == 2


def test_what_somebody_else_froze_is_not_thawed_by_the_end_of_a_hold(ready):
    from issuance.chain.token import encode_set_address_frozen  # noqa: PLC0415 - beside its only use

    Key(secret("COMPLIANCE")).send(
        ready.node,
        to=ready.token.address,
        data=encode_set_address_frozen(account=ready.wallet.address, frozen=True),
    )
    ready.anvil.mine(3)
    row = hold(token_id=ready.token.pk, wallet_id=ready.wallet.pk)
    enforce(ready)
    assert TransferStop.objects.get().standing
    lift(row)
    for _ in range(3):
        enforce(ready)
        ready.anvil.mine(2)
    assert is_frozen(ready)
    assert not ChainTransaction.objects.filter(kind="FREEZE").exists()


def test_a_hold_on_a_fund_pauses_its_token_and_only_the_admin_ends_the_pause(ready):
    row = hold(fund_id=ready.fund.pk)
    until(ready, lambda: TransferStop.objects.get().standing)
    assert ready.reader.reserves().transfer_paused
    assert not ready.reader.reserves().mint_paused
    lift(row)
    for _ in range(3):
        assert enforce(ready) == 0
    stop = TransferStop.objects.get()
    assert (stop.wanted, stop.standing, stop.ours) == (False, True, True)
    Key(secret("DEPLOYER")).send(ready.node, to=ready.token.address, data=encode_unpause(2))
    ready.anvil.mine(3)
    enforce(ready)
    assert not TransferStop.objects.get().standing
    assert ChainTransaction.objects.filter(kind="PAUSE").count() == 1
    ready.tick()
    assert not Breaker.objects.filter(status="OPEN").exists()


def test_a_hold_that_ends_by_time_is_undone_on_chain(ready):
    row = hold(token_id=ready.token.pk, wallet_id=ready.wallet.pk)
    type(row).objects.filter(pk=row.pk).update(until=timezone.now() + timedelta(days=1))
    until(ready, lambda: TransferStop.objects.get().standing)
    later = timezone.now() + timedelta(days=2)

    def thawed() -> bool:
        enforce(ready, now=later)
        return not TransferStop.objects.get().standing

    ready.until(thawed)
    assert not is_frozen(ready)
    row.refresh_from_db()
    assert row.status == "EXPIRED"


def test_nothing_is_signed_for_a_hold_while_the_network_is_halted(ready):
    hold(token_id=ready.token.pk, wallet_id=ready.wallet.pk)
    name = queries.network_breaker("anvil")
    core_services.halt(name=name, reason="drill", actor=OPERATOR, now=timezone.now())
    assert enforce(ready) == 0
    assert not ChainTransaction.objects.filter(kind="FREEZE").exists()
    let_pass(name)
    assert enforce(ready) == 1

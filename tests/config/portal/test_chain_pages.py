"""Chain monitor and stuck work: who sees them, what they say, and which exits they offer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from config.portal import breakers, reasons, stuck
from core import services as core_services
from core.actors import Actor, ActorKind
from core.models import Breaker
from issuance.models import (
    ChainTransaction,
    Holder,
    Order,
    Signer,
    Token,
    TransferStop,
    Trouble,
)
from issuance.services import troubles
from tests.browser.world import chain

SOMEBODY = Actor(ActorKind.OPERATOR, "7")


@pytest.fixture
def troubled(world):
    chain.trouble(world.order.token, timezone.now())
    return world


def page(troubled, enter, role: str, path: str) -> str:
    answer = enter(troubled.people[role]).get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_monitor_shows_nodes_lanes_prices_reorganisations_and_recoveries(troubled, enter):
    shown = page(troubled, enter, "auditor", "/portal/chains/")
    for words in (
        "21,480,112",
        "71 blocks",
        "anvil[1]",
        "Chain id mismatch",
        "signature of another key",
        "1.204000",
        "24.000 gwei",
        "Failover",
        "Gas account empty",
    ):
        assert words in shown, words


def test_who_sees_no_transactions_sees_no_monitor(troubled, enter):
    assert enter(troubled.people["officer"]).get("/portal/chains/").status_code == 403
    assert "Chain monitor" not in page(troubled, enter, "officer", "/portal/")
    assert "Chain monitor" in page(troubled, enter, "issuance", "/portal/")


def test_a_network_that_is_not_there_shows_the_first_one(troubled, enter):
    assert "anvil[0]" in page(troubled, enter, "auditor", "/portal/chains/?network=<b>")


def test_stuck_work_names_the_reason_and_offers_lawful_exits_only(troubled, enter):
    shown = page(troubled, enter, "issuance", "/portal/stuck/")
    first, second, third = ChainTransaction.objects.filter(nonce__gte=40).order_by("nonce")
    assert "It waits behind nonce 41 of the same key." in shown
    assert "only finality is missing" in shown
    assert "The attested cap leaves no room" in shown
    assert f"/{second.pk}/do/hurry/" in shown
    assert f"/{third.pk}/do/cancel/" in shown
    assert f"/{first.pk}/do/look-again/" in shown
    assert f"/{first.pk}/do/hurry/" not in shown
    assert f"/{first.pk}/do/cancel/" not in shown
    assert f"/{Holder.objects.get().pk}/do/retry/" in shown
    assert "/do/" not in page(troubled, enter, "auditor", "/portal/stuck/")


def test_the_monitor_shows_work_that_fails_for_as_long_as_it_does(world, enter):
    def shown(at):
        troubles.record_trouble(
            work="register",
            network="anvil",
            subject="sIBIT",
            code="internal_error",
            note="KeyError at issuance.pipeline.holders, line 82",
            ours=True,
            now=at,
        )
        return page(world, enter, "auditor", "/portal/chains/")

    said = shown(timezone.now())
    assert "KeyError at issuance.pipeline.holders, line 82" in said
    assert "Internal error" in said
    Trouble.objects.update(seen_at=timezone.now() - timedelta(minutes=3))
    said = page(world, enter, "auditor", "/portal/chains/")
    assert "KeyError" not in said
    assert "Whatever was due could be done" in said


def test_the_monitor_says_what_failing_work_concerns(troubled, enter):
    symbol = troubled.order.token.symbol
    now = timezone.now()
    Trouble.objects.create(
        work="watch", network="anvil", code="internal_error", since=now, seen_at=now
    )
    shown = page(troubled, enter, "auditor", "/portal/chains/")
    panel = shown[shown.index("Work that fails") : shown.index("As a worker last found each one")]
    for words in ("Every network", "All of it", symbol, "Chain unreachable", "12,408"):
        assert words in panel, words


def test_an_order_that_met_a_fault_says_so(world):
    order = Order.objects.get(status="QUEUED")
    order.reason_code = "internal_error"
    assert "no rule foresees" in reasons.order_reason(order)
    assert world


def test_the_exits_do_what_they_say(troubled, enter):
    def act(row, name: str):
        base = f"/portal/issuance/{row._meta.model_name}/{row.pk}/do/{name}/"
        return enter(troubled.people["issuance"]).post(base, {"reason": "Case 8"})

    first, second, _ = ChainTransaction.objects.filter(nonce__gte=40).order_by("nonce")
    assert act(second, "hurry").status_code == 302
    assert act(second, "look-again").status_code == 302
    assert act(second, "cancel").status_code == 302
    second.refresh_from_db()
    assert second.hurry_asked_at is not None
    assert second.cancel_asked_at is not None
    assert reasons.transaction_reason(second).startswith("It was called off")
    assert act(second, "cancel").status_code == 409
    assert act(first, "hurry").status_code == 409
    ended = ChainTransaction.objects.get(status="FINAL_OK")
    assert act(ended, "look-again").status_code == 409
    holder = Holder.objects.get()
    assert act(holder, "retry").status_code == 302
    assert act(holder, "retry").status_code == 409


def test_what_is_on_its_way_is_not_called_stuck(world):
    now = timezone.now()
    Order.objects.filter(status="QUEUED").update(created_at=now - timedelta(minutes=4))
    assert not [each for each in stuck._orders(now) if each.status == "QUEUED"]
    later = now + timedelta(minutes=2)
    assert [each.status for each in stuck._orders(later) if each.status == "QUEUED"] == ["QUEUED"]
    assert world


def test_an_order_under_a_halt_says_which(world):
    name = "issuance.anvil"
    core_services.halt(name=name, reason="drill 9", actor=SOMEBODY, now=timezone.now())
    order = Order.objects.get(status="QUEUED")
    assert reasons.order_reason(order) == "issuance.anvil is halted: drill 9"
    assert "on anvil" in breakers.stops(name)
    assert "sIBIT" not in breakers.stops("fund:IBIT")
    assert world


def test_a_pause_nobody_wants_any_more_waits_for_the_admin(world, enter):
    at = timezone.now() - timedelta(hours=1)
    token = Token.objects.get()
    TransferStop.objects.create(token=token, wanted=False, standing=True, ours=True, changed_at=at)
    shown = page(world, enter, "issuance", "/portal/stuck/")
    assert "Only the token&#x27;s admin ends it" in shown


@pytest.mark.usefixtures("transactional_db")
def test_a_breaker_shows_what_the_checks_see_at_this_moment(world, enter):
    name = "issuance.anvil"
    core_services.halt(name=name, reason="drill 9", actor=SOMEBODY, now=timezone.now())
    Signer.objects.update(next_nonce=0)
    assert "Nonces rise" in [row[0].text for row in breakers.seen_now(name).rows]
    core_services.propose_reset(name=name, reason="fine", actor=SOMEBODY, now=timezone.now())
    path = f"/portal/core/breaker/{Breaker.objects.get(name=name).pk}/do/approve-reset/"
    shown = page(world, enter, "treasury", path)
    assert "Broken: nonces rise" in shown
    assert "drill 9" in shown
    Signer.objects.update(next_nonce=100)
    assert "Every invariant holds" in breakers.seen_now(name).empty
    assert "Every invariant holds" in page(world, enter, "treasury", path)
    waiting = page(world, enter, "treasury", "/portal/approvals/")
    assert "Opened: drill 9. To close: fine" in waiting

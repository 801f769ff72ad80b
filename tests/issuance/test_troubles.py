"""Work that fails is seen by people: what cannot be recorded is named, shown, and halts in time."""

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from core.models import Breaker
from custody.ledger import InsufficientShares
from issuance import invariants, queries, services
from issuance.chain.errors import ChainUnreachable
from issuance.models import ChainCursor, Recovery, Trouble
from issuance.models.troubles import LAPSE
from issuance.pipeline import doctor, follow, recover
from issuance.services import troubles
from issuance.states import RecoveryCause


def refuse_to_record(monkeypatch, error=InsufficientShares):
    def refuse(**_):
        raise error

    monkeypatch.setattr(services, "record_logs", refuse)


def follow_on(ready):
    ready.anvil.mine(70)
    follow.follow_all(world=ready.world, now=timezone.now())


def findings(ready):
    found = doctor.examine(
        client=ready.node, nodes=[ready.node], key_for=ready.world.key_for, now=timezone.now()
    )
    return [(each.code, each.subject) for each in found]


def let_pass(minutes):
    earlier = timedelta(minutes=minutes)
    Trouble.objects.update(since=F("since") - earlier)
    ChainCursor.objects.update(moved_at=F("moved_at") - earlier)


def broken():
    return {each.name for each in invariants.check_all()}


def test_a_record_that_our_books_refuse_is_named_by_the_doctor_until_it_moves(ready, monkeypatch):
    assert findings(ready) == []
    refuse_to_record(monkeypatch)
    follow_on(ready)
    trouble = Trouble.objects.get()
    assert (trouble.work, trouble.subject, trouble.code) == (
        "follow",
        ready.token.symbol,
        "insufficient_shares",
    )
    assert trouble.ours
    assert findings(ready) == [("record_stands", ready.token.symbol)]
    follow_on(ready)
    assert Trouble.objects.get().times == 2
    monkeypatch.undo()
    follow_on(ready)
    assert findings(ready) == []


def test_a_record_that_stands_too_long_halts_its_token(ready, monkeypatch):
    refuse_to_record(monkeypatch)
    follow_on(ready)
    let_pass(minutes=4)
    assert broken() == set()
    let_pass(minutes=2)
    assert broken() == {"record_reaches_finality"}
    invariants.enforce(now=timezone.now())
    assert [each.name for each in Breaker.objects.filter(status="OPEN")] == [
        queries.token_breaker(ready.token)
    ]


def test_a_record_that_was_refused_now_and_then_and_moves_halts_nothing(ready, monkeypatch):
    refuse_to_record(monkeypatch)
    follow_on(ready)
    Trouble.objects.update(since=timezone.now() - timedelta(hours=1))
    assert broken() == set()


def test_a_record_that_waits_for_a_node_is_named_and_halts_nothing(ready, monkeypatch):
    refuse_to_record(monkeypatch, ChainUnreachable("no answer"))
    follow_on(ready)
    let_pass(minutes=60)
    assert findings(ready) == [("record_stands", ready.token.symbol)]
    assert broken() == set()


def test_a_trouble_that_was_long_over_begins_anew(transactional_db):  # noqa: ARG001 - its effect
    def happen(now, code="insufficient_shares"):
        troubles.record_trouble(
            work="follow", network="anvil", subject="sIBIT", code=code, note="", ours=True, now=now
        )
        return Trouble.objects.get()

    first = timezone.now()
    assert happen(first).times == 1
    again = happen(first + LAPSE, "state_conflict")
    assert (again.times, again.since, again.code) == (2, first, "state_conflict")
    later = first + 3 * LAPSE
    anew = happen(later)
    assert (anew.times, anew.since) == (1, later)
    assert list(Trouble.now_on(network="anvil", now=later + LAPSE)) == []


def test_a_recovery_says_whose_record_it_waits_for_until_that_moves(ready, monkeypatch, settings):
    settings.CHAIN_IN_FLIGHT_MAX = {ready.token.network: 1}
    refuse_to_record(monkeypatch)
    services.begin_recovery(
        network=ready.token.network,
        cause=RecoveryCause.OPERATOR,
        reason="as after one",
        now=timezone.now(),
    )

    def says():
        return Recovery.objects.get().last_note

    why = f"; the record of {ready.token.symbol} stands: insufficient_shares"
    ready.until(lambda: says().endswith(f"are not final or not recorded{why}"))
    recovery = Recovery.objects.get()
    Recovery.objects.update(status="ASKING", horizon_block=10**9)
    recover.advance_recovery(network=recovery.network, world=ready.world, now=timezone.now())
    assert says() == f"the record of every token must reach block {10**9}{why}"
    Recovery.objects.update(status="FENCED", horizon_block=None)
    monkeypatch.undo()
    ready.until(lambda: Recovery.objects.get().status == "DONE")

"""Decisions: what require() lets through, what it keeps, and that every one can be replayed."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from core.models import Event
from core.use_case import use_case
from kyc import policy, services
from kyc.models import Decision, PolicyVersion
from kyc.policy import decisions
from kyc.policy.compiler import read_yaml
from kyc.policy.replay import replay
from tests.kyc.rows import (
    MAKER,
    NOW,
    SWISS,
    YEAR,
    add_owner,
    declare,
    make_approved,
    make_investor,
    submit,
)

pytestmark = pytest.mark.django_db


def require(investor, action, now=NOW, **context):
    return policy.require(investor=investor, action=action, context=context, now=now)


def test_an_approved_investor_may_enter_and_leave():
    investor = make_approved()
    for action in ("mint", "deposit", "redeem", "deliver", "register_wallet"):
        assert require(investor, action).effect == "ALLOW"


def test_a_decision_is_not_saved_until_the_caller_saves_it():
    investor = make_approved()
    before = Decision.objects.count()
    require(investor, "mint")
    assert Decision.objects.count() == before


def test_a_draft_may_neither_enter_nor_leave():
    investor = make_investor()
    for action in ("mint", "redeem"):
        with pytest.raises(policy.InvestorNotApproved):
            require(investor, action)


def test_expired_kyc_stops_entry_and_not_exit():
    investor = make_approved()
    with pytest.raises(policy.KycExpired):
        require(investor, "mint", now=NOW + YEAR)
    assert require(investor, "redeem", now=NOW + YEAR).effect == "ALLOW"
    services.expire_approval(investor_id=investor.pk, now=NOW + YEAR)
    investor.refresh_from_db()
    with pytest.raises(policy.KycExpired):
        require(investor, "deposit", now=NOW + YEAR)
    assert require(investor, "redeem", now=NOW + YEAR).effect == "REVIEW"


def test_a_suspended_investor_leaves_only_with_a_persons_approval():
    investor = make_approved()
    services.suspend_investor(investor_id=investor.pk, reason="r", actor=MAKER, now=NOW)
    investor.refresh_from_db()
    with pytest.raises(policy.InvestorNotApproved):
        require(investor, "mint")
    assert require(investor, "redeem").effect == "REVIEW"


def test_a_frozen_investor_moves_nothing():
    investor = make_approved()
    services.freeze_investor(investor_id=investor.pk, reason="r", actor=MAKER, now=NOW)
    investor.refresh_from_db()
    for action in ("mint", "redeem", "deliver"):
        with pytest.raises(policy.InvestorNotApproved):
            require(investor, action)


def test_exit_is_allowed_where_entry_is_not():
    investor = declare(make_approved(), residence="CN")
    with pytest.raises(policy.InvestorNotApproved):
        require(investor, "mint")
    assert require(investor, "redeem").effect == "EXIT_ONLY"


def test_an_order_from_the_mainland_is_refused_with_its_clause_and_the_decision_survives():
    investor = make_approved()

    @use_case
    def mint(*, now):
        require(investor, "mint", now, session_country="CN")

    with pytest.raises(policy.NotEligible) as refused:
        mint(now=NOW)
    extra: dict[str, Any] = dict(refused.value.extra)
    kept = Decision.objects.get(action="mint")
    assert extra["decision_id"] == kept.public_id
    assert extra["effect"] == "exit_only"
    assert extra["rules"][0]["id"] == "N42-I1-TERR"
    assert extra["rules"][0]["clause"] == "I(I)"
    assert PolicyVersion.objects.filter(sha256__in=kept.policies).count() == len(kept.policies)


def test_the_country_for_the_chain_is_residence_or_place_of_organisation():
    assert policy.onchain_country(investor=make_approved()) == 756
    company = make_investor(facts={"incorporation": "HK"}, kind="ENTITY")
    assert policy.onchain_country(investor=company) == 344
    with pytest.raises(policy.InvestorNotApproved):
        policy.onchain_country(investor=make_investor(facts={}))
    approved = make_approved()
    assert policy.kyc_expiry(investor=approved) == int((NOW + YEAR).timestamp())


def _some_decisions():
    make_approved()
    submit(make_investor(facts=SWISS | {"residence": "CN"}))
    fund = make_investor(facts={"incorporation": "HK"}, kind="ENTITY")
    add_owner(fund, country="HK", share_bps=10_000)
    submit(fund)
    reviewed = make_approved(facts=SWISS | {"nationality": ["CN"]})
    declare(reviewed, now=NOW + timedelta(days=1), residence="CN")
    require(reviewed, "redeem", now=NOW + timedelta(days=2)).save(force_insert=True)


OTHER_POLICY = """
policy: cn-n42
number: 2
title: t
document: d
valid_from: "2026-02-06"
rules:
  - {id: N42-I1-SVC, clause: c, quote: q, sentence: s, effect: ALLOW, when: {fact: residence, in: [CN]}}
"""


def test_every_stored_decision_replays_byte_for_byte_after_the_policies_changed(monkeypatch):
    other = read_yaml(OTHER_POLICY)
    with monkeypatch.context() as earlier:
        earlier.setattr(decisions, "active_policies", lambda: (other,))
        mild = submit(make_investor(facts=SWISS | {"residence": "CN"}))
    assert mild.decision.effect == "ALLOW"
    _some_decisions()
    assert Decision.objects.count() >= 7
    assert all(replay(decision).same for decision in Decision.objects.all())
    out = io.StringIO()
    call_command("replay_decisions", stdout=out)
    assert "byte-identical" in out.getvalue()


def _tamper(decision, sql, value):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE kyc_decision DISABLE TRIGGER kyc_decision_append_only")
        cursor.execute(f"UPDATE kyc_decision SET {sql} WHERE id = %s", [value, decision.pk])
        cursor.execute("ALTER TABLE kyc_decision ENABLE TRIGGER kyc_decision_append_only")


@pytest.mark.parametrize(
    ("sql", "value"),
    [("effect = %s", "FREEZE"), ("sha256 = %s", "0" * 64), ("snapshot_sha256 = %s", "0" * 64)],
)
def test_a_changed_decision_fails_its_replay(sql, value):
    make_approved()
    decision = Decision.objects.earliest("pk")
    call_command("replay_decisions", decision.public_id, stdout=io.StringIO())
    _tamper(decision, sql, value)
    with pytest.raises(CommandError):
        call_command("replay_decisions", stdout=io.StringIO(), stderr=io.StringIO())


def test_a_decision_whose_policy_is_gone_fails_its_replay():
    make_approved()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE kyc_policyversion DISABLE TRIGGER ALL")
        cursor.execute("DELETE FROM kyc_policyversion WHERE name = 'cn-n42'")
        cursor.execute("ALTER TABLE kyc_policyversion ENABLE TRIGGER ALL")
    err = io.StringIO()
    with pytest.raises(CommandError):
        call_command("replay_decisions", stdout=io.StringIO(), stderr=err)
    assert "not stored" in err.getvalue()


def test_policies_are_registered_once():
    first = services.register_policies(now=NOW)
    assert services.register_policies(now=NOW) == first
    assert PolicyVersion.objects.count() == len(first) == 5


def test_evaluate_policy_answers_from_a_file_and_writes_no_row(tmp_path, django_assert_num_queries):
    path = tmp_path / "facts.json"
    path.write_text(
        json.dumps([{"residence": "CN"}, {"subject": "b", "facts": {"incorporation": "SG"}}])
    )
    out = io.StringIO()
    with django_assert_num_queries(0):
        call_command("evaluate_policy", str(path), stdout=out)
    first, second = json.loads(out.getvalue())
    assert first["effect"] == "DENY"
    assert first["fired"][0]["clause"] == "I(I)"
    assert (second["subject"], second["effect"]) == ("b", "REVIEW")
    path.write_text('{"colour": "red"}')
    with pytest.raises(CommandError, match="colour"):
        call_command("evaluate_policy", str(path), stdout=io.StringIO())
    path.write_text("{")
    with pytest.raises(CommandError, match="cannot read"):
        call_command("evaluate_policy", str(path), stdout=io.StringIO())


def test_no_personal_data_in_events_and_none_in_clear_in_the_database():
    name, phone = "Canary Zwölfer", "+41446681899"
    investor = make_approved(facts=SWISS | {"phone": phone}, name=name)
    company = make_investor(facts={"incorporation": "HK"}, kind="ENTITY", name=name)
    add_owner(company, country="HK", share_bps=10_000)
    submit(company)
    assert investor.legal_name == name
    for event in Event.objects.all():
        body = bytes(event.body).decode()
        assert name not in body
        assert phone not in body
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'kyc_%'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")
            text = cursor.fetchone()[0] or ""
            for canary in (name, phone, "Holding"):
                assert canary not in text
                assert canary.encode().hex() not in text

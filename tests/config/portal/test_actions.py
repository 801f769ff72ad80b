"""Every action does what its button says, through its service, and records who did it."""

from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core import portal
from core.models import ApiKey, Breaker, Event
from custody.models import Break, Custodian, Delivery, Deposit, Fund, Message
from issuance.models import Hold, Order
from kyc.models import Override, Wallet


@pytest.fixture
def act(world, enter):
    """Post one action as one person; returns the answer."""

    def post(role: str, row, name: str, **form):
        base = portal.page_url(row).removesuffix("change/")
        return enter(world.people[role]).post(f"{base}do/{name}/", {"reason": "Case 7"} | form)

    return post


def done(answer) -> None:
    assert answer.status_code == 302, answer.content.decode()


def refused(answer, code: str) -> None:
    assert answer.status_code in {409, 422}, answer.status_code
    assert f"<code>{code}</code>" in answer.content.decode()


def status_of(row) -> str:
    row.refresh_from_db()
    return str(row.status)


def test_an_investor_goes_through_every_restriction_and_back(world, act):
    row = world.approved
    for name, status in (
        ("exit-only", "EXIT_ONLY"),
        ("suspend", "SUSPENDED"),
        ("freeze", "FROZEN"),
    ):
        done(act("officer", row, name))
        assert status_of(row) == status
    done(act("head", row, "propose"))
    refused(act("head", row, "reinstate"), "same_actor")
    done(act("officer", row, "propose"))
    done(act("head", row, "reinstate"))
    assert status_of(row) == "APPROVED"
    assert Event.objects.filter(
        object_id=row.pk, actor=f"operator:{world.people['head'].pk}", type="investor.approved"
    ).exists()
    done(act("officer", row, "close"))
    assert status_of(row) == "CLOSED"


def test_facts_checks_and_rejection_are_recorded(world, act):
    row = world.in_review
    done(act("officer", row, "record-fact", fact="tax_residence", value="HK, GB"))
    assert row.facts.filter(name="tax_residence", source="compliance").exists()
    assert act("officer", row, "record-fact", fact="us_person", value="maybe").status_code == 422
    check = row.checks.get()
    done(act("officer", row, "record-check", check_id=str(check.pk), status="FAILED"))
    assert status_of(check) == "FAILED"
    done(act("officer", row, "reject"))
    assert status_of(row) == "REJECTED"
    refused(act("officer", row, "reject"), "state_conflict")


def test_a_new_fact_is_answered_by_the_policy_at_once(world, act, enter):
    done(act("officer", world.approved, "record-fact", fact="residence", value="CN"))
    assert status_of(world.approved) == "EXIT_ONLY"
    done(act("officer", world.in_review, "record-fact", fact="place_of_business", value="CN"))
    page = enter(world.people["head"]).get(portal.page_url(world.in_review)).content.decode()
    assert "Why: deny, onboard" in page
    assert "I(I): \N{LEFT DOUBLE QUOTATION MARK}Overseas entities" in page


def test_an_override_needs_its_proofs_and_a_second_person(world, act):
    form = {"rule": "N42-I2-SVC", "evidence": "something: else", "days": "30"}
    refused(act("head", world.in_review, "propose-override", **form), "override_refused")
    proofs = "competent_authority_approval: 12, PBoC, 2026-10-01\nfinancial_infrastructure: 9, x, y"
    done(act("head", world.in_review, "propose-override", **form | {"evidence": proofs}))
    mine = Override.objects.order_by("-pk").first()
    refused(act("head", mine, "approve"), "same_actor")
    theirs = Override.objects.order_by("pk").first()
    done(act("head", theirs, "approve"))
    assert status_of(theirs) == "ACTIVE"
    done(act("head", theirs, "revoke"))
    assert status_of(theirs) == "REVOKED"


def test_a_wallet_is_revoked(world, act):
    assert world
    wallet = Wallet.objects.get()
    done(act("officer", wallet, "revoke"))
    assert status_of(wallet) == "REVOKED"


def test_held_orders_are_approved_or_rejected_by_another(world, act):
    done(act("issuance", world.awaiting, "approve"))
    assert status_of(world.awaiting) == "QUEUED"
    refused(act("issuance", world.awaiting, "reject"), "state_conflict")
    held = Order.objects.get(client_order_id="ord-2026-0003")
    Order.objects.filter(pk=held.pk).update(status="AWAITING_APPROVAL")
    done(act("head", held, "reject"))
    assert status_of(held) == "REJECTED"


def test_signing_is_halted_by_one_person_and_resumed_by_two(world, act):
    done(act("issuance", world.order.token, "halt"))
    done(act("issuance", world.order.token, "halt-network"))
    breaker = Breaker.objects.get(name="issuance.anvil.tIBIT")
    refused(act("treasury", breaker, "approve-reset"), "state_conflict")
    done(act("issuance", breaker, "propose-reset"))
    refused(act("issuance", breaker, "approve-reset"), "same_actor")
    done(act("treasury", breaker, "withdraw-reset"))
    refused(act("treasury", breaker, "approve-reset"), "state_conflict")
    done(act("issuance", breaker, "propose-reset"))
    done(act("treasury", breaker, "approve-reset"))
    assert status_of(breaker) == "CLOSED"
    done(act("treasury", breaker, "halt"))
    assert status_of(breaker) == "OPEN"


def test_holds_are_placed_and_lifted_by_their_own_side(world, enter, act):
    def place(role: str, owner: str, **form):
        form = {"reason": "Case 7", "directions": ["MINT"], "reason_code": "maintenance"} | form
        return enter(world.people[role]).post(f"/portal/issuance/hold/do/place-{owner}/", form)

    token = f"token:{world.order.token.pk}"
    wallet = Wallet.objects.get()
    assert place("officer", "operations", subject=token).status_code == 403
    wrong = place("officer", "compliance", subject="investor", named="nobody")
    assert wrong.status_code == 422
    assert "no investor with this id" in wrong.content.decode()
    done(place("officer", "compliance", subject=token, named=wallet.public_id))
    mine = Hold.objects.get(reason_code="maintenance")
    assert (mine.wallet_id, mine.owner) == (wallet.pk, "COMPLIANCE")
    refused(act("officer", mine, "lift-compliance"), "same_actor")
    refused(act("issuance", mine, "lift-operations"), "hold_of_another")
    done(act("head", mine, "lift-compliance"))
    assert status_of(mine) == "LIFTED"
    done(place("treasury", "operations", subject=f"fund:{world.order.token.fund_id}"))
    theirs = Hold.objects.get(owner="OPERATIONS")
    done(act("treasury", theirs, "lift-operations"))
    assert status_of(theirs) == "LIFTED"


def test_a_token_is_closed_to_new_mints_and_opened_again(world, act):
    token = world.order.token
    done(act("treasury", token, "close"))
    assert status_of(token) == "CLOSED"
    done(act("treasury", token, "reopen"))
    assert status_of(token) == "ACTIVE"


def test_a_fund_is_frozen_by_one_and_thawed_by_two(world, act):
    fund = Fund.objects.get(symbol="IBIT")
    assert world
    done(act("custody", fund, "freeze"))
    assert status_of(fund) == "FROZEN"
    done(act("custody", fund, "propose-thaw"))
    refused(act("custody", fund, "thaw"), "same_actor")
    done(act("treasury", fund, "thaw"))
    assert status_of(fund) == "ACTIVE"
    done(act("treasury", fund, "close"))
    assert status_of(fund) == "CLOSED"


def test_breaks_are_explained_or_adjusted_by_two(world, act):
    explained = Break.objects.get()
    done(act("custody", explained, "explain"))
    assert status_of(explained) == "EXPLAINED"
    found = Break.objects.create(
        kind="POSITION_DIFFERS",
        severity="S1",
        fund=explained.fund,
        custody_account=explained.custody_account,
        delta=-(10**18),
        created_at=datetime.now(UTC),
    )
    investor = {"investor": world.approved.public_id}
    form = {"investor": "nobody"}
    assert act("custody", found, "propose-adjustment", **form).status_code == 422
    done(act("custody", found, "propose-adjustment", **investor))
    refused(act("custody", found, "approve-adjustment"), "same_actor")
    done(act("custody", found, "withdraw"))
    done(act("custody", found, "propose-adjustment", **investor))
    done(act("treasury", found, "approve-adjustment"))
    assert status_of(found) == "ADJUSTED"


def test_movements_are_called_off_only_while_nobody_was_told(world, act):
    delivery = Delivery.objects.get()
    deposit = Deposit.objects.get(reference="DEP-IBIT-2")
    Deposit.objects.filter(pk=deposit.pk).update(status="ADVISED")
    done(act("custody", deposit, "cancel"))
    assert status_of(deposit) == "CANCELLED"
    Delivery.objects.filter(pk=delivery.pk).update(status="INSTRUCTED")
    refused(act("custody", delivery, "cancel"), "state_conflict")
    assert world


def test_a_statement_is_taken_in_once_and_a_bent_one_is_refused_whole(world, enter):
    client = enter(world.people["custody"])
    custodian = Custodian.objects.get()
    text = (
        "HDR,1,STATEMENT,ST20261122-1,SANDBOX,{now}\nACC,SB-0001,SETT,{now}\n"
        "POS,US46438F1012,1000,0\nPOS,US3159481098,500,0\nTRL,2\n"
    ).format(now=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")

    def upload(content: str):
        file = SimpleUploadedFile("statement.csv", content.encode())
        form = {"custodian": str(custodian.pk), "file": file}
        return client.post("/portal/custody/message/do/import/", form)

    done(upload(text))
    taken = Message.objects.get(status="IMPORTED")
    assert taken.channel == "PORTAL"
    assert taken.received_by == f"operator:{world.people['custody'].pk}"
    done(upload(text))
    assert Message.objects.filter(status="IMPORTED").count() == 1
    refused(upload(text.replace("TRL,2", "TRL,3")), "statement_incomplete")
    assert client.post("/portal/custody/message/do/import/", {}).status_code == 422


def test_endpoints_are_pinged_disabled_and_enabled(world, act):
    done(act("api", world.endpoint, "ping"))
    done(act("api", world.endpoint, "disable"))
    assert status_of(world.endpoint) == "DISABLED"
    refused(act("api", world.delivery, "redeliver"), "state_conflict")
    done(act("api", world.endpoint, "enable"))
    assert status_of(world.endpoint) == "ENABLED"
    done(act("api", world.delivery, "redeliver"))
    world.delivery.refresh_from_db()
    assert world.delivery.state == "PENDING"


def test_a_key_is_rotated_once_and_revoked(world, act):
    key = ApiKey.objects.get()
    answer = act("api", key, "rotate", hours="24")
    assert answer.status_code == 200
    newer = ApiKey.objects.get(replaces=key)
    assert f"_{newer.kid}_" in answer.content.decode()
    refused(act("api", key, "rotate", hours="24"), "state_conflict")
    done(act("api", key, "revoke"))
    assert status_of(key) == "REVOKED"
    assert world

"""Operators and investors, from draft to approved and refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from core import actors
from core.actors import Actor, ActorKind
from core.models import Institution
from kyc import services as kyc_services
from kyc.models import Investor, Wallet

API = Actor(ActorKind.API_KEY, "k3yDeM0000")


def people(make: Callable[..., User]) -> dict[str, User]:
    return {
        "officer": make("cora.keller", "compliance_officer"),
        "head": make("chen.wei", "compliance_head"),
        "issuance": make("ines.roth", "issuance_ops"),
        "custody": make("otto.lang", "custody_ops"),
        "treasury": make("tess.moor", "treasury"),
        "api": make("abel.frey", "api_admin"),
        "auditor": make("audrey.senn", "auditor"),
    }


def by(person: User) -> Actor:
    return actors.operator(person.pk)


def _investor(
    institution: Institution, external_id: str, kind: str, name: str, facts: dict[str, Any]
) -> Investor:
    return kyc_services.create_investor(
        institution_id=institution.pk,
        external_id=external_id,
        kind=kind,
        legal_name=name,
        facts=facts,
        actor=API,
        now=datetime.now(UTC) - timedelta(hours=5),
    )


def _submit(investor: Investor) -> Investor:
    return kyc_services.submit_investor(
        institution_id=investor.institution_id,
        investor_id=investor.pk,
        actor=API,
        now=datetime.now(UTC) - timedelta(hours=4),
    )


def _owner(investor: Investor, name: str, kind: str, country: str, share_bps: int) -> None:
    kyc_services.add_owner(
        institution_id=investor.institution_id,
        investor_id=investor.pk,
        name=name,
        kind=kind,
        country=country,
        nationality="",
        share_bps=share_bps,
        controls=True,
        actor=API,
        now=datetime.now(UTC) - timedelta(hours=5),
    )


SWISS = {
    "residence": "CH",
    "nationality": "CH",
    "tax_residence": "CH",
    "bank_country": "CH",
    "phone": "+41446681800",
    "professional": True,
    "us_person": False,
    "employer_country": "CH",
    "settlement_currency": "CHF",
}


def _entity_facts(country: str) -> dict[str, Any]:
    return {
        "incorporation": country,
        "place_of_business": country,
        "tax_residence": country,
        "bank_country": country,
        "professional": True,
        "us_person": False,
        "cn_financial_subsidiary": False,
        "settlement_currency": "USD",
    }


def _approve(investor: Investor, people: dict[str, User]) -> Investor:
    now = datetime.now(UTC) - timedelta(hours=3)
    for check in investor.checks.filter(status="PENDING"):
        kyc_services.record_check_result(
            check_id=check.pk,
            status="PASSED",
            reason_code="",
            facts={},
            actor=by(people["officer"]),
            now=now,
        )
    kyc_services.propose_approval(
        investor_id=investor.pk,
        actor=by(people["officer"]),
        now=now,
        reason="Documents complete, case 2026-118",
    )
    return kyc_services.approve_investor(
        investor_id=investor.pk,
        actor=by(people["head"]),
        now=now + timedelta(minutes=9),
        reason="Checked against case 2026-118",
    )


def investors(institution: Institution, people: dict[str, User]) -> tuple[Investor, ...]:
    approved = _approve(
        _submit(_investor(institution, "client-1001", "NATURAL", "Anna Muster", SWISS)), people
    )
    refused_facts = SWISS | {"residence": "CN", "phone": "+8613800138000"}
    refused = _submit(
        _investor(institution, "client-1002", "NATURAL", "Wang Xiaoming", refused_facts)
    )
    fund = _investor(
        institution,
        "client-1003",
        "ENTITY",
        "Victoria Peak Opportunities Fund Ltd",
        _entity_facts("HK"),
    )
    _owner(fund, "Ho Ka Yan", "NATURAL", "HK", 6000)
    in_review = _submit(fund)
    controlled = _investor(
        institution, "client-1004", "ENTITY", "Lion Gate Pte Ltd", _entity_facts("SG")
    )
    _owner(controlled, "Shenzhen Parent Holding Co", "ENTITY", "CN", 8000)
    _submit(controlled)
    return approved, refused, in_review


def wallet(investor: Investor, now: datetime) -> Wallet:
    return Wallet.objects.create(
        investor=investor,
        network="anvil",
        address="0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        status="PROVED",
        proved_at=now - timedelta(hours=2),
        usable_at=now - timedelta(hours=1),
        created_at=now - timedelta(hours=3),
    )

"""A small finished world to look at: every page has something on it, in several states."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib.auth.models import User

from core import actors
from core import services as core_services
from core.models import Institution, WebhookDelivery, WebhookEndpoint
from issuance.models import Order
from kyc.models import Investor
from tests.browser.world import compliance, issuance, platform
from tests.custody import rows


@dataclass
class World:
    """What tests name."""

    people: dict[str, User]
    institution: Institution
    in_review: Investor
    refused: Investor
    approved: Investor
    order: Order
    awaiting: Order
    delivery: WebhookDelivery
    endpoint: WebhookEndpoint


def build(make: Callable[..., User]) -> World:
    """The whole world."""
    now = datetime.now(UTC)
    people = compliance.people(make)
    institution = core_services.create_institution(
        name="Alpine Broker AG", country="CH", actor=actors.system("seed"), now=now
    )
    core_services.issue_api_key(
        institution_id=institution.pk,
        name="Order gateway",
        granted=["orders:read"],
        actor=compliance.by(people["api"]),
        now=now,
    )
    endpoint, delivery = platform.webhooks(institution, now)
    approved, refused, in_review = compliance.investors(institution, people)
    wallet = compliance.wallet(approved, now)
    account = rows.make_account(label="Segregated 01")
    fund = issuance.settled_fund(
        "IBIT",
        "US46438F1012",
        "iShares Bitcoin Trust",
        investor=approved,
        account=account,
        shares="1000",
    )
    issuance.settled_fund(
        "FBTC",
        "US3159481098",
        "Fidelity Wise Origin Fund",
        investor=approved,
        account=account,
        shares="500",
    )
    token = issuance.token_of(fund, account, now)
    signer = issuance.signer_and_holder(token, wallet, now)
    order = issuance.complete(issuance.order_of(token, wallet, 1, "600.25", "QUEUED"), signer)
    awaiting = issuance.reserved(issuance.order_of(token, wallet, 2, "120", "AWAITING_APPROVAL"))
    issuance.reserved(issuance.order_of(token, wallet, 3, "12.5", "QUEUED"))
    issuance.order_of(token, wallet, 4, "75", "REJECTED", reason_code="not_eligible")
    issuance.order_of(token, wallet, 5, "40", "AWAITING_TOKENS", type="REDEEM")
    issuance.snapshots(token, now)
    issuance.holds(token, approved, compliance.by(people["officer"]), now)
    platform.override(in_review, compliance.by(people["officer"]), now)
    platform.movements(approved, fund, account, now)
    platform.operations(account, fund, now)
    platform.send_most(endpoint, now)
    return World(
        people, institution, in_review, refused, approved, order, awaiting, delivery, endpoint
    )

"""Four eyes on orders, and the end of those that are refused."""

import pytest
from django.utils import timezone

from core import services as core_services
from core.actors import Actor, ActorKind, operator
from core.errors import SameActor, StateConflict
from custody import queries as custody_queries
from issuance import services
from issuance.models import Order
from tests.issuance import paper as papers
from tests.issuance.stage import CLIENT, OPERATOR

pytestmark = pytest.mark.django_db


@pytest.fixture
def paper(settings):
    settings.ORDER_APPROVAL_ABOVE_UNITS = 0
    return papers.build()


def decide(service, order, actor=OPERATOR):
    return service(order_id=order.pk, actor=actor, reason="a reason", now=timezone.now())


def test_another_person_approves_and_the_order_is_queued(paper):
    order = decide(services.approve_order, paper.order())
    assert (order.status, order.approved_by, order.note) == ("QUEUED", str(OPERATOR), "a reason")
    assert order.next_attempt_at is not None


def test_its_maker_can_neither_approve_nor_reject(paper):
    order = paper.order()
    for service in (services.approve_order, services.reject_order):
        with pytest.raises(SameActor):
            decide(service, order, actor=CLIENT)
    assert Order.objects.get().status == "AWAITING_APPROVAL"


def test_whoever_issued_the_key_that_ordered_cannot_approve(paper):
    now = timezone.now()
    issued = core_services.issue_api_key(
        institution_id=paper.institution.pk,
        name="trading",
        granted=["orders:create", "api_keys:rotate"],
        actor=OPERATOR,
        now=now,
    )
    first = Actor(ActorKind.API_KEY, issued.row.public_id)
    rotated = core_services.rotate_api_key(
        institution_id=paper.institution.pk, key_id=issued.row.pk, actor=first, now=now
    )
    for maker in (first, Actor(ActorKind.API_KEY, rotated.row.public_id)):
        order = paper.order(actor=maker)
        for service in (services.approve_order, services.reject_order):
            with pytest.raises(SameActor):
                decide(service, order)
        assert decide(services.approve_order, order, actor=operator(9)).status == "QUEUED"


def test_a_rejected_mint_frees_its_shares(paper):
    order = decide(services.reject_order, paper.order("600"))
    assert (order.status, order.reason_code) == ("REJECTED", "refused")
    held = custody_queries.position(paper.fund.pk)
    assert (held.reserved, held.free) == (0, 1000 * 10**18)


def test_there_is_nothing_to_decide_twice(paper):
    order = paper.order()
    decide(services.approve_order, order)
    for service in (services.approve_order, services.reject_order):
        with pytest.raises(StateConflict):
            decide(service, order, actor=operator(9))

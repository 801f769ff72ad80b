"""The portal's page of a move: both legs with their shares and one timeline, for those who may look."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from core import portal
from issuance.models import Move, Order
from tests.issuance import paper as papers
from tests.issuance.test_moves_api import build

pytestmark = pytest.mark.django_db


def signed_in(group):
    call_command("seed_roles", verbosity=0)
    user = User.objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def move():
    ground = build()
    taken = ground.take()
    papers.happen(papers.escrow(Order.objects.get(client_order_id=f"{taken['id']}:burn")))
    return Move.objects.get()


def test_the_page_of_a_move_shows_both_legs_the_ledger_and_one_timeline(move):
    page = signed_in("issuance_ops").get(portal.page_url(move)).content.decode()
    for leg in move.legs.all():
        assert leg.public_id in page
        assert portal.page_url(leg) in page
    for told in ("move.created", "order.completed", "move.minting", "Reserved", "far"):
        assert told in page


def test_the_page_of_a_leg_leads_to_its_move(move):
    client = signed_in("issuance_ops")
    for leg in move.legs.all():
        assert portal.page_url(move) in client.get(portal.page_url(leg)).content.decode()


def test_the_list_of_moves_is_found_by_its_client_id(move):
    client = signed_in("auditor")
    url = portal.page_url(move).rpartition(str(move.pk))[0]
    found = client.get(f"{url}?q={move.client_move_id}").content.decode()
    assert move.client_move_id in found
    assert move.client_move_id not in client.get(f"{url}?q=nothing-like-it").content.decode()


def test_a_group_without_the_view_sees_no_move(move):
    assert signed_in("api_admin").get(portal.page_url(move)).status_code == 403

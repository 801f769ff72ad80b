"""Every page asks for its permission, and every action for its own: walked, not sampled."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from config.portal import roles
from core import portal
from core.models import ApiKey, Event


def pages():
    """Every model's admin with the start of its paths."""
    for model, page in admin.site._registry.items():
        meta = model._meta
        yield page, reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def doors():
    """Every action as (action, path), each on a real row of its model."""
    for page, base in pages():
        for action in page.list_service_actions:
            yield action, f"{base}do/{action.name}/"
        row = page.model._default_manager.order_by("-pk").first()
        if page.service_actions:
            assert row is not None, f"the world needs a {page.model.__name__}"
        for action in page.service_actions:
            yield action, f"{base}{row.pk}/do/{action.name}/"


def test_every_registered_page_is_read_only_and_of_our_kind(rf):
    request = rf.get("/portal/")
    for page, _ in pages():
        assert isinstance(page, portal.ReadOnlyAdmin), page
        assert not page.has_add_permission(request)
        assert not page.has_change_permission(request)
        assert not page.has_delete_permission(request)


@pytest.mark.usefixtures("world")
def test_every_action_permission_is_named_in_the_roles_and_none_is_idle():
    used = {action.permission for action, _ in doors()}
    assert used == {f"portal.{name}" for name in roles.ACTIONS}
    held = Permission.objects.filter(content_type__app_label="portal")
    assert {permission.codename for permission in held} == set(roles.ACTIONS)


@pytest.mark.usefixtures("world")
def test_nobody_sees_anything_without_signing_in():
    client = Client()
    for page, base in pages():
        row = page.model._default_manager.first()
        for path in [base, *([portal.page_url(row)] if row else [])]:
            answer = client.get(path)
            assert answer.status_code == 302, path
            assert answer.headers["Location"].startswith("/portal/login/"), path


@pytest.mark.usefixtures("world")
def test_an_operator_without_a_group_sees_the_dashboard_and_no_rows(operator, enter):
    client = enter(operator("nadia.new"))
    assert client.get("/portal/").status_code == 200
    for page, base in pages():
        row = page.model._default_manager.first()
        for path in [base, *([portal.page_url(row)] if row else [])]:
            assert client.get(path).status_code == 403, path


def test_the_auditor_reads_every_list_and_every_object(world, enter):
    client = enter(world.people["auditor"])
    for page, base in pages():
        assert client.get(base).status_code == 200, base
        for row in page.model._default_manager.order_by("-pk")[:6]:
            answer = client.get(portal.page_url(row))
            assert answer.status_code == 200, row
            assert b"/do/" not in answer.content, f"{row} offers the auditor an action"


def test_the_auditor_can_take_no_action(world, enter):
    client = enter(world.people["auditor"])
    for action, path in doors():
        for answer in (client.get(path), client.post(path, {"reason": "because"})):
            assert answer.status_code == 403, (action.name, path)


def test_each_role_reaches_its_own_actions_and_no_others(world, enter):
    for role, person in world.people.items():
        client = enter(person)
        for action, path in doors():
            wanted = 200 if person.has_perm(action.permission) else 403
            assert client.get(path).status_code == wanted, (role, path)


def test_a_superuser_takes_no_business_action_outside_development(world, operator, enter, settings):
    client = enter(operator("root", is_superuser=True))
    path = f"/portal/issuance/order/{world.awaiting.pk}/do/approve/"
    assert client.get(path).status_code == 200
    settings.DEVELOPMENT = False
    assert client.get(path).status_code == 403
    assert client.post(path, {"reason": "mine"}).status_code == 403
    world.awaiting.refresh_from_db()
    assert world.awaiting.status == "AWAITING_APPROVAL"


@pytest.mark.usefixtures("world")
def test_no_form_adds_changes_or_deletes_a_row(operator, enter):
    client = enter(operator("root", is_superuser=True))
    for page, base in pages():
        rows = page.model._default_manager
        before = rows.count()
        assert client.post(f"{base}add/", {"status": "APPROVED"}).status_code == 403, base
        row = rows.order_by("pk").first()
        if row is not None:
            stored = rows.filter(pk=row.pk).values().get()
            assert client.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403
            assert client.post(f"{base}{row.pk}/change/", {"status": "X"}).status_code == 200
            assert rows.filter(pk=row.pk).values().get() == stored, base
        assert rows.count() == before


def test_a_post_without_the_form_token_is_refused(world):
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.people["issuance"])
    path = f"/portal/issuance/order/{world.awaiting.pk}/do/approve/"
    assert client.post(path, {"reason": "mine"}).status_code == 403
    world.awaiting.refresh_from_db()
    assert world.awaiting.status == "AWAITING_APPROVAL"


def test_an_action_that_does_not_exist_is_not_found(world, enter):
    client = enter(world.people["head"])
    base = f"/portal/issuance/order/{world.awaiting.pk}/do/"
    assert client.post(f"{base}mint-more/", {"reason": "x"}).status_code == 404
    assert client.get("/portal/issuance/order/not-a-uuid/change/").status_code == 404


def test_a_new_key_is_shown_once_and_never_again(world, enter):
    client = enter(world.people["api"])
    path = f"/portal/core/institution/{world.institution.pk}/do/issue-key/"
    form = {"name": "Desk", "scopes": ["orders:read"], "allowed_networks": "", "days": "30"}
    answer = client.post(path, form)
    assert answer.status_code == 200
    key = ApiKey.objects.get(name="Desk")
    shown = answer.content.decode()
    assert f"_{key.kid}_" in shown
    assert answer.headers["Cache-Control"].startswith(("max-age=0", "no-store"))
    assert f"_{key.kid}_" not in client.get(portal.page_url(key)).content.decode()
    assert Event.objects.filter(type="api_key.issued", object_id=key.pk).exists()


def test_a_wrong_form_changes_nothing_and_says_why(world, enter):
    client = enter(world.people["issuance"])
    path = f"/portal/issuance/order/{world.awaiting.pk}/do/approve/"
    answer = client.post(path, {"reason": ""})
    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()


def test_a_refusal_by_the_service_is_shown_with_its_code(world, enter):
    client = enter(world.people["issuance"])
    path = f"/portal/issuance/order/{world.order.pk}/do/approve/"
    answer = client.post(path, {"reason": "too late"})
    assert answer.status_code == 409
    assert "state_conflict" in answer.content.decode()


def test_a_page_links_only_to_what_the_person_may_open(world, enter):
    page = portal.page_url(world.order)
    investor = portal.page_url(world.approved)
    assert investor in enter(world.people["head"]).get(page).content.decode()
    shown = enter(world.people["issuance"]).get(page).content.decode()
    assert "client-1001" in shown
    assert investor not in shown

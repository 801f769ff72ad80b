"""Sessions end, headers are strict, operators are made by command, deployment checks are clean."""

import hashlib
import io
import os
import secrets
import subprocess
import sys

import pytest
from django.conf import settings as live
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from config.portal import roles, sessions, signin
from tests.config.portal.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def test_the_seeded_roles_are_the_same_after_a_second_run():
    call_command("seed_roles", verbosity=0)
    first = {g.name: set(g.permissions.values_list("pk", flat=True)) for g in Group.objects.all()}
    call_command("seed_roles", verbosity=0)
    again = {g.name: set(g.permissions.values_list("pk", flat=True)) for g in Group.objects.all()}
    assert first == again
    assert set(first) == set(roles.GROUPS)
    assert all(first.values())


def test_the_auditor_holds_reading_permissions_only():
    call_command("seed_roles", verbosity=0)
    held = Group.objects.get(name="auditor").permissions.values_list("codename", flat=True)
    assert held
    assert all(name.startswith("view_") for name in held)


def _create(*arguments) -> str:
    out = io.StringIO()
    call_command("create_operator", *arguments, stdout=out)
    return out.getvalue().strip()


def test_a_new_operator_gets_a_password_that_is_printed_once():
    call_command("seed_roles", verbosity=0)
    password = _create("cora", "--group", "compliance_officer").split()[-1]
    assert Client().login(username="cora", password=password)
    assert password not in _create("cora", "--group", "compliance_head")
    assert Client().login(username="cora", password=password)
    groups = User.objects.get(username="cora").groups.values_list("name", flat=True)
    assert list(groups) == ["compliance_head"]


def test_a_password_from_standard_input_is_checked(monkeypatch):
    call_command("seed_roles", verbosity=0)
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="too short"):
        _create("otto", "--group", "custody_ops", "--password-stdin")
    assert not User.objects.filter(username="otto").exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long enough passphrase\n"))
    assert "passphrase" not in _create("otto", "--group", "custody_ops", "--password-stdin")
    assert Client().login(username="otto", password="a long enough passphrase")


def test_an_operator_needs_seeded_groups():
    with pytest.raises(CommandError, match="seed_roles"):
        _create("cora", "--group", "compliance_officer")


def test_a_session_ends_after_twelve_hours_however_busy(operator, enter):
    client = enter(operator("busy"))
    assert client.get("/portal/").status_code == 200
    session = client.session
    session[sessions.SIGNED_IN_AT] -= live.PORTAL_SESSION_SECONDS_MAX + 1
    session.save()
    assert client.get("/portal/").status_code == 302


def test_a_session_ends_after_thirty_idle_minutes():
    assert live.SESSION_COOKIE_AGE == 30 * 60
    assert live.SESSION_SAVE_EVERY_REQUEST is True


def test_portal_pages_carry_strict_headers(operator, enter):
    answer = enter(operator("any")).get("/portal/")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]


def test_the_sign_in_page_says_nothing_about_who_exists(operator):
    operator("known")
    client = Client()
    answers = [
        client.post("/portal/login/", {"username": name, "password": "wrong"}).content
        for name in ("known", "unknown")
    ]
    assert [b"Please enter the correct" in answer for answer in answers] == [True, True]


def test_too_many_wrong_passwords_stop_one_address_and_nobody_else(operator):
    operator("known")
    cache.clear()
    right = {"username": "known", "password": PASSWORD}
    client = Client()
    for _ in range(signin.FAILURES_PER_NAME_MAX):
        client.post("/portal/login/", {"username": "known", "password": "wrong"})
    assert b"Too many wrong attempts" in client.post("/portal/login/", right).content
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert elsewhere.post("/portal/login/", right).status_code == 302
    cache.clear()


def test_the_deployment_checks_are_clean():
    env = os.environ | {
        "SHAREMINT_DEVELOPMENT": "0",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "API_KEY_PEPPER": secrets.token_urlsafe(32),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CHAIN_RPC_URLS": "base=https://one.example https://two.example.org https://3.example.net",
        "CHAIN_IDS": "base=8453",
        "CHAIN_GAS_BUDGETS_WEI": "base=1000000000000000000",
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        command, cwd=live.ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_vendored_script_is_the_one_its_notice_names():
    folder = live.ROOT / "config/portal/static/unfold/js/alpine"
    digest = hashlib.sha256((folder / "alpine.js").read_bytes()).hexdigest()
    assert f"SHA-256 {digest}" in (folder / "NOTICE.txt").read_text()


def test_a_missing_page_is_told_in_plain_words(operator, enter):
    client = enter(operator("any"))
    answer = client.get("/portal/nothing/here/")
    assert answer.status_code == 404
    assert b"Back to the dashboard" in answer.content
    answer = client.get("/portal/core/event/")
    assert answer.status_code == 403
    assert b"Your groups do not include" in answer.content

"""A database that goes away: API and portal say so with 503, and work again when it is back."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.db import InterfaceError, OperationalError
from psycopg import errors as postgres_errors

from config.devstack import places, testing
from config.devstack.ports import free_port
from config.devstack.postgres import start_postgres
from config.devstack.processes import Child, start, stop, wait_until
from config.settings import ROOT
from core import keys
from core.outage import is_outage

STOP_SECONDS = 20


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (OperationalError("connection refused"), True),
        (InterfaceError("the connection is closed"), True),
        (_caused(OperationalError(), postgres_errors.AdminShutdown()), True),
        (_caused(OperationalError(), postgres_errors.TooManyConnections()), True),
        (_caused(OperationalError(), postgres_errors.QueryCanceled()), False),
        (_caused(OperationalError(), postgres_errors.LockNotAvailable()), False),
        (ValueError("something else"), False),
        (_caused(RuntimeError(), OperationalError("gone")), True),
    ],
    ids=["refused", "closed", "shutdown", "full", "slow", "locked", "a fault", "wrapped"],
)
def test_only_a_database_that_is_away_is_an_outage(error, away):
    assert is_outage(error) is away


@pytest.fixture
def ground():
    """A folder that the server's user may enter, gone afterwards."""
    folder = places.session_folder("outage")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _ask(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, _lower(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, _lower(refused.headers), refused.read().decode()


def _lower(headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def _serve(port: int, environment: dict[str, str]) -> Child:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "config.wsgi:application"]
    log = testing.folder() / "outage-web.log"
    child = start("web", command, log_path=log, env=environment, cwd=ROOT)
    wait_until(
        lambda: _answers(port), child=child, timeout_seconds=60, what="the start of the web server"
    )
    return child


def _answers(port: int) -> bool:
    try:
        return _ask(port, "/livez")[0] == 200
    except OSError:
        return False


def test_a_stopped_database_answers_503_on_api_and_portal_and_heals_by_itself(
    ground: Path, settings
):
    log = testing.folder() / "outage-postgres.log"
    server = start_postgres(home=ground, log_path=log, durable=False)
    environment = os.environ | {
        "DATABASE_URL": server.url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SHAREMINT_EDGE": "all",
    }
    for app in ("core", "sessions"):
        subprocess.run(
            [sys.executable, "manage.py", "migrate", app, "-v", "0"],
            check=True,
            cwd=ROOT,
            env=environment,
        )
    port = free_port()
    web = _serve(port, environment)
    key = {"Authorization": f"Bearer {keys.generate().text}"}
    signed_in = {"Cookie": f"{settings.SESSION_COOKIE_NAME}=somebody"}
    try:
        before = [_ask(port, "/v1/orders", **key)[0], _ask(port, "/portal/", **signed_in)[0]]
        assert before == [401, 302]
        stop([server.child], timeout_seconds=STOP_SECONDS)
        status, headers, body = _ask(port, "/v1/orders", **key)
        problem = json.loads(body)
        assert (status, problem["code"], problem["retryable"]) == (
            503,
            "database_unavailable",
            True,
        )
        assert headers["retry-after"] == "5"
        assert headers["content-type"] == "application/problem+json"
        status, headers, body = _ask(port, "/portal/", **signed_in)
        assert (status, headers["retry-after"]) == (503, "5")
        assert "database_unavailable" in body
        assert "Traceback" not in body
        assert _ask(port, "/livez")[0] == 200
        assert _ask(port, "/readyz")[0] == 503
        server = start_postgres(home=ground, log_path=log, durable=False)
        after = [_ask(port, "/v1/orders", **key)[0], _ask(port, "/portal/", **signed_in)[0]]
        assert after == [401, 302]
    finally:
        stop([web, server.child], timeout_seconds=STOP_SECONDS)

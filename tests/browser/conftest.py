"""A portal with a small finished world behind it, and one Chromium to look at it."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.browser import world as worlds

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery staple"
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def event_loop_allowed() -> Iterator[None]:
    """Playwright runs an event loop in this thread; Django's ORM is used from it all the same."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def browser(event_loop_allowed) -> Iterator[Browser]:  # noqa: ARG001 - asked for its effect
    """The machine's own Chromium; nothing is downloaded.

    It ends with the module: its event loop must not be running when other tests run theirs.
    """
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    assert binary, "browser tests need Chromium: apt-get install -y chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=binary, headless=True, args=CHROMIUM_FLAGS
        )
        yield running
        running.close()


@pytest.fixture
def operator(transactional_db) -> Callable[..., User]:  # noqa: ARG001 - asked for its effect
    """Make an operator in the named, seeded groups."""
    call_command("seed_roles", verbosity=0)

    def make(name: str, *groups: str) -> User:
        user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
        user.groups.set(Group.objects.filter(name__in=groups))
        return user

    return make


@pytest.fixture
def world(operator) -> worlds.World:
    """Institutions, investors, orders and deliveries in many states."""
    return worlds.build(operator)


class Watched:
    """A page with what its console complained about."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, path: str) -> Page:
        """Go to a path of the portal and wait until it is drawn."""
        self.page.goto(self.base + path)
        self.page.wait_for_load_state("load")
        self.page.evaluate("document.fonts.ready.then(() => true)")
        return self.page


@pytest.fixture
def sign_in(browser, live_server, settings) -> Iterator[Callable[..., Watched]]:
    """Open a window of that width, signed in through the sign-in page."""
    contexts: list[BrowserContext] = []
    settings.ALLOWED_HOSTS = ["*"]

    def open_window(user: User, viewport: ViewportSize = DESKTOP) -> Watched:
        context = browser.new_context(viewport=viewport, locale="en-GB", timezone_id="UTC")
        contexts.append(context)
        watched = Watched(context.new_page(), live_server.url)
        page = watched.open("/portal/login/")
        page.fill("input[name=username]", user.username)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url("**/portal/")
        return watched

    yield open_window
    for context in contexts:
        context.close()

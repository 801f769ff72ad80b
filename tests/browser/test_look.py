"""The four pages people spend their days on, looked at by axe-core and photographed."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from core.portal import page_url
from tests.browser.conftest import DESKTOP, PHONE

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTHS = {"desktop": DESKTOP, "phone": PHONE}
# WCAG 2.0 to 2.2, levels A and AA, and axe's own best practices.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def paths(world) -> dict[str, tuple[str, str]]:
    """Page name to who looks and the path."""
    return {
        "dashboard": ("treasury", "/portal/"),
        "investor-review": ("head", page_url(world.in_review)),
        "order-detail": ("issuance", page_url(world.order)),
        "webhook-deliveries": ("api", "/portal/core/webhookdelivery/"),
        "webhook-delivery": ("api", page_url(world.delivery)),
        "order-blotter": ("issuance", "/portal/issuance/order/"),
        "refused-investor": ("officer", page_url(world.refused)),
        "audit-events": ("auditor", "/portal/core/event/"),
        "approval": ("head", f"/portal/issuance/order/{world.awaiting.pk}/do/approve/"),
    }


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_breaks_an_accessibility_rule_or_overflows(world, sign_in, width):
    """Axe finds nothing, the console is silent, and no page is wider than its window."""
    windows = {}
    found = {}
    for name, (role, path) in paths(world).items():
        if role not in windows:
            windows[role] = sign_in(world.people[role], WIDTHS[width])
        page = windows[role].open(path)
        options = {"runOnly": {"type": "tag", "values": RULES}}
        violations = Axe().run(page, options=options).response["violations"]
        if violations:
            found[name] = [
                (each["id"], [node["html"][:160] for node in each["nodes"]]) for each in violations
            ]
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wider > 0:
            found[f"{name} overflows"] = wider
        _photograph(page, f"{name}-{width}")
    complaints = {role: each.complaints for role, each in windows.items() if each.complaints}
    assert (found, complaints) == ({}, {})


def _photograph(page, name: str) -> None:
    """Keep a picture when SHAREMINT_SCREENSHOTS names a folder, such as docs/images."""
    folder = os.environ.get("SHAREMINT_SCREENSHOTS")
    if folder:
        target = ROOT / folder
        target.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=target / f"{name}.png", full_page=True)

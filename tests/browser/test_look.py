"""The four pages people spend their days on, looked at by axe-core and photographed."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

from core.portal import page_url
from tests.browser.conftest import DESKTOP, PHONE

ROOT = Path(__file__).resolve().parent.parent.parent
DARK_TOO = {"dashboard", "investor-review", "approval"}
HEIGHT_MAX = 2600
WIDTHS = {"desktop": DESKTOP, "phone": PHONE}
# WCAG 2.0 to 2.2, levels A and AA, and axe's own best practices.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def paths(world) -> dict[str, tuple[str, str]]:
    """Page name to who looks and the path. The auditor sees every page, others see buttons too."""
    return {
        "dashboard": ("auditor", "/portal/"),
        "investor-review": ("head", page_url(world.in_review)),
        "order-detail": ("auditor", page_url(world.order)),
        "webhook-deliveries": ("auditor", "/portal/core/webhookdelivery/"),
        "webhook-delivery": ("auditor", page_url(world.delivery)),
        "order-blotter": ("auditor", "/portal/issuance/order/"),
        "refused-investor": ("head", page_url(world.refused)),
        "waiting-for-me": ("head", "/portal/approvals/"),
        "approval": ("head", f"/portal/issuance/order/{world.awaiting.pk}/do/approve/"),
        "ledger": ("auditor", "/portal/custody/ledgertransfer/"),
    }


def test_no_page_breaks_an_accessibility_rule_or_overflows(world, sign_in):
    """Axe finds nothing, the console is silent, and no page is wider than its window."""
    windows = {role: sign_in(world.people[role]) for role in ("auditor", "head")}
    found: dict[str, object] = {}
    for name, (role, path) in paths(world).items():
        page = windows[role].open(path)
        for width, viewport in WIDTHS.items():
            page.set_viewport_size(viewport)
            found |= faults(page, f"{name}-{width}")
            photograph(page, f"{name}-{width}")
        if name in DARK_TOO:
            page.emulate_media(color_scheme="dark")
            page.set_viewport_size(DESKTOP)
            page.reload()
            found |= faults(page, f"{name}-dark")
            photograph(page, f"{name}-dark")
            page.emulate_media(color_scheme="light")
    complaints = {role: each.complaints for role, each in windows.items() if each.complaints}
    assert (found, complaints) == ({}, {})


def faults(page, name: str) -> dict[str, object]:
    options = {"runOnly": {"type": "tag", "values": RULES}}
    violations = Axe().run(page, options=options).response["violations"]
    found: dict[str, object] = {
        f"{name} {each['id']}": [node["html"][:160] for node in each["nodes"]]
        for each in violations
    }
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return found | ({f"{name} overflows": wider} if wider > 0 else {})


def photograph(page, name: str) -> None:
    """Keep a picture when SHAREMINT_SCREENSHOTS names a folder, such as docs/images."""
    folder = os.environ.get("SHAREMINT_SCREENSHOTS")
    if not folder:
        return
    target = ROOT / folder
    target.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(height, HEIGHT_MAX)})
    page.wait_for_timeout(300)
    page.screenshot(path=target / f"{name}.png")
    page.set_viewport_size(size)

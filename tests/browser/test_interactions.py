"""What Unfold does with JavaScript still works under a policy that allows no inline script."""

from core.portal import page_url
from tests.browser.conftest import PHONE


def test_the_policy_allows_no_inline_script_and_nothing_from_elsewhere(world, sign_in):
    window = sign_in(world.people["auditor"])
    response = window.page.goto(window.base + "/portal/")
    policy = response.headers["content-security-policy"]
    assert "script-src 'self';" in policy + ";"
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    asked = []
    window.page.on("request", lambda request: asked.append(request.url))
    window.open("/portal/issuance/order/")
    assert asked
    assert all(url.startswith((window.base, "data:")) for url in asked)
    assert window.complaints == []


def test_the_interactive_parts_work_under_the_policy(world, sign_in):
    window = sign_in(world.people["auditor"])
    page = window.open("/portal/issuance/order/")

    page.click("#sidebar-desktop")
    page.wait_for_selector("#nav-sidebar", state="hidden")
    page.click("#sidebar-desktop")
    page.wait_for_selector("#nav-sidebar", state="visible")

    page.keyboard.press("Control+k")
    page.wait_for_selector("#search-input-command", state="visible")
    page.type("#search-input-command", world.order.public_id, delay=5)
    result = page.wait_for_selector("#command-results-list a")
    assert page_url(world.order) in result.get_attribute("href")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_selector("#search-input-command", state="hidden")

    page.click("text=Filters")
    page.wait_for_selector("#changelist-filter", state="visible")

    window.open("/portal/issuance/order/")
    page.fill("#searchbar", "ord-2026-0002")
    page.press("#searchbar", "Enter")
    page.wait_for_url("**q=ord-2026-0002**")
    assert page.locator("#result_list tbody tr").count() == 1

    page.click("text=audrey.senn")
    page.click("#theme-dark")
    page.wait_for_selector("html.dark", state="attached")
    assert window.complaints == []


def test_the_sidebar_opens_on_a_phone(world, sign_in):
    window = sign_in(world.people["auditor"], PHONE)
    page = window.open("/portal/")
    assert not page.is_visible("#nav-sidebar")
    page.click("#sidebar-mobile")
    page.wait_for_selector("#nav-sidebar", state="visible")
    page.click("#nav-sidebar >> text=Orders")
    page.wait_for_url("**/portal/issuance/order/")
    assert window.complaints == []


def test_one_person_proposes_and_another_approves(world, sign_in):
    head = sign_in(world.people["head"])
    page = head.open(page_url(world.in_review))
    page.click("text=Propose approval")
    page.fill("textarea[name=reason]", "Documents complete, case 2026-121")
    page.click("button:has-text('Propose approval')")
    page.wait_for_selector("text=Another person must now approve it.")

    page.click("a:has-text('Approve')")
    page.fill("textarea[name=reason]", "My own proposal")
    page.click("button:has-text('Approve')")
    page.wait_for_selector("text=Another person must approve this.")
    assert "same_actor" in page.content()
    world.in_review.refresh_from_db()
    assert world.in_review.status == "IN_REVIEW"

    officer = sign_in(world.people["officer"])
    page = officer.open("/portal/approvals/")
    page.click("text=client-1003")
    page.click("a:has-text('Approve')")
    page.fill("textarea[name=reason]", "Checked, case 2026-121")
    page.click("button:has-text('Approve')")
    page.wait_for_selector("text=The investor is approved.")
    world.in_review.refresh_from_db()
    assert world.in_review.status == "APPROVED"


def test_a_page_works_without_javascript(world, browser, sign_in):
    window = sign_in(world.people["issuance"])
    cookies = window.page.context.cookies()
    plain = browser.new_context(java_script_enabled=False)
    plain.add_cookies(cookies)
    page = plain.new_page()
    page.goto(f"{window.base}/portal/issuance/order/{world.awaiting.pk}/do/approve/")
    page.fill("textarea[name=reason]", "Within the limit")
    page.click("button:has-text('Approve')")
    page.wait_for_load_state("load")
    plain.close()
    world.awaiting.refresh_from_db()
    assert world.awaiting.status == "QUEUED"

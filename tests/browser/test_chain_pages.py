"""Chain monitor, stuck work, holds and halts: readable at both widths, with nothing for axe to find."""

from django.utils import timezone

from core.models import Breaker
from core.portal import page_url
from issuance.models import Hold
from tests.browser.test_look import WIDTHS, faults, photograph
from tests.browser.world import chain


def test_the_chain_pages_break_no_accessibility_rule_and_do_not_overflow(world, sign_in):
    stuck = chain.trouble(world.order.token, timezone.now())
    hold = Hold.objects.get(wallet__isnull=False)
    paths = {
        "chain-monitor": ("issuance", "/portal/chains/"),
        "stuck-work": ("issuance", "/portal/stuck/"),
        "stuck-transaction": ("issuance", page_url(stuck)),
        "breaker": ("treasury", page_url(Breaker.objects.get())),
        "holds": ("officer", "/portal/issuance/hold/"),
        "hold": ("head", page_url(hold)),
        "place-hold": ("officer", "/portal/issuance/hold/do/place-compliance/"),
    }
    people = {role for role, _ in paths.values()}
    windows = {role: sign_in(world.people[role]) for role in people}
    found: dict[str, object] = {}
    for name, (role, path) in paths.items():
        page = windows[role].open(path)
        for width, viewport in WIDTHS.items():
            page.set_viewport_size(viewport)
            found |= faults(page, f"{name}-{width}")
            photograph(page, f"{name}-{width}")
    complaints = {role: each.complaints for role, each in windows.items() if each.complaints}
    assert (found, complaints) == ({}, {})


def test_an_empty_chain_monitor_explains_itself(operator, sign_in):
    page = sign_in(operator("ines.roth", "issuance_ops")).open("/portal/chains/")
    assert "No network is in service" in page.content()

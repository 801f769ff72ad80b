"""The dashboard's figures, and that each person sees only what their groups may see."""

from datetime import UTC, datetime, timedelta

from config.portal import approvals, coverage, queues
from issuance.models import SupplySnapshot

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_coverage_compares_settled_shares_with_the_supply_at_finality(world):
    assert world
    rows = {row[0].text: [cell.text for cell in row[2:]] for row in coverage.panel().rows}
    assert rows == {
        "FBTC": ["500", "0", "0", "500", "Nothing issued"],
        "IBIT": ["1,000", "600.25", "600.25", "399.75", "166.59 %"],
    }


def test_supply_above_settled_shares_is_shown_as_danger(world):
    SupplySnapshot.objects.create(
        token=world.order.token,
        block=9_000,
        block_hash="0x",
        supply=1_001 * 10**18,
        cap=0,
        settled=0,
        taken_at=datetime.now(UTC),
    )
    rows = {row[0].text: row for row in coverage.panel().rows}
    assert (rows["IBIT"][-2].text, rows["IBIT"][-1].tone) == ("-1", "danger")


def test_a_chart_holds_each_figure_until_the_next_and_reaches_the_present():
    def snapshot(minutes_ago, supply):
        taken_at = NOW - timedelta(minutes=minutes_ago)
        return SupplySnapshot(supply=supply, settled=100, taken_at=taken_at)

    steps = coverage._evenly([snapshot(60, 0), snapshot(30, 7), snapshot(29, 9)], NOW)
    times = [at for at, _, _ in steps]
    assert times[0] == NOW - timedelta(minutes=60)
    assert times[-1] == NOW
    held = dict(zip(times, [supply for _, _, supply in steps], strict=True))
    assert held[NOW - timedelta(minutes=31)] == 0
    assert held[NOW - timedelta(minutes=30)] == 7
    assert held[NOW] == 9


def test_the_dashboard_shows_each_group_its_own_parts(world, enter):
    pages = {
        role: enter(person).get("/portal/").content.decode()
        for role, person in world.people.items()
    }
    assert "Coverage" in pages["treasury"]
    assert "Coverage" not in pages["api"]
    assert "Investors to review" in pages["officer"]
    assert "Investors to review" not in pages["custody"]
    assert "Signers" in pages["issuance"]
    assert "Signers" not in pages["officer"]
    assert "Failed webhook deliveries" in pages["api"]


def test_a_silent_worker_is_shown(world, enter):
    page = enter(world.people["auditor"]).get("/portal/").content.decode()
    assert "Silent" in page
    assert "The custodian has not answered for an hour" in page


def test_queues_count_what_waits_and_since_when(world):
    held = {queue.key: queues.measure(queue) for queue in queues.QUEUES}
    assert held["investors"].count == 1
    assert held["investors"].oldest_at == world.in_review.submitted_at
    assert held["orders"].count == 1
    assert held["webhooks"].count == 1
    assert held["transactions"].count == 0
    assert held["transactions"].oldest_at is None


def test_nobody_finds_their_own_proposal_waiting_for_them(world, rf):
    def waits(role):
        request = rf.get("/portal/approvals/")
        request.user = world.people[role]
        titles = {
            panel.title: [row[0].text for row in panel.rows] for panel in approvals.panels(request)
        }
        return titles, approvals.count(request)

    titles, count = waits("head")
    assert titles["Overrides proposed"] == ["N42-I2-SVC for client-1003"]
    assert titles["Orders held for review"] == ["Mint 120 tIBIT"]
    assert count == 2
    titles, count = waits("officer")
    assert "Overrides proposed" not in titles
    assert count == 0
    assert waits("auditor") == ({}, 0)


def test_the_palette_finds_only_what_the_person_may_see(world, enter):
    term = world.order.public_id
    shown = enter(world.people["issuance"]).get("/portal/search/", {"s": term, "extended": "1"})
    assert f"/issuance/order/{world.order.pk}/" in shown.content.decode()
    hidden = enter(world.people["api"]).get("/portal/search/", {"s": term, "extended": "1"})
    assert f"/issuance/order/{world.order.pk}/" not in hidden.content.decode()

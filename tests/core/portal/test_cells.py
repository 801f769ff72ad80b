from datetime import UTC, datetime, timedelta

import pytest

from core.portal import cells, uuid_in


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_600, "1 h"),
        (7_860, "2 h 11 min"),
        (90_000, "1 d 1 h"),
        (86_400, "1 d"),
    ],
)
def test_a_span_is_written_in_its_two_largest_units(seconds, written):
    assert cells.age(timedelta(seconds=seconds)) == written


@pytest.mark.parametrize(
    ("units", "written"),
    [
        (0, "0"),
        (10**18, "1"),
        (1_234_567 * 10**18 + 5 * 10**17, "1,234,567.5"),
        (1, "0.000000000000000001"),
        (-2_460 * 10**18, "-2,460"),
        (-1, "-0.000000000000000001"),
    ],
)
def test_a_quantity_keeps_every_digit_and_groups_the_wholes(units, written):
    assert cells.quantity(units).text == written


def test_a_status_has_the_same_colour_everywhere_and_an_unknown_one_is_neutral():
    assert cells.status("AWAITING_APPROVAL") == cells.Cell("Awaiting approval", tone="warning")
    assert cells.status("NEVER_SEEN").tone == "neutral"
    assert cells.status("") == cells.BLANK


def test_times_are_in_utc_to_the_second():
    moment = datetime(2026, 11, 22, 15, 50, 3, 999, tzinfo=UTC)
    assert cells.time(moment).text == "2026-11-22 15:50:03\N{NO-BREAK SPACE}UTC"


@pytest.mark.parametrize("text", ["", "ord_", "ord_short", "not a uuid", "ord_" + "z" * 26])
def test_what_is_no_id_is_searched_as_text(text):
    assert uuid_in(text) is None

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.units import UNITS_MAX, QuantityInvalid, UnitsField, format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("600.25", 600_250_000_000_000_000_000),
        ("0.000000000000000001", 1),
        ("0", 0),
        ("1200000000", 1_200_000_000 * 10**18),
    ],
)
def test_a_decimal_string_becomes_exact_units(text, units):
    assert parse_quantity(text) == units
    assert format_quantity(units) == text


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1e3", "1.", ".5", "01", "1,5", "0.0000000000000000001", "NaN", "1" * 21, "١"],  # noqa: RUF001 - the point of the case
)
def test_anything_but_a_plain_decimal_is_refused(text):
    with pytest.raises(QuantityInvalid):
        parse_quantity(text)


@given(st.integers(min_value=0, max_value=UNITS_MAX))
def test_what_is_written_reads_back_to_the_last_unit(units):
    assert parse_quantity(format_quantity(units)) == units


@pytest.mark.parametrize("value", [1.0, "1", True])
def test_a_column_of_units_takes_nothing_but_int(value):
    with pytest.raises(TypeError):
        UnitsField().get_prep_value(value)

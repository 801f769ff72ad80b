"""A row says how many times better we are, whichever direction better is."""

import json
from dataclasses import replace

import pytest

from bench.report import Row, publish

GAS = Row(
    metric="mint",
    value=50.0,
    unit="gas",
    peer="another token",
    peer_value=200.0,
    limit="gas allowed",
    limit_value=60.0,
    bar=4.0,
    limit_bar=1.0,
    lower_is_better=True,
)


def test_less_gas_is_a_higher_ratio():
    assert GAS.ratio_to_peer == 4.0
    assert GAS.ratio_to_limit == pytest.approx(1.2)
    assert GAS.holds


@pytest.mark.parametrize("change", [{"value": 61.0}, {"value": 51.0}, {"limit_value": 49.0}])
def test_more_than_allowed_or_too_near_the_peer_is_missed(change):
    assert not replace(GAS, **change).holds


def test_more_per_second_is_a_higher_ratio():
    row = replace(GAS, lower_is_better=False, limit_bar=0.0, value=900.0)
    assert row.ratio_to_peer == 4.5
    assert row.holds
    assert not replace(row, value=700.0).holds


def test_a_missed_bar_is_an_exit_code(tmp_path):
    path = tmp_path / "rows.json"
    assert publish("gas", [GAS], rows_path=str(path)) == 0
    assert json.loads(path.read_text())["rows"][0]["holds"] is True
    assert publish("gas", [GAS, replace(GAS, value=70.0)], rows_path=None) == 1


def test_a_floor_is_the_least_or_the_most_that_is_allowed():
    assert not replace(GAS, floor=49.0).holds
    assert replace(GAS, floor=50.0).holds
    faster = replace(GAS, lower_is_better=False, limit_bar=0.0, value=900.0)
    assert replace(faster, floor=900.0).holds
    assert not replace(faster, floor=901.0).holds

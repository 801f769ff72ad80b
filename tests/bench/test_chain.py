"""The chain benchmark runs, counts what really happened and finds its own faults; no figure is judged."""

import json
import subprocess
import sys

from config.devstack import places

SECONDS_MAX = 600
# Two transactions of a batch and of single mints, a handful of latencies: enough to count.
FEW = (
    *("--seconds", "1", "--rate", "120", "--single-rate", "10"),
    *("--latency-rate", "5", "--investors", "8"),
)


def test_a_short_run_mints_measures_and_finds_chain_ledger_and_orders_in_agreement(tmp_path):
    path = tmp_path / "rows.json"
    command = [sys.executable, "-m", "bench.chain", "--json", str(path), *FEW]
    ended = subprocess.run(
        command,
        cwd=places.CHECKOUT,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert "FAULT" not in ended.stdout, ended.stdout
    assert "agree" in ended.stdout, ended.stderr
    rows = {row["metric"].split(",")[0]: row for row in json.loads(path.read_text())["rows"]}
    assert rows["approve -> included"]["value"] > 0
    assert all(row["value"] > 0 for row in rows.values())

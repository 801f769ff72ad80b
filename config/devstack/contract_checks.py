"""Static analysis and line coverage of the contracts: what ./dev lint runs beside their tests."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.devstack import places

CONTRACTS = places.CHECKOUT / "issuance" / "contracts"
ANSWERS = CONTRACTS / "slither-answers.json"
LOCK = CONTRACTS / "slither.lock"
# slither needs an older web3 than we do, so it lives apart.
SLITHER_HOME = places.CHECKOUT / ".stack" / "slither"
STAMP = SLITHER_HOME / "made-from.lock"
FORGE = CONTRACTS / "node_modules" / ".bin" / "forge"

COVERAGE_PERCENT_MIN = 95.0
SECONDS_MAX = 600

Finding = tuple[str, str]


def unanswered(found: Sequence[Finding], answers: Sequence[dict[str, Any]]) -> list[str]:
    """Findings nobody answered, answers nobody asked for, and answers without a reason, as text."""
    given = Counter(
        (answer["check"], subject) for answer in answers for subject in answer["subjects"]
    )
    faults = [f"not answered: {check} at {subject}" for check, subject in set(found) - set(given)]
    faults += [
        f"no longer found: {check} at {subject}" for check, subject in set(given) - set(found)
    ]
    faults += [
        f"answered twice: {check} at {subject}" for (check, subject), n in given.items() if n > 1
    ]
    faults += [f"without a reason: {a['check']}" for a in answers if not a["reason"].strip()]
    return sorted(faults)


def uncovered(lcov: str) -> list[str]:
    """Files of ours below the bar, as text; an empty report is a fault as well."""
    faults, path, counted = [], "", False
    lines: dict[str, int] = {}
    for line in lcov.splitlines():
        name, _, value = line.partition(":")
        if name == "SF":
            path = value
        elif name in ("LF", "LH"):
            lines[name] = int(value)
        elif line == "end_of_record" and path.startswith("src/"):
            counted = True
            percent = 100 * lines["LH"] / lines["LF"] if lines["LF"] else 100.0
            if percent < COVERAGE_PERCENT_MIN:
                faults.append(f"{path}: {percent:.1f} % of {lines['LF']} lines")
    return faults if counted else ["the report names no file of ours"]


def slither() -> int:
    """Analyse the contracts; every finding is fixed, or answered in slither-answers.json."""
    _install_slither()
    report = SLITHER_HOME / "report.json"
    report.unlink(missing_ok=True)
    command: list[str | Path] = [
        SLITHER_HOME / "bin" / "slither",
        ".",
        "--filter-paths",
        "node_modules,test",
    ]
    env = os.environ | {"PATH": f"{FORGE.parent}{os.pathsep}{os.environ['PATH']}"}
    done = _run([*command, "--json", report], env=env)
    if not report.exists() or not (document := json.loads(report.read_text()))["success"]:
        print(done.stdout + done.stderr)
        return 1
    found = [_finding(each) for each in document["results"].get("detectors", [])]
    faults = unanswered(found, json.loads(ANSWERS.read_text()))
    print("\n".join(faults) or f"{len(found)} findings, each answered")
    return 1 if faults else 0


def coverage() -> int:
    """Run the contracts' tests with line coverage and hold every source file to the bar."""
    report = CONTRACTS / "cache" / "lcov.info"
    report.parent.mkdir(exist_ok=True)
    # The invariants run optimized, beside the unit tests; here they would take minutes.
    command: list[str | Path] = [FORGE, "coverage", "--no-match-contract", "InvariantsTest"]
    done = _run([*command, "--report", "lcov", "--report-file", report])
    if done.returncode != 0:
        print(done.stdout + done.stderr)
        return 1
    faults = uncovered(report.read_text())
    print(
        "\n".join(faults) or f"every source file has {COVERAGE_PERCENT_MIN:.0f} % of its lines run"
    )
    return 1 if faults else 0


def _finding(detector: dict[str, Any]) -> Finding:
    element = detector["elements"][0]
    details = element.get("type_specific_fields", {})
    parent = details.get("parent", {}).get("name", "")
    return detector["check"], f"{parent}.{details.get('signature', element['name'])}"


def _install_slither() -> None:
    if STAMP.exists() and STAMP.read_bytes() == LOCK.read_bytes():
        return
    print(f"installing slither into {SLITHER_HOME}", flush=True)
    pip: list[str | Path] = [SLITHER_HOME / "bin" / "python", "-m", "pip", "install", "--quiet"]
    venv: list[str | Path] = [sys.executable, "-m", "venv", "--clear", SLITHER_HOME]
    fill = [*pip, "--disable-pip-version-check", "--require-hashes", "-r", LOCK]
    for command in (venv, fill):
        subprocess.run(command, check=True, timeout=SECONDS_MAX)
    # Written last: an interrupted installation starts again.
    STAMP.write_bytes(LOCK.read_bytes())


def _run(
    command: Sequence[str | Path], *, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=CONTRACTS,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )


if __name__ == "__main__":
    sys.exit({"slither": slither, "coverage": coverage}[sys.argv[1]]())

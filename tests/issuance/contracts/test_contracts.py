"""The committed bytecode is what the sources give, and forge's own tests hold."""

import json
import subprocess

from issuance.chain import contracts
from issuance.chain.compile import ARTIFACTS, CONTRACTS, main, render_artifacts
from issuance.chain.types import RejectReason

FORGE_SECONDS_MAX = 400
# EIP-170
CODE_BYTES_MAX = 24_576


def test_the_committed_artefacts_are_what_the_sources_compile_to():
    for name, text in render_artifacts().items():
        assert (ARTIFACTS / name).read_text() == text, (
            f"run python -m issuance.chain.compile: {name}"
        )


def test_the_check_notices_a_changed_artefact(monkeypatch, tmp_path, capsys):
    for path in ARTIFACTS.glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text())
    document = json.loads((tmp_path / "EtfTokenProxy.json").read_text())
    document["bytecode"] = document["bytecode"][:-2] + "00"
    (tmp_path / "EtfTokenProxy.json").write_text(json.dumps(document, indent=1) + "\n")
    monkeypatch.setattr("issuance.chain.compile.ARTIFACTS", tmp_path)
    assert main(["--check"]) == 1
    assert "EtfTokenProxy.json" in capsys.readouterr().err


def test_the_token_fits_into_one_contract():
    assert len(contracts.artifact("EtfToken").deployed_bytecode) < CODE_BYTES_MAX


def test_our_code_is_recognised_and_any_other_is_not():
    code = bytearray(contracts.artifact("EtfToken").deployed_bytecode)
    start, length = contracts.artifact("EtfToken").immutables[0]
    code[start : start + length] = b"\x11" * length  # construction writes here
    assert contracts.runs_our_code("EtfToken", bytes(code))
    code[0] ^= 1
    assert not contracts.runs_our_code("EtfToken", bytes(code))
    assert not contracts.runs_our_code("EtfToken", b"")


def test_reject_reasons_mirror_the_contract():
    source = (CONTRACTS / "src" / "EtfTokenBooks.sol").read_text()
    constants = {
        RejectReason.NOT_PERMITTED: "NOT_PERMITTED",
        RejectReason.FROZEN: "IS_FROZEN",
        RejectReason.KYC_EXPIRED: "KYC_EXPIRED",
        RejectReason.COUNTRY_RESTRICTED: "COUNTRY_RESTRICTED",
        RejectReason.AMOUNT_ZERO: "AMOUNT_IS_ZERO",
    }
    assert set(constants) == set(RejectReason)
    for reason, name in constants.items():
        assert f"uint8 internal constant {name} = {reason.value};" in source


def test_the_lock_file_names_no_machine_and_pins_by_hash():
    packages = json.loads((CONTRACTS / "package-lock.json").read_text())["packages"]
    del packages[""]
    assert all(
        package.get("resolved", "https://registry.npmjs.org/").startswith(
            "https://registry.npmjs.org/"
        )
        for package in packages.values()
    )
    # The registry this was locked with does not carry the binaries of every other platform.
    unhashed = {path for path, package in packages.items() if "integrity" not in package}
    assert all(packages[path]["optional"] for path in unhashed)
    assert not [path for path in unhashed if path.endswith("linux-amd64")]


def test_the_lock_file_covers_every_platform_that_npm_ci_asks_for():
    packages = json.loads((CONTRACTS / "package-lock.json").read_text())["packages"]
    wanted = {
        f"node_modules/{name}"
        for package in packages.values()
        for name in package.get("optionalDependencies", {})
    }
    assert wanted <= set(packages)


def forge(*arguments):
    run = subprocess.run(
        [CONTRACTS / "node_modules" / ".bin" / "forge", *arguments],
        cwd=CONTRACTS,
        capture_output=True,
        text=True,
        timeout=FORGE_SECONDS_MAX,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]


def test_forge_unit_fuzz_and_invariant_tests_pass():
    forge("test")


def test_no_contract_test_costs_more_gas_than_it_did():
    fixed = ("--no-match-test", "testFuzz", "--no-match-contract", "InvariantsTest")
    forge("snapshot", "--check", "gas.snapshot", "--tolerance", "1", *fixed)

"""Compile the contracts into ``artifacts/``: ``python -m issuance.chain.compile [--check]``.

The committed files let the service and its tests run without a compiler; ``--check`` proves, byte
for byte, that they are what the sources and the pinned compiler give. Sources that move a field of
the token's storage are refused: the committed ``storage-layout.json`` only ever grows.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from issuance.chain import layout

ARTIFACTS = Path(__file__).resolve().parent / "artifacts"
CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
PUBLISHED = ("ComplianceFacade", "EtfTimelock", "EtfToken", "EtfTokenProxy")
LAYOUT = CONTRACTS / "storage-layout.json"

_IMPORT = re.compile(r'^\s*(?:import\s+"([^"]+)"|import\s.*?from\s+"([^"]+)"|}\s*from\s+"([^"]+)")')
_COMPILE_SECONDS_MAX = 300


class CompilationFailed(Exception):
    """The compiler is missing, or refused the sources; the text is its own."""


def render_artifacts() -> dict[str, str]:
    """The artefact files as they should be: file name -> JSON text.

    Raises CompilationFailed.
    """
    settings = _settings()
    contracts = compile_contracts([f"src/{name}.sol" for name in PUBLISHED], settings)
    return {f"{name}.json": _artifact(name, contracts, settings) for name in PUBLISHED}


def build_layout() -> layout.Layout:
    """Where the sources as they are keep the token's state. Raises CompilationFailed."""
    settings = _settings() | {"outputSelection": {"*": {"*": ["storageLayout"]}}}
    contracts = compile_contracts(["test/Layout.sol"], settings)
    return layout.describe(contracts["test/Layout.sol"]["Layout"]["storageLayout"])


def main(arguments: list[str]) -> int:
    """Write the artefacts, or with ``--check`` compare them; 0 when they agree."""
    parser = argparse.ArgumentParser(prog="python -m issuance.chain.compile", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(arguments).check
    built = build_layout()
    faults = layout.moved(json.loads(LAYOUT.read_text()) if LAYOUT.exists() else {}, built)
    if faults:
        sys.stderr.write("storage moved under deployed tokens:\n" + "\n".join(faults) + "\n")
        return 1
    files = {ARTIFACTS / name: text for name, text in render_artifacts().items()}
    files[LAYOUT] = json.dumps(built, indent=1) + "\n"
    if not check:
        for path, text in files.items():
            path.write_text(text)
        return 0
    stale = [p.name for p, text in files.items() if not p.exists() or p.read_text() != text]
    if stale:
        sys.stderr.write(f"not what the sources compile to: {', '.join(stale)}\n")
    return 1 if stale else 0


def compile_contracts(roots: list[str], settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """The compiler's output by file and contract, with foundry.toml's settings.

    ``roots`` are paths below the contracts folder. Raises CompilationFailed.
    """
    sources = sorted(_sources(roots).items())
    request = {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in sources},
        "settings": settings or _settings(),
    }
    answer = _solc(json.dumps(request))
    errors = [e["formattedMessage"] for e in answer.get("errors", []) if e["severity"] == "error"]
    if errors:
        raise CompilationFailed("\n".join(errors))
    contracts: dict[str, Any] = answer["contracts"]
    return contracts


def _settings() -> dict[str, Any]:
    """The compiler settings, from foundry.toml so that forge tests what we ship."""
    profile = tomllib.loads((CONTRACTS / "foundry.toml").read_text())["profile"]["default"]
    return {
        "evmVersion": profile["evm_version"],
        "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
        "metadata": {
            "bytecodeHash": profile["bytecode_hash"],
            "appendCBOR": profile["cbor_metadata"],
        },
        "remappings": profile["remappings"],
        "outputSelection": {
            "*": {
                "*": [
                    "abi",
                    "evm.bytecode.object",
                    "evm.deployedBytecode.object",
                    "evm.deployedBytecode.immutableReferences",
                ]
            }
        },
    }


def _sources(roots: list[str]) -> dict[str, str]:
    """Every file the roots import, by its path below the contracts folder."""
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        try:
            found[path] = (CONTRACTS / path).read_text()
        except FileNotFoundError as error:
            raise CompilationFailed(f"{path} is missing: run npm ci in {CONTRACTS}") from error
        for line in found[path].splitlines():
            match = _IMPORT.match(line)
            if match is not None:
                waiting.append(_resolve(path, next(filter(None, match.groups()))))
    return found


def _resolve(importer: str, imported: str) -> str:
    if imported.startswith("@"):
        return f"node_modules/{imported}"
    return str((CONTRACTS / importer).parent.joinpath(imported).resolve().relative_to(CONTRACTS))


def _solc(request: str) -> dict[str, Any]:
    try:
        run = subprocess.run(  # noqa: S603 - our own wrapper, with fixed arguments
            ["node", str(CONTRACTS / "solc-wrap.cjs"), "--standard-json"],  # noqa: S607 - node is found as the developer's shell finds it
            input=request,
            capture_output=True,
            text=True,
            check=True,
            timeout=_COMPILE_SECONDS_MAX,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CompilationFailed(str(error)) from error
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def _artifact(name: str, contracts: dict[str, Any], settings: dict[str, Any]) -> str:
    contract = contracts[f"src/{name}.sol"][name]
    deployed = contract["evm"]["deployedBytecode"]
    compiler = json.loads((CONTRACTS / "package.json").read_text())["devDependencies"]["solc"]
    immutables = [
        [place["start"], place["length"]]
        for places in deployed["immutableReferences"].values()
        for place in places
    ]
    document = {
        "contract": name,
        "compiler": {
            "solc": compiler,
            "settings": {k: v for k, v in settings.items() if k != "outputSelection"},
        },
        "abi": contract["abi"],
        "bytecode": f"0x{contract['evm']['bytecode']['object']}",
        "deployed_bytecode": f"0x{deployed['object']}",
        # Where construction writes values into the deployed code: [start, length] in bytes.
        "immutables": sorted(immutables),
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

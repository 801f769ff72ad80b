"""The compiled contracts as Python reads them: code to deploy, errors by selector, event names."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

_FOLDER = Path(__file__).resolve().parent / "artifacts"
_SELECTOR_BYTES = 4
# Whose errors can come back from a call or a creation.
_DEPLOYED = ("EtfToken", "EtfTokenProxy", "EtfTimelock", "ComplianceFacade")


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract. ``immutables`` are the places that construction writes into."""

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    deployed_bytecode: bytes
    immutables: tuple[tuple[int, int], ...]


@cache
def artifact(name: str) -> Artifact:
    """The committed artefact of a contract."""
    document = json.loads((_FOLDER / f"{name}.json").read_text())
    return Artifact(
        name=name,
        abi=tuple(document["abi"]),
        bytecode=bytes.fromhex(document["bytecode"][2:]),
        deployed_bytecode=bytes.fromhex(document["deployed_bytecode"][2:]),
        immutables=tuple((start, length) for start, length in document["immutables"]),
    )


def runs_our_code(name: str, code: bytes) -> bool:
    """Whether the code at an address is this artefact's, immutables aside."""
    expected = artifact(name)
    return _masked(code, expected) == _masked(expected.deployed_bytecode, expected)


def read_revert(data: bytes) -> tuple[str, tuple[object, ...]]:
    """The contract's error behind revert data: its name and arguments, else its selector."""
    selector, body = data[:_SELECTOR_BYTES], data[_SELECTOR_BYTES:]
    name, types = _errors().get(selector, (f"0x{selector.hex()}", ()))
    try:
        return name, tuple(decode(types, body))
    except (DecodingError, ValueError, OverflowError):
        # A node may put anything there, also text that is no text.
        return name, ()


@cache
def event_names() -> dict[str, str]:
    """The token's events: topic -> name."""
    return {topic: event.name for topic, event in events().items()}


@dataclass(frozen=True, slots=True)
class EventShape:
    """An event of the ABI: its name, and (name, type) of its arguments, indexed ones apart."""

    name: str
    indexed: tuple[tuple[str, str], ...]
    plain: tuple[tuple[str, str], ...]


@cache
def events() -> dict[str, EventShape]:
    """The token's events: topic -> shape."""
    return {
        f"0x{keccak(text=_signature(entry)).hex()}": EventShape(
            name=entry["name"],
            indexed=tuple((i["name"], _type(i)) for i in entry["inputs"] if i["indexed"]),
            plain=tuple((i["name"], _type(i)) for i in entry["inputs"] if not i["indexed"]),
        )
        for entry in artifact("EtfToken").abi
        if entry["type"] == "event"
    }


@cache
def selectors() -> dict[bytes, str]:
    """The token's functions: selector -> signature."""
    return {
        keccak(text=_signature(entry))[:_SELECTOR_BYTES]: _signature(entry)
        for entry in artifact("EtfToken").abi
        if entry["type"] == "function"
    }


@cache
def _errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    found = {
        keccak(text=signature)[:_SELECTOR_BYTES]: (signature.partition("(")[0], types)
        for signature, types in (
            (_signature(entry), tuple(_type(item) for item in entry["inputs"]))
            for name in _DEPLOYED
            for entry in artifact(name).abi
            if entry["type"] == "error"
        )
    }
    for name, types in (("Error", ("string",)), ("Panic", ("uint256",))):
        found[keccak(text=f"{name}({','.join(types)})")[:_SELECTOR_BYTES]] = (name, types)
    return found


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(_type(item) for item in entry['inputs'])})"


def _type(item: dict[str, Any]) -> str:
    if not item["type"].startswith("tuple"):
        return str(item["type"])
    members = ",".join(_type(member) for member in item["components"])
    return f"({members}){item['type'].removeprefix('tuple')}"


def _masked(code: bytes, expected: Artifact) -> bytes:
    masked = bytearray(code)
    for start, length in expected.immutables:
        masked[start : start + length] = bytes(len(masked[start : start + length]))
    return bytes(masked)

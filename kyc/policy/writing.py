"""Canonical JSON, put together from parts that say the same of many investors and are written once."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_GAP = '"facts":null'
# Texts of rules and codes of countries: far fewer of each are ever met.
_KEPT = 4096


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """The one way to write a JSON value: sorted keys, no spaces, UTF-8."""
    return _ENCODER.encode(value).encode()


def write_body(
    plain: Mapping[str, str],
    *,
    lists: Mapping[str, tuple[str, ...]],
    policies: tuple[tuple[str, str], ...],
    findings: Mapping[str, Sequence[str]],
) -> bytes:
    """``canonical`` of an outcome's description, whose ``findings`` are written already.

    ``policies`` are names and hashes; ``plain`` and ``lists`` are texts.
    """
    members = {name: _word(text) for name, text in plain.items()}
    members |= {name: _words(texts) for name, texts in lists.items()}
    members |= {name: f"[{','.join(written)}]" for name, written in findings.items()}
    members["policies"] = _policies(policies)
    return _object(members).encode()


def around_facts(said: Mapping[str, Any]) -> tuple[str, str]:
    """The canonical text of what a rule says, with a gap where the facts it saw belong."""
    # A quote inside a text is escaped, so no text holds the gap.
    before, after = _ENCODER.encode({**said, "facts": None}).split(_GAP)
    return f'{before}"facts":', after


def write_facts(facts: Mapping[str, Any]) -> str:
    """``canonical`` of the facts a rule saw, as text."""
    return _object({name: _value(value) for name, value in facts.items()})


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join([f"{_word(name)}:{members[name]}" for name in sorted(members)]) + "}"


def _value(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if type(value) is str:
        return _word(value)
    if type(value) is list and all(type(each) is str for each in value):
        return f"[{','.join(map(_word, value))}]"
    return _ENCODER.encode(value)


@lru_cache(maxsize=_KEPT)
def _word(text: str) -> str:
    return _ENCODER.encode(text)


@lru_cache(maxsize=_KEPT)
def _words(texts: tuple[str, ...]) -> str:
    return _ENCODER.encode(texts)


@lru_cache(maxsize=_KEPT)
def _policies(named: tuple[tuple[str, str], ...]) -> str:
    return _ENCODER.encode([{"name": name, "sha256": sha256} for name, sha256 in named])

"""A strict JSON body: one object, UTF-8, 256 kB, no doubled keys, nothing PostgreSQL refuses."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from core.api.errors import BodyTooLarge, MalformedJson

BODY_BYTES_MAX = 256 * 1024
DEPTH_MAX = 20
# An escaped character, a quote, or a bracket: all that decides the depth.
_STRUCTURE = re.compile(rb"\\.|[\"\[\]{}]", re.DOTALL)
_STEPS = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


class StrictJsonParser(BaseParser):
    """Raises MalformedJson or BodyTooLarge."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return parse(stream.read(BODY_BYTES_MAX + 1))


def parse(body: bytes) -> dict[str, Any]:
    """Read one JSON object. Raises MalformedJson or BodyTooLarge."""
    if len(body) > BODY_BYTES_MAX:
        raise BodyTooLarge
    _refuse_depth(body)
    try:
        parsed = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except MalformedJson:
        raise
    except (ValueError, RecursionError) as broken:
        raise MalformedJson(f"The body is not valid JSON: {_place(broken)}.") from broken
    if not isinstance(parsed, dict):
        raise MalformedJson("The body must be a JSON object.")
    _check(parsed)
    return parsed


def _refuse_depth(body: bytes) -> None:
    """Before parsing: where a library has raised the recursion limit, json.loads itself crashes."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return
    depth, in_text = 0, False
    for match in _STRUCTURE.finditer(body):
        mark = match.group()
        if mark == b'"':
            in_text = not in_text
        elif not in_text and mark in _STEPS:
            depth += _STEPS[mark]
            if depth > DEPTH_MAX:
                raise MalformedJson(f"The body is nested deeper than {DEPTH_MAX} levels.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJson("An object names the same member twice.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJson("A number is out of range.")
    return number


def _check(value: object) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list):
        for inner in value:
            _check(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name)
            _check(inner)


def _check_text(text: str) -> None:
    # PostgreSQL stores neither NUL nor half a surrogate pair.
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise MalformedJson("A string holds a character that text cannot hold.")


def _place(broken: Exception) -> str:
    # The message of a decode error may quote the body; its position may not.
    if isinstance(broken, json.JSONDecodeError):
        return f"line {broken.lineno} column {broken.colno}"
    return "it is not UTF-8" if isinstance(broken, UnicodeDecodeError) else "it is out of range"

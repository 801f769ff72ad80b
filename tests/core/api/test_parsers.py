"""The strict JSON parser."""

import json
import sys
import time

import pytest

from core.api.errors import MalformedJson
from core.api.parsers import DEPTH_MAX, parse


def test_brackets_inside_text_do_not_count_as_depth():
    text = '[{"\\' * 50
    assert parse(json.dumps({"a": text}).encode()) == {"a": text}


def test_wide_is_not_deep():
    body = ('{"a": [' + ",".join(["[]"] * 500) + "]}").encode()
    assert len(parse(body)["a"]) == 500


@pytest.mark.parametrize("depth", [DEPTH_MAX, DEPTH_MAX + 1])
def test_the_limit_of_depth_is_exact(depth):
    body = ('{"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}").encode()
    if depth > DEPTH_MAX:
        with pytest.raises(MalformedJson):
            parse(body)
    else:
        assert parse(body)


def test_a_deep_body_does_not_crash_where_a_library_raised_the_recursion_limit():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(MalformedJson):
            parse(b"[" * 200_000)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("body", [b'"\\"' * 60_000, b'{"a":"' + b"[" * 250_000, b"\\" * 250_000])
def test_a_hostile_body_is_refused_quickly(body):
    began = time.monotonic()
    with pytest.raises(MalformedJson):
        parse(body)
    assert time.monotonic() - began < 1

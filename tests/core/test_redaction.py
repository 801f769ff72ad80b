"""Nothing secret or personal reaches a log line."""

import io
import json
import logging

import pytest
import structlog

from config import logging as json_logging
from core import keys, requests
from core.redaction import HIDDEN, clean_mapping, clean_text


@pytest.fixture
def lines():
    """A logger with the real formatter; call it for the lines written so far."""
    stream = io.StringIO()
    options = json_logging.settings("INFO")["formatters"]["json"]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=options["foreign_pre_chain"], processors=options["processors"]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger("tests.redaction")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    "secret",
    [
        keys.generate().text,
        "whsec_" + "a" * 43 + "=",
        "Bearer abc.def-ghi",
        "postgres://app:hunter2@db/x",
        "someone@example.com",
        "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
    ],
    ids=["api key", "webhook secret", "bearer", "url", "e-mail", "private key"],
)
def test_a_secret_in_the_middle_of_a_text_is_blanked(secret):
    cleaned = clean_text(f"before {secret} after")
    assert HIDDEN in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")
    for part in ("hunter2", "abc", "aaaa", "someone@", secret[9:]):
        assert part not in cleaned


@pytest.mark.parametrize(
    "name", ["Authorization", "password", "legal_name", "date-of-birth", "secret"]
)
def test_a_hidden_name_is_blanked_at_any_depth(name):
    event = {"outer": [{"inner": {name: "Jane Doe"}}]}
    assert "Jane Doe" not in json.dumps(clean_mapping(event))


def test_ids_and_numbers_stay():
    event = {"order": "ord_01kamq0000e8c8rr3y0000000a", "n": 5, "ok": True, "none": None}
    assert clean_mapping(event) == event


def test_a_log_line_is_json_with_the_request_id_and_without_the_key(lines):
    text = keys.generate().text
    with requests.serving("req_test"):
        logging.getLogger("tests.redaction").warning(
            "key %s refused", text, extra={"email": "a@b.ch"}
        )
    line = lines()[0]
    assert line["request_id"] == "req_test"
    assert line["level"] == "warning"
    assert line["email"] == HIDDEN
    assert text not in json.dumps(line)


def test_a_traceback_is_redacted_too(lines):
    text = keys.generate().text
    try:
        int(text)
    except ValueError:
        logging.getLogger("tests.redaction").exception("broken")
    line = json.dumps(lines()[0])
    assert "ValueError" in line
    assert text not in line

"""Lint lets no finding of slither pass unanswered and no source file unrun."""

import json
import re

import pytest

from config.devstack import checks
from config.devstack.contract_checks import ANSWERS, LOCK, unanswered, uncovered

ANSWER = {"check": "timestamp", "subjects": ["A.f()"], "reason": "Time is meant."}
COVERED = "SF:src/A.sol\nLF:20\nLH:19\nend_of_record\n"


def test_an_answered_finding_passes():
    assert unanswered([("timestamp", "A.f()"), ("timestamp", "A.f()")], [ANSWER]) == []


@pytest.mark.parametrize(
    ("found", "answers", "fault"),
    [
        ([("timestamp", "A.g()")], [], "not answered: timestamp at A.g()"),
        ([("reentrancy-eth", "A.f()")], [], "not answered: reentrancy-eth at A.f()"),
        ([], [ANSWER], "no longer found: timestamp at A.f()"),
        ([("timestamp", "A.f()")], [ANSWER, ANSWER], "answered twice: timestamp at A.f()"),
        ([("timestamp", "A.f()")], [ANSWER | {"reason": " "}], "without a reason: timestamp"),
    ],
)
def test_a_finding_without_an_answer_or_an_answer_without_a_finding_is_a_fault(
    found, answers, fault
):
    assert unanswered(found, answers) == [fault]


def test_every_committed_answer_gives_a_reason():
    answers = json.loads(ANSWERS.read_text())
    assert answers
    assert all(len(answer["reason"]) > len(answer["check"]) for answer in answers)


def test_files_of_ours_below_the_bar_are_named():
    assert uncovered(COVERED) == []
    below = COVERED.replace("LH:19", "LH:18")
    assert uncovered(COVERED + below) == ["src/A.sol: 90.0 % of 20 lines"]
    assert uncovered(below.replace("src/", "test/") + COVERED) == []


def test_an_empty_coverage_report_is_a_fault():
    assert uncovered("") == ["the report names no file of ours"]
    assert uncovered(COVERED.replace("src/", "test/")) == ["the report names no file of ours"]


def test_slither_is_pinned_by_hash_and_installed_apart():
    lock = LOCK.read_text()
    assert "slither-analyzer==" in lock
    pins = re.findall(r"^\S+==\S+", lock, flags=re.MULTILINE)
    assert lock.count("--hash=sha256:") >= len(pins) > 0
    assert {"slither", "forge coverage"} <= set(checks.LINT)

"""Policies as texts: verbatim quotations, stored bytes, refused mistakes."""

from pathlib import Path

import pytest

from kyc.policy.active import active_policies
from kyc.policy.compiler import PolicyInvalid, read_canonical, read_yaml


def test_every_quotation_of_the_notice_is_verbatim():
    notice = Path("docs/compliance/notice-yinfa-2026-42.txt").read_text(encoding="utf-8")
    quoted = [
        rule
        for policy in active_policies()
        for rule in policy.rules
        if rule.document == "Yinfa [2026] 42"
    ]
    assert len(quoted) >= 13
    for rule in quoted:
        assert rule.quote, rule.id
        assert rule.quote in notice, rule.id


def test_a_policy_compiles_to_the_same_from_its_stored_bytes():
    for policy in active_policies():
        again = read_canonical(policy.body)
        assert again.sha256 == policy.sha256
        assert [rule.id for rule in again.rules] == [rule.id for rule in policy.rules]


GOOD_POLICY = """
policy: p
number: 1
title: t
document: d
valid_from: "2026-01-01"
lists: {"@X": [CN]}
rules:
  - {id: R, clause: c, quote: q, sentence: s, when: {fact: residence, in: "@X"}, effect: DENY}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("effect: DENY", "effect: FORBID", "no effect"),
        ("fact: residence", "fact: residense", "unknown fact"),
        ('in: "@X"', 'in: "@Y"', "unknown list"),
        ('in: "@X"', "matches: CN", "exactly one of"),
        ("clause: c, ", "", "missing keys"),
        ("clause: c", "clause: c, colour: red", "unknown keys"),
        ("effect: DENY", "effect: DENY, actions: [borrow]", "actions are"),
        ("fact: residence, in", "any: residence, in", "no operator"),
        ("[CN]", "[NO]", "codes as text"),
        ("  - {id: R,", "  - {id: R, actions: 7,", "actions are"),
    ],
)
def test_a_policy_with_a_mistake_is_refused(old, new, expected):
    assert read_yaml(GOOD_POLICY).rules[0].id == "R"
    with pytest.raises(PolicyInvalid, match=expected):
        read_yaml(GOOD_POLICY.replace(old, new))


def test_rule_ids_differ_across_all_policies():
    ids = [rule.id for policy in active_policies() for rule in policy.rules]
    assert len(ids) == len(set(ids))

"""Pages for people, written from the vocabulary and the policies themselves."""

from collections.abc import Iterable

from kyc.policy.active import active_policies
from kyc.policy.compiler import Policy, Rule
from kyc.policy.vocabulary import FACTS, PHONE, FactSpec, FactType

_TYPES = {
    FactType.COUNTRY: "country code",
    FactType.BOOLEAN: "true or false",
    FactType.CURRENCY: "currency code",
    FactType.WORD: "word",
    FactType.OWNERS: "list of owners",
}
_FACTS_HEAD = """\
# Facts: the vocabulary of the policies

Written by `manage.py compliance_pages`; a test compares it with the code.

An absent fact is **unknown**, never "no": each rule states what unknown means for it. A fact that
does not apply to a kind of investor (a company's residence) is a "no". Where several values are
allowed, a single value may stand without its list; a rule fires when any of them matches. What
two sources say of one fact stands side by side, so a declaration cannot displace what a provider
found.

Country codes are ISO 3166-1 alpha-2 in any case. ISO 3166-2 codes are reduced to the country
(`CN-44` is `CN`), except `CN-HK`, `CN-MO` and `CN-TW`, which are `HK`, `MO` and `TW`; the
territories of the United States, which keep their own codes; and the regions of Ukraine, such as
`UA-43`, which stay.

| fact | value | of | stated by | meaning |
|---|---|---|---|---|
"""
_FACTS_TAIL = """
`phone` (declared; one or several numbers such as `+41446681800`) becomes `phone_region` before
any rule sees it. Numbers of +7 978, 869, 949 and 959 count as the occupied regions of Ukraine.

An owner is `{"country", "share_bps", "controls", "nationality"?}`: where the owner lives or is
organised, ownership in basis points (5000 is one half), and whether the owner controls by any
means. Stakes from one country are added up; a share not accounted for could be anyone's, so it
makes an answer unknown when it would reach the threshold.

## Asking from a file

`manage.py evaluate_policy FILE` takes one question or a list and prints the decisions as JSON in
the same shape; it reads and writes no row. A question is the facts alone, or

```json
{
  "subject": "free text, repeated in the answer",
  "as_of": "2026-11-23T15:00:00Z",
  "facts": {"kind": "natural", "residence": "CN"},
  "overrides": [
    {
      "rule": "N42-I2-SVC",
      "proofs": ["competent_authority_approval", "financial_infrastructure"],
      "valid_to": "2027-01-01T00:00:00Z"
    }
  ]
}
```

Without them `action` is `onboard`, `relationship` is `new`, `standing` is `open`, `as_of` is now,
and `kind` is what the other facts can only be about, else `natural`. An unknown name or a
malformed value ends the command with exit code 1 and says which.
"""
_RULES_HEAD = """\
# Rules in force

Written by `manage.py compliance_pages`; a test compares it with the code. The strictest effect
wins: `ALLOW < CONDITIONS < REVIEW < EXIT_ONLY < DENY < FREEZE`. "new" is an investor before its
first approval, "holder" one after it; "entry" is onboarding, a wallet, a deposit or a mint,
"exit" a redemption or a delivery. Only a rule marked overridable can be lifted, by two people
with the named proofs, and lifting it lifts no other. A `REVIEW` is answered by the approval of
two people for the very facts the rule saw, and speaks again when they change.
"""


def facts_page() -> str:
    """docs/compliance/facts.md."""
    return _FACTS_HEAD + "".join(map(_fact_row, FACTS.values())) + _FACTS_TAIL


def rules_page() -> str:
    """docs/compliance/rules.md."""
    return _RULES_HEAD + "".join(map(_policy_part, active_policies()))


def _fact_row(spec: FactSpec) -> str:
    value = _TYPES[spec.type]
    if spec.choices:
        value = _words(spec.choices)
    elif spec.many:
        value += ", one or several"
    kinds = "both" if len(spec.kinds) > 1 else next(iter(spec.kinds))
    meaning = f"{spec.meaning} From `{PHONE}`." if spec.name == "phone_region" else spec.meaning
    return f"| `{spec.name}` | {value} | {kinds} | {spec.origin} | {meaning} |\n"


def _policy_part(policy: Policy) -> str:
    head = (
        f"\n## {policy.title}\n\n`{policy.name}` {policy.number}, in force from"
        f" {policy.valid_from.date()}, SHA-256 `{policy.sha256}`.\n\n"
        "| rule | cites | says | effect | when unknown | overridable |\n|---|---|---|---|---|---|\n"
    )
    return head + "".join(map(_rule_row, policy.rules))


def _rule_row(rule: Rule) -> str:
    cited = f"{rule.document}, {rule.clause}" + (f": “{rule.quote}”" if rule.quote else "")
    effect = _pair("new", rule.effect_new.name, "holder", rule.effect_holder.name)
    unknown = _pair("entry", rule.on_unknown.name, "exit", rule.on_unknown_exit.name)
    lifted = f"with {_words(rule.proofs)}" if rule.overridable else "no"
    return f"| `{rule.id}` | {cited} | {rule.sentence} | {effect} | {unknown} | {lifted} |\n"


def _pair(first: str, one: str, second: str, other: str) -> str:
    return one if one == other else f"{first} {one}, {second} {other}"


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in sorted(words))

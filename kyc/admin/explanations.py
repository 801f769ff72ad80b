"""A stored decision, told rule by rule with its clause and quotation."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core import portal
from core.portal import Cell, Fact, Panel
from kyc.models import Decision
from kyc.policy.effects import Effect

BPS_PER_PERCENT = 100
EFFECTS = {
    "ALLOW": "May go ahead",
    "CONDITIONS": "May go ahead under conditions",
    "REVIEW": "A person must look",
    "EXIT_ONLY": "May leave, not enter",
    "DENY": "Refused",
    "FREEZE": "Refused, and what is held is frozen",
}


def summary(decision: Decision | None) -> Cell:
    """The effect as a coloured label, leading to the decision."""
    if decision is None:
        return portal.BLANK
    label = portal.status(decision.effect)
    return Cell(
        label.text,
        href=portal.page_url(decision),
        tone=label.tone,
        note=EFFECTS.get(decision.effect, ""),
    )


def explained(decision: Decision) -> list[Panel]:
    """One panel with the rules that spoke, one with those that had nothing to say."""
    body = json.loads(bytes(decision.body))
    said = sorted([*body["fired"], *body["unknown"]], key=_strictest_first)
    spoke = [rule for rule in said if rule["effect"] != Effect.ALLOW.name]
    silent = [rule["id"] for rule in said if rule["effect"] == Effect.ALLOW.name]
    silent += [*body["not_fired"], *body["not_concerned"]]
    return [
        Panel(
            title=f"Why: {portal.words(decision.effect).lower()}, {decision.action}",
            note=f"Decided {portal.format_moment(decision.as_of)} because of {decision.trigger}."
            " The strictest effect that is not lifted wins.",
            columns=("Rule", "Effect", "What it says", "Facts it saw"),
            rows=[_rule_row(rule) for rule in spoke],
            empty="No rule spoke against it.",
        ),
        Panel(
            title=f"Rules that did not object ({len(silent)})",
            facts=[Fact("Rules", portal.code(", ".join(sorted(silent))), wide=True)],
        ),
    ]


def cited(document: str, clause: str, quote: str) -> str:
    """Document and clause, with the quotation when there is one."""
    if not quote:
        return f"{document}, {clause}"
    return f"{document}, {clause}: \N{LEFT DOUBLE QUOTATION MARK}{quote}\N{RIGHT DOUBLE QUOTATION MARK}"


def _strictest_first(rule: Mapping[str, Any]) -> tuple[bool, int, str]:
    return bool(rule.get("lifted_by")), -Effect[rule["effect"]], str(rule["id"])


def _rule_row(rule: Mapping[str, Any]) -> Sequence[Cell]:
    label = portal.status(rule["effect"])
    lifted = rule.get("lifted_by", "")
    notes = ["a fact is unknown"] if rule["result"] == "unknown" else []
    notes += [f"lifted by {lifted}"] if lifted else []
    return (
        portal.code(rule["id"], note=rule["policy"]),
        Cell(label.text, tone="neutral" if lifted else label.tone, note=", ".join(notes)),
        portal.text(rule["sentence"], note=cited(rule["document"], rule["clause"], rule["quote"])),
        portal.text(", ".join(_facts(rule["facts"]))),
    )


def _facts(facts: Mapping[str, Any]) -> list[str]:
    return [f"{portal.words(name)}: {_plain(value)}" for name, value in sorted(facts.items())]


def _plain(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case list():
            return " / ".join(map(_plain, value)) or "none"
        case {"share_bps": int(share), **rest}:
            return f"{share / BPS_PER_PERCENT:g} %, {_plain(rest)}"
        case dict():
            return ", ".join(
                f"{portal.words(name).lower()} {_plain(part)}" for name, part in value.items()
            )
        case _:
            return str(value)

"""The pages of docs/compliance say what the code does."""

import re
from pathlib import Path

from kyc.policy import pages
from kyc.policy.active import active_policies

FOLDER = Path(__file__).parents[2] / "docs" / "compliance"


def test_the_written_pages_are_those_of_the_code():
    assert (FOLDER / "facts.md").read_text(encoding="utf-8") == pages.facts_page()
    assert (FOLDER / "rules.md").read_text(encoding="utf-8") == pages.rules_page()


def test_the_notice_table_names_every_rule_of_the_notice_under_its_clause():
    table = (FOLDER / "notice.md").read_text(encoding="utf-8")
    rules = {rule.id: rule for policy in active_policies() for rule in policy.rules}
    named = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        for name in re.findall(r"`((?:N42|TERR)-[A-Z0-9-]+)`", cells[3] if len(cells) > 6 else ""):
            named[name] = cells[1]
    assert {name for name, rule in rules.items() if rule.document.startswith("Yinfa")} == set(named)
    for name, clause in named.items():
        assert clause.split(" ¶")[0] == rules[name].clause

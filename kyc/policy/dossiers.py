"""What is known of investors, read for one or for many in the same four statements."""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kyc import queries
from kyc.models import Investor, Override, Owner
from kyc.policy.engine import Grant
from kyc.policy.facts import merge, phone_value, prepare
from kyc.policy.vocabulary import PHONE
from kyc.states import HOLDER, InvestorStatus

_STANDING = {InvestorStatus.SUSPENDED: "suspended", InvestorStatus.FROZEN: "frozen"}


@dataclass(slots=True)
class Dossier:
    """The rows behind one decision, each list in the order the engine's input is built from."""

    # Name and canonical JSON of each.
    facts: list[tuple[str, str]] = field(default_factory=list)
    document_countries: set[str] = field(default_factory=set)
    owners: list[Owner] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)


def dossiers_of(*, investor_ids: Iterable[uuid.UUID], now: datetime) -> dict[uuid.UUID, Dossier]:
    """The dossier of every investor named, as it stands at ``now``."""
    ids = list(investor_ids)
    found = {investor_id: Dossier() for investor_id in ids}
    current = queries.current_facts_of(investor_ids=ids, now=now)
    for investor_id, name, value in current.values_list("investor_id", "name", "value"):
        found[investor_id].facts.append((name, value))
    for investor_id, country in queries.document_countries_of(investor_ids=ids):
        found[investor_id].document_countries.add(country)
    for owner in queries.current_owners_of(investor_ids=ids):
        found[owner.investor_id].owners.append(owner)
    for override in queries.live_overrides_of(investor_ids=ids, now=now):
        found[override.investor_id].overrides.append(override)
    return found


def facts_of(investor: Investor, dossier: Dossier) -> dict[str, Any]:
    """Everything held true of the investor, canonical; what two sources say stands together."""
    facts: dict[str, Any] = {}
    for name, written in dossier.facts:
        value = json.loads(written)
        if name == PHONE:
            merge(facts, "phone_region", phone_value(value))
        else:
            merge(facts, name, value)
    merge(facts, "document_country", sorted(dossier.document_countries))
    owners = [
        {
            "country": owner.country,
            "nationality": owner.nationality,
            "share_bps": owner.share_bps,
            "controls": owner.controls,
        }
        for owner in dossier.owners
    ]
    if owners:
        facts |= prepare({"owners": owners})
    return facts | {
        "kind": investor.kind.lower(),
        "relationship": "holder" if investor.status in HOLDER else "new",
        "standing": _STANDING.get(InvestorStatus(investor.status), "open"),
    }


def grants_of(overrides: Sequence[Override]) -> list[Grant]:
    """Live overrides as the engine sees them."""
    return [
        Grant(
            id=row.public_id,
            rule=row.rule,
            kind=row.kind,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            proofs=frozenset(row.evidence),
            facts_sha256=row.facts_sha256,
        )
        for row in overrides
    ]

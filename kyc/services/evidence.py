"""More is learned about an investor: facts, owners, documents; each change is decided anew."""

import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Sum

from core import events
from core.actors import Actor
from core.use_case import use_case
from kyc import queries
from kyc.models import Document, Investor, Owner
from kyc.policy.territory import CountryInvalid, canonical_country
from kyc.services.records import DECLARED, redecide, store_facts
from kyc.services.refusals import DocumentUsed, FieldRefused, InvestorFinal
from kyc.states import FINAL_INVESTOR, InvestorKind

OWNERS_MAX = 100
DOCUMENTS_MAX = 100
WHOLE_BPS = 10_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


@use_case
def record_facts(
    *,
    institution_id: uuid.UUID,
    investor_id: uuid.UUID,
    facts: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    source: str = DECLARED,
) -> Investor:
    """Add or correct facts; what was said before stays on record.

    Raises NotFound, FactInvalid or InvestorFinal.
    """
    investor = _changing(institution_id=institution_id, investor_id=investor_id)
    changed = store_facts(investor=investor, facts=facts, source=source, actor=actor, now=now)
    if changed:
        _note(investor, "investor.facts_recorded", actor, now, {"facts": changed})
        redecide(investor=investor, trigger="facts", actor=actor, now=now)
    return investor


@use_case
def add_owner(
    *,
    institution_id: uuid.UUID,
    investor_id: uuid.UUID,
    name: str,
    kind: str,
    country: str,
    nationality: str,
    share_bps: int,
    controls: bool,
    actor: Actor,
    now: datetime,
    source: str = DECLARED,
) -> Owner:
    """Add a beneficial owner of an entity; ``share_bps`` are basis points of the whole.

    Raises NotFound, FieldRefused or InvestorFinal.
    """
    investor = _changing(institution_id=institution_id, investor_id=investor_id)
    if investor.kind != InvestorKind.ENTITY:
        raise FieldRefused("Only an entity has owners.", field="/kind")
    present = queries.current_owners(investor_id=investor.pk)
    total = present.aggregate(total=Sum("share_bps"))["total"] or 0
    if not 0 <= share_bps <= WHOLE_BPS - total or present.count() >= OWNERS_MAX:
        raise FieldRefused("The shares exceed the whole.", field="/share_pct")
    owner = Owner.objects.create(
        investor=investor,
        name=name,
        kind=InvestorKind(kind),
        country=_country(country, "/country"),
        nationality=_country(nationality, "/nationality") if nationality else "",
        share_bps=share_bps,
        controls=controls,
        source=source,
        created_at=now,
    )
    _note(investor, "investor.owner_added", actor, now, {"owner_id": owner.public_id})
    redecide(investor=investor, trigger="owners", actor=actor, now=now)
    return owner


@use_case
def add_document(
    *,
    institution_id: uuid.UUID,
    investor_id: uuid.UUID,
    kind: str,
    issuing_country: str,
    expires_on: date | None,
    sha256: str,
    actor: Actor,
    now: datetime,
) -> Document:
    """Put a document's fingerprint on file.

    Raises NotFound, FieldRefused, DocumentUsed or InvestorFinal.
    """
    investor = _changing(institution_id=institution_id, investor_id=investor_id)
    if _SHA256.fullmatch(sha256) is None:
        raise FieldRefused("Expected 64 lower-case hex letters.", field="/sha256")
    if expires_on is not None and expires_on <= now.date():
        raise FieldRefused("The document has expired.", field="/expires_on")
    if investor.documents.count() >= DOCUMENTS_MAX:
        raise FieldRefused(f"At most {DOCUMENTS_MAX} documents.", field="/sha256")
    document = Document(
        investor=investor,
        kind=kind,
        issuing_country=_country(issuing_country, "/issuing_country"),
        expires_on=expires_on,
        sha256=sha256,
        created_at=now,
    )
    try:
        with transaction.atomic(savepoint=True):
            document.save(force_insert=True)
    except IntegrityError as taken:
        raise DocumentUsed(field="/sha256") from taken
    _note(investor, "investor.document_added", actor, now, {"document_id": document.public_id})
    redecide(investor=investor, trigger="documents", actor=actor, now=now)
    return document


def _changing(*, institution_id: uuid.UUID, investor_id: uuid.UUID) -> Investor:
    investor = queries.investor_for_update(investor_id=investor_id, institution_id=institution_id)
    if investor.status in FINAL_INVESTOR:
        raise InvestorFinal
    return investor


def _country(text: str, field: str) -> str:
    try:
        return canonical_country(text)
    except CountryInvalid as broken:
        raise FieldRefused("Expected an ISO 3166 country code.", field=field) from broken


def _note(
    investor: Investor, event_type: str, actor: Actor, now: datetime, data: Mapping[str, Any]
) -> None:
    events.record(event_type=event_type, row=investor, actor=actor, now=now, data=data)

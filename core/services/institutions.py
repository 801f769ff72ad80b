"""Institutions come to us."""

import re
from datetime import datetime

from core import events
from core.actors import Actor
from core.errors import DomainError
from core.models import Institution
from core.use_case import use_case

_COUNTRY = re.compile(r"[A-Z]{2}")


class InstitutionNameTaken(DomainError):
    """Names are unique so that an operator cannot mix two tenants up."""

    code = "institution_name_taken"
    status = 409
    title = "There is an institution with this name."


class CountryInvalid(DomainError):
    """The country is not two capital letters of ISO 3166-1."""

    code = "country_invalid"
    title = "A country is two capital letters of ISO 3166-1."


@use_case
def create_institution(
    *, name: str, country: str, lei: str = "", actor: Actor, now: datetime
) -> Institution:
    """Add a tenant. Raises InstitutionNameTaken or CountryInvalid."""
    if not _COUNTRY.fullmatch(country):
        raise CountryInvalid(field="/country")
    if Institution.objects.filter(name=name).exists():
        raise InstitutionNameTaken(field="/name")
    row = Institution.objects.create(name=name, country=country, lei=lei, created_at=now)
    events.record(
        event_type="institution.created", row=row, actor=actor, now=now, data={"country": country}
    )
    return row

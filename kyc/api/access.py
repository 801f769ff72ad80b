"""Middleware: clients in places the policies forbid get HTTP 451 with the clause that says so.

In development an unknown place is let through. In production it is refused wherever a request
could move value (any writing method under /v1), also when the database is missing or stale.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from core.api import problems
from core.api.client_address import Address, client_address
from core.errors import DomainError
from kyc import services
from kyc.api.geoip import CountryDatabase, open_country_database
from kyc.policy import session
from kyc.policy.engine import Finding

_PROBES = frozenset({"/livez", "/readyz"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_PREFIX_BITS = {4: 24, 6: 48}


class UnavailableForLegalReasons(DomainError):
    """RFC 7725: the law forbids serving this client."""

    code = "unavailable_for_legal_reasons"
    status = 451
    title = "This service is not available where you are."


class LocationUnknown(DomainError):
    """The country database does not know the client's address."""

    code = "location_unknown"
    status = 403
    title = "The place of this client cannot be determined."


class LocationUnavailable(DomainError):
    """There is no current country database to ask; ours to mend."""

    code = "location_unavailable"
    status = 503
    title = "The place of clients cannot be determined at present."
    retryable = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request comes from, as far as it is known."""

    address: Address | None
    country: str
    database: CountryDatabase | None


class GeographicAccess:
    """Refuses by place of origin and tells decisions in this request where it came from."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in _PROBES:
            return self._get_response(request)
        now = timezone.now()
        place = _locate(request, now=now)
        refusal = _refusal(request, place, now=now)
        if refusal is not None:
            return _refuse(request, refusal, place, now=now)
        reset = session.set_country(place.country)
        try:
            return self._get_response(request)
        finally:
            session.reset_country(reset)


def _locate(request: HttpRequest, *, now: datetime) -> Place:
    address = client_address(request)
    database = open_country_database(settings.GEOIP_PATH)
    if database is not None and database.is_stale(now) and not settings.DEVELOPMENT:
        database = None
    country = database.country(address) if database is not None and address is not None else ""
    return Place(address, country, database)


def _refusal(request: HttpRequest, place: Place, *, now: datetime) -> DomainError | None:
    if place.country:
        finding = session.session_refusal(country=place.country, on=now.date())
        return None if finding is None else _cite(finding)
    moves_value = request.path_info.startswith("/v1/") and request.method not in _READING
    if settings.DEVELOPMENT or not moves_value:
        return None
    return LocationUnavailable() if place.database is None else LocationUnknown()


def _cite(finding: Finding) -> UnavailableForLegalReasons:
    rule = finding.rule
    return UnavailableForLegalReasons(
        rule.sentence,
        rule=rule.id,
        citation={"document": rule.document, "clause": rule.clause, "quote": rule.quote},
    )


def _refuse(
    request: HttpRequest, refusal: DomainError, place: Place, *, now: datetime
) -> HttpResponseBase:
    services.record_refused_access(
        network=_network(place.address),
        country=place.country,
        database_built_at=place.database.built_at if place.database else None,
        method=str(request.method),
        path=request.path,
        code=refusal.code,
        now=now,
    )
    response = problems.answer(refusal, instance=request.path)
    if refusal.status == UnavailableForLegalReasons.status:
        response["Link"] = f'<{settings.PUBLIC_URL or "/"}>; rel="blocked-by"'
    return response


def _network(address: Address | None) -> str:
    if address is None:
        return ""
    return str(ip_network(f"{address}/{_PREFIX_BITS[address.version]}", strict=False))

"""Requests refused because of their place of origin are recorded, with the address cut short."""

from datetime import datetime

from core import requests
from core.use_case import use_case
from kyc.models import AccessEvent

PATH_LENGTH_MAX = 200


@use_case
def record_refused_access(
    *,
    network: str,
    country: str,
    database_built_at: datetime | None,
    method: str,
    path: str,
    code: str,
    now: datetime,
) -> AccessEvent:
    """Keep one refused request. ``network`` is the /24 or /48 the address lies in."""
    return AccessEvent.objects.create(
        at=now,
        network=network,
        country=country,
        database_built_at=database_built_at,
        method=method,
        path=path[:PATH_LENGTH_MAX],
        code=code,
        request_id=requests.current_id(),
    )

"""Country of an address, from the operator's MaxMind-format database."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

import maxminddb

from core.api.client_address import Address
from kyc.policy.territory import CountryInvalid, canonical_country

STALE_AFTER = timedelta(days=35)


class Reader(Protocol):
    """What we use of ``maxminddb.Reader``."""

    def get(self, ip_address: str) -> object:
        """The record of an address, or None."""

    def metadata(self) -> object:
        """The database's own description."""


@dataclass(frozen=True, slots=True)
class CountryDatabase:
    """An opened database and the time it was built."""

    reader: Reader
    built_at: datetime

    def country(self, address: Address) -> str:
        """The canonical country code of ``address``, or an empty string when it is not listed."""
        record = self.reader.get(str(address))
        country = record.get("country") if isinstance(record, dict) else None
        code = country.get("iso_code") if isinstance(country, dict) else None
        if not isinstance(code, str):
            return ""
        try:
            return canonical_country(code)
        except CountryInvalid:
            return ""

    def is_stale(self, now: datetime) -> bool:
        """Whether the data is too old to rely on."""
        return now - self.built_at > STALE_AFTER


@lru_cache(maxsize=2)
def open_country_database(path: str) -> CountryDatabase | None:
    """The database at ``path``, opened once per process; None when there is none to be read."""
    if not path:
        return None
    try:
        reader = maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError):
        return None
    return CountryDatabase(reader, datetime.fromtimestamp(reader.metadata().build_epoch, tz=UTC))

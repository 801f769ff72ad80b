"""A country database of a few documentation networks, so that refusal by place can be seen."""

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

# RFC 5737 and RFC 3849: nobody's addresses, so nobody is misplaced by this file.
COUNTRIES = {
    "CH": ("192.0.2.0/24",),
    "HK": ("198.51.100.0/24",),
    "CN": ("203.0.113.0/24", "2001:db8:86::/48"),
}


def write_places(path: Path) -> None:
    """Write the database in MaxMind's format."""
    writer = MMDBWriter(
        ip_version=6, ipv4_compatible=True, database_type="Country", description="Examples"
    )
    for country, networks in COUNTRIES.items():
        writer.insert_network(IPSet(networks), {"country": {"iso_code": country}})
    writer.to_db_file(str(path))

"""Write places.mmdb: the documentation networks of RFC 5737 and RFC 3849, each in one country.

Run ``python -m kyc.sandbox.places`` after a change; the file is committed beside this module.
"""

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

PATH = Path(__file__).with_name("places.mmdb")
PLACES = {
    "203.0.113.0/24": "CN",
    "198.51.100.0/24": "HK",
    "192.0.2.0/24": "CH",
    "2001:db8:86::/48": "CN",
    "2001:db8:852::/48": "HK",
    "2001:db8:41::/48": "CH",
}


def write(path: Path) -> None:
    """Write the database to ``path``."""
    writer = MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type="Sharemint-Test-Country",
        description="Documentation networks in chosen countries; for tests and trials only",
    )
    for network, code in PLACES.items():
        writer.insert_network(IPSet([network]), {"country": {"iso_code": code}})
    writer.to_db_file(str(path))


if __name__ == "__main__":
    write(PATH)

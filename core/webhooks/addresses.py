"""Where a webhook may go: rules for the URL, and a guard at the socket that cannot be talked past.

The URL is checked when it is saved. The address is checked when the socket is made, after DNS, so
neither an IP literal nor a name that changes its answer gets by.
"""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit, urlunsplit

from django.conf import settings

from core.errors import DomainError

URL_LENGTH_MAX = 500
PORTS = frozenset({443, 8443})
Address = IPv4Address | IPv6Address
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost"})
_NAT64 = ip_network("64:ff9b::/96")
# Python 3.11 calls some of these global, or knows them only in part.
_REFUSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)


class WebhookUrlRefused(DomainError):
    """The URL is not one we send to."""

    code = "webhook_url_refused"
    title = "A webhook URL is https, port 443 or 8443, on a public host name."


class BlockedAddress(OSError):
    """The host resolves to an address we never connect to."""


def check_url(text: str) -> str:
    """The URL in normal form, or WebhookUrlRefused."""
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as broken:
        raise _refused("It is not a URL.") from broken
    if len(text) > URL_LENGTH_MAX or not text.isprintable() or any(c.isspace() for c in text):
        raise _refused(f"It is at most {URL_LENGTH_MAX} printable characters.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _refused("It carries no user name, password or fragment.")
    if settings.WEBHOOK_ALLOW_LOOPBACK and _is_loopback(parts.scheme, host):
        return urlunsplit(parts)
    if parts.scheme != "https" or (port or 443) not in PORTS:
        raise _refused("It is https on port 443 or 8443.")
    return urlunsplit(SplitResult("https", _netloc(host, port), parts.path, parts.query, ""))


def require_public(address: Address, *, allow_loopback: bool) -> None:
    """Raise BlockedAddress unless the address is on the public internet.

    Addresses that carry another inside (v4-mapped, 6to4, Teredo, NAT64) are judged by that one.
    """
    if allow_loopback and address.is_loopback:
        return
    inner = _unwrap(address)
    refused = any(inner in network for network in _REFUSED if network.version == inner.version)
    if refused or not inner.is_global or inner.is_multicast:
        raise BlockedAddress("the address is not on the public internet")


def require_public_all(addresses: list[str], *, allow_loopback: bool) -> None:
    """One bad address in a DNS answer refuses the whole host."""
    for text in addresses:
        require_public(ip_address(text.partition("%")[0]), allow_loopback=allow_loopback)


def open_socket(
    family: int, kind: int, protocol: int, where: tuple[object, ...], *, allow_loopback: bool
) -> socket.socket:
    """A socket for ``where``, made only if its address and port are allowed."""
    address = ip_address(str(where[0]).partition("%")[0])
    require_public(address, allow_loopback=allow_loopback)
    if not (allow_loopback and address.is_loopback) and where[1] not in PORTS:
        raise BlockedAddress("the port is not 443 or 8443")
    return socket.socket(family, kind, protocol)


def _unwrap(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and address.teredo is not None:
        inside = address.teredo[1]
    if inside is None and isinstance(_NAT64, IPv6Network) and address in _NAT64:
        inside = IPv4Address(int(address) & 0xFFFFFFFF)
    return inside or address


def _is_loopback(scheme: str, host: str) -> bool:
    return scheme in {"http", "https"} and host in _LOOPBACK_HOSTS


def _netloc(host: str, port: int | None) -> str:
    try:
        name = host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError as broken:
        raise _refused("Its host is not a name.") from broken
    labels = name.split(".")
    # A last label that begins with a digit makes the whole a number to some parsers: 127.1, 0x7f.1
    if len(labels) < 2 or labels[-1][:1].isdigit() or not all(map(_LABEL.fullmatch, labels)):  # noqa: PLR2004
        raise _refused("Its host is a public name, not an address.")
    if name in {own.lstrip(".").lower() for own in settings.ALLOWED_HOSTS}:
        raise _refused("It is our own host.")
    return name if port in {None, 443} else f"{name}:{port}"


def _refused(why: str) -> WebhookUrlRefused:
    return WebhookUrlRefused(why, field="/url")

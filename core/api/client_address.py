"""Who is calling: the client's address behind a known number of our own proxies."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address


def client_address(request: HttpRequest) -> Address | None:
    """The address of the caller, or None behind a unix socket without a proxy.

    Each of our TRUSTED_PROXY_COUNT proxies appends the address it saw to X-Forwarded-For, so the
    caller stands that many places from the right; anything further left is the caller's claim.
    """
    text = request.META.get("REMOTE_ADDR", "")
    count: int = settings.TRUSTED_PROXY_COUNT
    if count:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
        # A request that came round the proxies is judged by its own connection.
        text = hops[-count] if len(hops) >= count else text
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
